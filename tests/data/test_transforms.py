"""Transforms of whole batches: each image as by itself, as scalar code and PyTorch would have it, and none changed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_np.data import transforms as T
from tinygrad_np.data.warp import TILE, affine, elastic, smooth, warp

ALL = [
    T.ToFloat(),
    T.Normalize(0.3, 0.5),
    T.RandomAffine(30, (0.2, 0.1), (0.7, 1.3), 20),
    T.RandomAffine((10, 20), None, None, (0, 5, -10, 10), "nearest", 0.5),
    T.RandomRotation(45),
    T.ElasticTransform(20.0, 2.0),
    T.RandomCrop(5),
    T.RandomCrop((4, 6), padding=(1, 2), fill=0.25),
    T.RandomShift(2),
    T.RandomShift((0, 3), fill=1.0),
    T.RandomHorizontalFlip(),
    T.RandomVerticalFlip(0.3),
    T.RandomErasing(0.7),
    T.Cutout(3),
    T.Cutout(4, p=0.5, value=0.5),
    T.MixUp(0.4),
    T.Compose([T.RandomShift(1), T.RandomRotation(10), T.Normalize(0.1, 0.2)]),
]
IDS = [f"{i}-{type(t).__name__}" for i, t in enumerate(ALL)]


@pytest.mark.parametrize("transform", ALL, ids=IDS)
@pytest.mark.parametrize("shape", [(6, 8, 7), (6, 2, 8, 7), (0, 8, 7), (1, 1, 8, 7)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint8])
def test_any_images(transform, shape, dtype, rng):
    images = (rng.random(shape) * (255 if dtype == np.uint8 else 1)).astype(dtype)
    before = images.copy()
    out = transform(images, generator=0)
    assert np.array_equal(images, before) and not np.shares_memory(out, images)
    assert out.shape[:-2] == shape[:-2] and np.isfinite(out).all()
    assert out.dtype == dtype or dtype == np.uint8 and out.dtype == np.float32
    assert np.array_equal(out, transform(images, generator=np.random.default_rng(0)))
    if shape[0] > 1 and not isinstance(transform, (T.ToFloat, T.Normalize)):
        assert not np.array_equal(out, transform(images, generator=1)), "nothing is drawn"
    images = images[:, ::-1][..., ::-1]  # a view that is not contiguous
    assert np.array_equal(transform(images, generator=0), transform(images.copy(), generator=0))


@pytest.mark.parametrize("transform", ALL, ids=IDS)
def test_what_goes_with_the_images_comes_back(transform, rng):
    labels = np.eye(3)[[0, 1, 2, 1]] if isinstance(transform, T.MixUp) else np.arange(4)
    images = rng.random((4, 8, 7))
    found, other = transform(images, labels, generator=0)
    assert np.array_equal(found, transform(images, generator=0))
    assert isinstance(transform, T.MixUp) or other is labels


def sampled(image, y, x, fill=0.0):
    """One place of one image, bilinearly."""

    def pixel(i, j):
        return image[i, j] if 0 <= i < image.shape[0] and 0 <= j < image.shape[1] else fill

    i, j = math.floor(y), math.floor(x)
    a, b = y - i, x - j
    return (1 - a) * ((1 - b) * pixel(i, j) + b * pixel(i, j + 1)) + a * (
        (1 - b) * pixel(i + 1, j) + b * pixel(i + 1, j + 1)
    )


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("fill", [0.0, 0.75])
def test_warp_is_the_plain_formula(alike, fill, rng):
    images = rng.random((5, 2, 6, 7))
    y, x = rng.uniform(-3, 9, (2, 1 if alike else 5, 4, 3))
    y[0, 0], x[0, 0] = (-1, 0, 5), (6, -1, 7)  # whole numbers and the very edge
    out = warp(images, y, x, fill=fill)
    assert out.shape == (5, 2, 4, 3)
    for n, c, i, j in np.ndindex(out.shape):
        k = 0 if alike else n
        assert out[n, c, i, j] == pytest.approx(sampled(images[n, c], y[k, i, j], x[k, i, j], fill), abs=1e-12)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("shape", [(3, 9, 8), (40, 3, 32, 32), (TILE // 100, 28, 28)])
def test_alike_or_apart_a_batch_or_one_by_one(interpolation, shape, rng):
    images = rng.random(shape).astype(np.float32)
    y, x = rng.uniform(-3, shape[-1] + 3, (2, 1, 5, 6)).astype(np.float32)
    together = warp(images, y, x, interpolation=interpolation)
    apart = warp(images, *(np.repeat(v, len(images), 0) for v in (y, x)), interpolation=interpolation)
    assert np.array_equal(together, apart)
    for k in (0, 1, len(images) - 1):
        assert np.array_equal(together[k], warp(images[k : k + 1], y, x, interpolation=interpolation)[0])


def test_affine_is_grid_sampling(rng):
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    images = rng.random((6, 2, 9, 12))
    angle, scale = rng.uniform(-180, 180, 6), rng.uniform(0.5, 2, 6)
    move, shear = rng.uniform(-3, 3, (2, 6)), rng.uniform(-30, 30, (2, 6))
    turn, sx, sy = np.radians([angle, *shear])
    zero, one = np.zeros(6), np.ones(6)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]).transpose(2, 0, 1)
    shears = np.array([[one, -np.tan(sx)], [zero, one]]).transpose(2, 0, 1)
    upward = np.array([[one, zero], [-np.tan(sy), one]]).transpose(2, 0, 1)
    inverse = np.linalg.inv(rotation @ upward @ shears * scale[:, None, None])
    half = np.array([12, 9]) / 2
    theta = np.empty((6, 2, 3))
    theta[:, :, :2] = inverse * half / half[:, None]
    theta[:, :, 2] = -(inverse @ move.T[:, :, None])[:, :, 0] / half
    for interpolation in ("bilinear", "nearest"):
        grid = torch.nn.functional.affine_grid(torch.from_numpy(theta), [6, 2, 9, 12], align_corners=False)
        expected = torch.nn.functional.grid_sample(
            torch.from_numpy(images), grid, mode=interpolation, align_corners=False
        )
        found = affine(images, angle, move, scale, shear, interpolation=interpolation)
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-9)


def test_turns_and_moves_by_whole_pixels_are_exact(rng):
    images = rng.random((3, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(affine(images, 90), np.rot90(images, -1, (1, 2)), atol=1e-5)
    moved = affine(images, translate=(1, -2))
    assert np.array_equal(moved[:, :3, 1:], images[:, 2:, :4]) and not moved[:, 3:].any() and not moved[:, :, 0].any()
    assert np.array_equal(affine(images), images)
    assert np.array_equal(affine((images * 255).astype(np.uint8)), (images * 255).astype(np.uint8))


def test_elastic_follows_its_field(rng):
    images = rng.random((4, 6, 7))
    field = rng.uniform(-2, 2, (4, 2, 6, 7))
    out = elastic(images, field)
    for n, i, j in np.ndindex(out.shape):
        assert out[n, i, j] == pytest.approx(
            sampled(images[n], i + field[n, 0, i, j], j + field[n, 1, i, j]), abs=1e-12
        )


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("shape", [(1, 1), (3, 9), (28, 28)])
def test_smoothing_is_a_gaussian(sigma, shape, rng):
    fields = rng.random((2, *shape))
    found = smooth(fields, sigma)
    np.testing.assert_allclose(smooth(np.ones((1, *shape)), sigma), 1, rtol=1e-12)
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
    half = int(8 * sigma + 1) // 2
    expected = [ndimage.gaussian_filter(f, sigma, mode="mirror", radius=half) for f in fields]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_crops_and_shifts_are_windows_of_the_framed_image(rng):
    images = rng.random((50, 5, 6))
    framed = np.pad(images, ((0, 0), (1, 1), (2, 2)), constant_values=0.5)
    out = T.RandomCrop((4, 3), padding=(1, 2), fill=0.5)(images, generator=0)
    found = set()
    for n in range(50):
        places = [(i, j) for i in range(4) for j in range(8) if np.array_equal(framed[n, i : i + 4, j : j + 3], out[n])]
        assert places
        found.update(places)
    assert len(found) > 20, "not every place is drawn"
    shifted = T.RandomShift(1)(images, generator=0)
    frame = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    for n in range(50):
        assert any(np.array_equal(frame[n, i : i + 5, j : j + 6], shifted[n]) for i in range(3) for j in range(3))


def test_flips_are_all_or_nothing(rng):
    images = rng.random((40, 3, 4))
    for transform, axis in ((T.RandomHorizontalFlip(0.5), 2), (T.RandomVerticalFlip(0.5), 1)):
        out = transform(images, generator=0)
        flipped = [np.array_equal(o, f) for o, f in zip(out, np.flip(images, axis), strict=True)]
        kept = [np.array_equal(o, i) for o, i in zip(out, images, strict=True)]
        assert all(a != b for a, b in zip(flipped, kept, strict=True)) and 8 < sum(flipped) < 32


def test_erased_are_rectangles_of_the_share_drawn():
    images = np.ones((200, 20, 30))
    out = T.RandomErasing(0.5, scale=(0.1, 0.2), ratio=(0.5, 2.0), value=7.0)(images, generator=0)
    areas = []
    for image in out:
        rows, columns = (image == 7).any(1), (image == 7).any(0)
        inside = rows[:, None] & columns
        assert np.array_equal(image, np.where(inside, 7.0, 1.0)) and np.all(np.diff(np.flatnonzero(rows)) == 1)
        areas.append(inside.mean())
    hit = [a for a in areas if a]
    assert 70 < len(hit) < 130 and 0.08 < min(hit) and max(hit) < 0.23
    squares = T.Cutout(6)(images, generator=0)
    sides = [((image == 0).any(1).sum(), (image == 0).any(0).sum()) for image in squares]
    assert max(sides) == (6, 6) and min(min(side) for side in sides) >= 3  # the middle is inside, edges may not be


def test_mixup_mixes_images_and_labels_alike(rng):
    images, labels = rng.random((5, 3, 3)), np.array([0, 3, 1, 1, 2])
    mixed, shares = T.MixUp(0.5, num_classes=4)(images, labels, generator=3)
    share = np.random.default_rng(3).beta(0.5, 0.5)
    np.testing.assert_allclose(mixed, share * images + (1 - share) * np.roll(images, 1, 0), rtol=1e-12)
    one_hot = np.eye(4)[labels]
    np.testing.assert_allclose(shares, share * one_hot + (1 - share) * np.roll(one_hot, 1, 0), rtol=1e-6)
    assert shares.dtype == np.float32


def test_normalizing_and_scaling(rng):
    images = rng.integers(0, 256, (3, 2, 4, 4), np.uint8)
    floats = T.ToFloat()(images)
    np.testing.assert_allclose(floats, images / 255, rtol=1e-6)
    out = T.Normalize([0.1, 0.2], [0.5, 0.25])(floats)
    np.testing.assert_allclose(out, (floats - [[[0.1]], [[0.2]]]) / [[[0.5]], [[0.25]]], rtol=1e-5, atol=1e-6)
    assert out.dtype == np.float32


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: T.RandomAffine(-5), "degrees: expected a number >= 0 or .low, high., found -5"),
        (lambda: T.RandomAffine((5, 1)), "degrees: expected"),
        (lambda: T.RandomAffine(5, (2, 0)), "translate: expected two fractions"),
        (lambda: T.RandomAffine(5, scale=(0, 1)), "scale: expected numbers above 0"),
        (lambda: T.RandomAffine(5, interpolation="cubic"), "interpolation: expected 'bilinear' or 'nearest'"),
        (lambda: T.RandomCrop(0), "size: expected one or two whole numbers >= 1, found 0"),
        (lambda: T.RandomShift(-1), "pixels: expected"),
        (lambda: T.RandomHorizontalFlip(1.5), "p: expected a probability"),
        (lambda: T.RandomErasing(scale=(0.5, 2)), "scale in"),
        (lambda: T.Normalize(0, 0), "std above 0"),
        (lambda: T.ElasticTransform(-1), "alpha and sigma >= 0"),
        (lambda: T.MixUp(0), "alpha: expected"),
        (lambda: T.RandomRotation(5)(np.zeros((3, 784))), r"images.reshape\(-1, 28, 28\) makes them of rows of 784"),
        (lambda: T.RandomRotation(5)(np.zeros((3, 4, 4), complex)), "expected images of real numbers"),
        (lambda: T.RandomCrop(9)(np.zeros((3, 4, 4))), r"a window of \(9, 9\) does not fit"),
        (lambda: T.Normalize([1, 2], 1)(np.zeros((3, 4, 4))), "one mean a channel"),
        (lambda: T.MixUp()(np.zeros((3, 4, 4)), [0, 1, 2]), "expected classes and num_classes"),
        (lambda: T.MixUp(num_classes=2)(np.zeros((3, 4, 4)), [0, 1, 2]), "found classes 0 to 2, expected 0 to 1"),
        (lambda: elastic(np.zeros((3, 4, 4)), np.zeros((3, 4, 4))), "displacement: found shape"),
        (
            lambda: warp(np.zeros((3, 4, 4)), np.zeros((2, 1, 1)), np.zeros((2, 1, 1))),
            "places for 2 images, expected 3",
        ),
    ],
)
def test_bad_arguments_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_places_that_are_no_numbers_give_no_numbers():
    y = np.array([[[np.nan, 0.0]]])
    out = warp(np.ones((2, 3, 3)), y, np.zeros((1, 1, 1)))
    assert np.isnan(out[..., 0]).all() and (out[..., 1] == 1).all()
