"""Image transforms on whole batches, each image with a draw of its own; the names are torchvision's where it has one.

A transform is called with images (n, height, width) or (n, channels, height, width), and whatever goes with them:
`transform(images, labels, generator=g)` gives both back. `generator`, a NumPy generator or a seed, says what is
drawn; without it the stream of `nn.manual_seed` does. The images given are never changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.public import public_names
from ..nn.init import as_generator
from .warp import affine, elastic, planes, smooth

Range = float | Sequence[float]


class Transform:
    """The base of transforms: define `apply(images, rng)`, which gives new images."""

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """New images from images and a random stream."""
        raise NotImplementedError(f"{type(self).__name__} does not define apply")

    def __call__(self, images: Any, *others: Any, generator: np.random.Generator | int | None = None) -> Any:
        array = np.asarray(images)
        planes(array, type(self).__name__)
        found = self.apply(array, as_generator(generator))
        return (found, *others) if others else found

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class Compose(Transform):
    """Transforms one after another.

    >>> images = np.ones((2, 4, 4), np.float32)
    >>> augment = Compose([RandomAffine(10, translate=(0.1, 0.1)), Normalize(0.1307, 0.3081)])
    >>> augment(images, generator=0).shape
    (2, 4, 4)
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]):
        self.transforms = list(transforms)

    def __call__(self, images: Any, *others: Any, generator: np.random.Generator | int | None = None) -> Any:
        rng, parts = as_generator(generator), (images, *others)
        for transform in self.transforms:
            found = transform(*parts, generator=rng)
            parts = found if type(found) is tuple else (found,)
        return parts if others else parts[0]


class ToFloat(Transform):
    """Pixels 0 to 255 as float32 from 0 to 1 (other whole numbers by their largest); floats as they are."""

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if images.dtype.kind == "f":
            return images.copy()
        scale = np.float32(1 / np.iinfo(images.dtype).max)
        out: np.ndarray = np.multiply(images, scale, dtype=np.float32)
        return out


class Normalize(Transform):
    """(images - mean) / std, for all or channel by channel.

    >>> Normalize([1.0, 2.0], [2.0, 2.0])(np.full((1, 2, 1, 1), 3.0)).ravel()
    array([1. , 0.5])
    """

    def __init__(self, mean: Range, std: Range):
        self.mean, self.std = np.asarray(mean, float), np.asarray(std, float)
        if not np.all(self.std > 0) or self.mean.ndim > 1 or self.std.ndim > 1:
            raise ValueError(f"Normalize: expected numbers, std above 0, found mean {mean!r} and std {std!r}")

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        kind = images.dtype if images.dtype.kind == "f" else np.dtype(np.float32)
        factor: Any
        shift: Any
        terms = 1 / self.std, -self.mean / self.std
        factor, shift = (v.reshape(-1, 1, 1).astype(kind) if v.ndim else kind.type(v) for v in terms)
        if max(np.ndim(factor), np.ndim(shift)) and images.ndim == 3:
            raise ValueError("Normalize: one mean a channel is for images of shape (n, channels, height, width)")
        out: np.ndarray = np.multiply(images, factor, dtype=kind)
        out += shift
        return out


class RandomAffine(Transform):
    """Turned, moved, scaled and sheared, each image by a draw of its own.

    `degrees` and `shear` are limits, as 10 for -10 to 10, or ranges (low, high); `shear` may be (x low, x high, y low,
    y high). `translate` = (a, b): up to a · width and b · height either way; `scale` = (low, high).

    >>> RandomAffine(15, translate=(0.1, 0.1), scale=(0.9, 1.1), shear=5)(np.ones((2, 8, 8)), generator=0).shape
    (2, 8, 8)
    """

    def __init__(
        self,
        degrees: Range,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: Range | None = None,
        interpolation: str = "bilinear",
        fill: float = 0.0,
    ):
        self.degrees = _range("degrees", degrees)
        self.translate = tuple(translate) if translate is not None else (0.0, 0.0)
        self.scale = _range("scale", scale if scale is not None else (1.0, 1.0))
        shears = shear if isinstance(shear, Sequence) and len(shear) == 4 else None
        self.shear_x = _range("shear", shears[:2] if shears else shear or 0.0)
        self.shear_y = _range("shear", shears[2:] if shears else 0.0)
        self.interpolation, self.fill = interpolation, fill
        if len(self.translate) != 2 or not all(0 <= v <= 1 for v in self.translate):
            raise ValueError(f"RandomAffine: translate: expected two fractions in [0, 1], found {translate!r}")
        if self.scale[0] <= 0:
            raise ValueError(f"RandomAffine: scale: expected numbers above 0, found {scale!r}")
        if interpolation not in ("bilinear", "nearest"):
            raise ValueError(f"RandomAffine: interpolation: expected 'bilinear' or 'nearest', found {interpolation!r}")

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, (height, width) = len(images), images.shape[-2:]
        angle, scale = rng.uniform(*self.degrees, n), rng.uniform(*self.scale, n)
        right, down = (rng.uniform(-a * size, a * size, n) for a, size in zip(self.translate, (width, height)))
        shear = rng.uniform(*self.shear_x, n), rng.uniform(*self.shear_y, n)
        return affine(images, angle, (right, down), scale, shear, interpolation=self.interpolation, fill=self.fill)


class RandomRotation(RandomAffine):
    """Turned about the middle by a draw from -degrees to degrees, or from a range (low, high)."""

    def __init__(self, degrees: Range, interpolation: str = "bilinear", fill: float = 0.0):
        super().__init__(degrees, interpolation=interpolation, fill=fill)


class ElasticTransform(Transform):
    """Every pixel from beside it, by smooth random fields (Simard, Steinkraus & Platt, 2003).

    The field of an image is noise from -1 to 1, blurred by a Gaussian of `sigma` pixels, times alpha / 2, as in
    torchvision, which uses the same field for all images.

    >>> ElasticTransform(alpha=30.0, sigma=4.0)(np.ones((2, 8, 8)), generator=0).shape
    (2, 8, 8)
    """

    def __init__(self, alpha: float = 50.0, sigma: float = 5.0, interpolation: str = "bilinear", fill: float = 0.0):
        if not (alpha >= 0 and sigma >= 0):
            raise ValueError(f"ElasticTransform: expected alpha and sigma >= 0, found {alpha!r} and {sigma!r}")
        self.alpha, self.sigma, self.interpolation, self.fill = alpha, sigma, interpolation, fill

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        noise = rng.random((len(images), 2, *images.shape[-2:]), np.float32)
        noise *= self.alpha
        noise -= self.alpha / 2
        return elastic(images, smooth(noise, self.sigma), interpolation=self.interpolation, fill=self.fill)


class RandomCrop(Transform):
    """A window of `size` = height or (height, width) at a random place, after a frame of `padding` pixels.

    >>> RandomCrop(2, padding=1)(np.ones((3, 4, 4)), generator=0).shape
    (3, 2, 2)
    """

    def __init__(self, size: int | Sequence[int], padding: int | Sequence[int] = 0, fill: float = 0.0):
        self.size, self.padding, self.fill = _pair("size", size, 1), _pair("padding", padding, 0), fill

    def window(self, images: np.ndarray) -> tuple[int, int]:
        """The height and width of what is cut out."""
        return self.size

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        (down, right), (height, width) = self.padding, self.window(images)
        source = planes(images, type(self).__name__)
        n, channels, rows, columns = source.shape
        framed = np.full((n, channels, rows + 2 * down, columns + 2 * right), self.fill, images.dtype)
        framed[:, :, down : down + rows, right : right + columns] = source
        i, j = framed.shape[2] - height, framed.shape[3] - width
        if min(i, j) < 0:
            raise ValueError(
                f"{type(self).__name__}: a window of {(height, width)} does not fit into images of {(rows, columns)} "
                f"with a frame of {self.padding}"
            )
        windows = np.lib.stride_tricks.sliding_window_view(framed, (height, width), (2, 3))
        found = windows[np.arange(n), :, rng.integers(0, i + 1, n), rng.integers(0, j + 1, n)]
        return found.reshape(images.shape[:-2] + (height, width))


class RandomShift(RandomCrop):
    """Moved by up to `pixels` = limit or (down, right) either way, by whole pixels, so that nothing is blurred.

    >>> RandomShift(2)(np.ones((3, 4, 4)), generator=0).shape
    (3, 4, 4)
    """

    def __init__(self, pixels: int | Sequence[int], fill: float = 0.0):
        super().__init__(1, _pair("pixels", pixels, 0), fill)

    def window(self, images: np.ndarray) -> tuple[int, int]:
        height, width = images.shape[-2:]
        return height, width


class RandomHorizontalFlip(Transform):
    """Mirrored left to right with probability p."""

    axis = -1

    def __init__(self, p: float = 0.5):
        self.p = _probability(p)

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        out = images.copy()
        chosen = rng.random(len(images)) < self.p
        out[chosen] = np.flip(images[chosen], self.axis)
        return out


class RandomVerticalFlip(RandomHorizontalFlip):
    """Mirrored top to bottom with probability p."""

    axis = -2


class RandomErasing(Transform):
    """A rectangle is set to `value` with probability p (Zhong et al., 2020).

    Its share of the image is drawn from `scale`, its height over its width from `ratio`; it lies within the image.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float = 0.0,
    ):
        self.p, self.scale, self.ratio = _probability(p), _range("scale", scale), _range("ratio", ratio)
        self.value = value
        if self.scale[0] < 0 or self.scale[1] > 1 or self.ratio[0] <= 0:
            raise ValueError(
                f"RandomErasing: expected scale in [0, 1] and ratio above 0, found {self.scale} and {self.ratio}"
            )

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, (height, width) = len(images), images.shape[-2:]
        area = rng.uniform(*self.scale, n) * height * width
        ratio = np.exp(rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1]), n))
        h = np.minimum(np.rint(np.sqrt(area * ratio)), height).astype(int)
        w = np.minimum(np.rint(np.sqrt(area / ratio)), width).astype(int)
        top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        h[rng.random(n) >= self.p] = 0
        return _erased(images, top, left, top + h, left + w, self.value)


class Cutout(Transform):
    """A square of `size` pixels, its middle anywhere in the image, is set to `value` (DeVries & Taylor, 2017).

    >>> int(Cutout(2)(np.ones((1, 4, 4)), generator=0).sum())
    12
    """

    def __init__(self, size: int, p: float = 1.0, value: float = 0.0):
        self.size, self.p, self.value = _pair("size", size, 1)[0], _probability(p), value

    def apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, (height, width) = len(images), images.shape[-2:]
        top = rng.integers(0, height, n) - self.size // 2
        left = rng.integers(0, width, n) - self.size // 2
        size = np.where(rng.random(n) < self.p, self.size, 0)
        return _erased(images, top, left, top + size, left + size, self.value)


class MixUp(Transform):
    """λ · images + (1 - λ) · their neighbors, and the labels likewise; λ from Beta(alpha, alpha) (Zhang et al., 2018).

    `mixup(images, labels)`: labels are classes, which become shares of `num_classes`, or shares already. As in
    torchvision one λ is drawn a batch, and the neighbor is the image before.

    >>> images, shares = MixUp(num_classes=3)(np.eye(2).reshape(2, 1, 2), [0, 2], generator=0)
    >>> shares.sum(axis=1)
    array([1., 1.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, num_classes: int | None = None):
        if not 0 < alpha < math.inf:
            raise ValueError(f"MixUp: alpha: expected a finite number above 0, found {alpha!r}")
        self.alpha, self.num_classes = alpha, num_classes

    def __call__(self, images: Any, *others: Any, generator: np.random.Generator | int | None = None) -> Any:
        array = np.asarray(images)
        planes(array, "MixUp")
        share = as_generator(generator).beta(self.alpha, self.alpha)
        parts = [_mixed(array if array.dtype.kind == "f" else array.astype(np.float32), share)]
        parts += [_mixed(self.shares(labels), share) for labels in others]
        return tuple(parts) if others else parts[0]

    def shares(self, given: Any) -> np.ndarray:
        """Labels as shares of the classes."""
        labels: np.ndarray = np.asarray(given)
        if labels.ndim == 2 and labels.dtype.kind == "f":
            return labels
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or self.num_classes is None:
            raise ValueError(
                f"MixUp: expected classes and num_classes, or shares of shape (n, classes), found {labels.dtype} of "
                f"shape {labels.shape} and num_classes={self.num_classes}"
            )
        if len(labels) and not 0 <= labels.min() <= labels.max() < self.num_classes:
            raise ValueError(
                f"MixUp: found classes {labels.min()} to {labels.max()}, expected 0 to {self.num_classes - 1}"
            )
        shares: np.ndarray = np.eye(self.num_classes, dtype=np.float32)[labels]
        return shares


def _mixed(a: np.ndarray, share: float) -> np.ndarray:
    out: np.ndarray = np.roll(a, 1, axis=0)
    out *= 1 - share
    out += np.multiply(a, share)
    return out


def _erased(images: np.ndarray, top: Any, left: Any, bottom: Any, right: Any, value: float) -> np.ndarray:
    """Images with a rectangle of each set to a value."""
    i, j = np.arange(images.shape[-2]), np.arange(images.shape[-1])
    rows = (i >= top[:, None]) & (i < bottom[:, None])
    columns = (j >= left[:, None]) & (j < right[:, None])
    inside = rows[:, :, None] & columns[:, None, :]
    out = images.copy()
    np.copyto(out, images.dtype.type(value), where=inside if images.ndim == 3 else inside[:, None])
    return out


def _range(name: str, given: Any) -> tuple[float, float]:
    """(low, high) of a range, or of a limit either way."""
    try:
        low, high = given if isinstance(given, (Sequence, np.ndarray)) else (-given, given)
        if -math.inf < low <= high < math.inf:
            return float(low), float(high)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name}: expected a number >= 0 or (low, high), found {given!r}")


def _pair(name: str, given: Any, least: int) -> tuple[int, int]:
    pair = tuple(given) if isinstance(given, (Sequence, np.ndarray)) else (given, given)
    if len(pair) != 2 or not all(isinstance(v, (int, np.integer)) and v >= least for v in pair):
        raise ValueError(f"{name}: expected one or two whole numbers >= {least}, found {given!r}")
    return int(pair[0]), int(pair[1])


def _probability(p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"p: expected a probability, found {p!r}")
    return float(p)


def __dir__() -> list[str]:
    return public_names(globals())
