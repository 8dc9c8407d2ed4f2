"""A dataset is anything with `len()` and `[i]`; one that also has `batch(indices)` gives many examples at once."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..nn.init import as_generator


class Dataset:
    """The base of datasets: define `__getitem__` and `__len__`; adding two puts one after the other."""

    def __getitem__(self, index: Any) -> Any:
        """One example."""
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")

    def __len__(self) -> int:
        """The number of examples."""
        raise NotImplementedError(f"{type(self).__name__} does not define __len__")

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset):
    """Arrays or tensors whose first axes run over the same examples: example i is the tuple of their rows i.

    >>> images, labels = TensorDataset(np.zeros((5, 2, 2)), np.arange(5)).batch([3, 1])
    >>> images.shape, labels
    ((2, 2, 2), array([3, 1]))
    """

    def __init__(self, *arrays: Any) -> None:
        self.arrays = tuple(a if isinstance(a, Tensor) else np.asarray(a) for a in arrays)
        lengths = [len(a) if a.ndim else None for a in self.arrays]
        if not lengths or None in lengths or len(set(lengths)) > 1:
            raise ValueError(
                f"TensorDataset: expected arrays with first axes of one length, found {[a.shape for a in self.arrays]}"
            )

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(a[index] for a in self.arrays)

    def __len__(self) -> int:
        return len(self.arrays[0])

    def batch(self, indices: Any) -> tuple[Any, ...]:
        """The examples at some indices, stacked."""
        return self[np.asarray(indices, np.intp)]


class Subset(Dataset):
    """Some examples of a dataset, by their indices.

    >>> Subset("abc", [2, 0])[0]
    'c'
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray) -> None:
        self.dataset, self.indices = dataset, np.asarray(indices, np.intp)

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[int(self.indices[index])]

    def __len__(self) -> int:
        return len(self.indices)

    def __getattr__(self, name: str) -> Any:
        if name == "batch" and "dataset" in vars(self) and hasattr(self.dataset, "batch"):
            return lambda indices: self.dataset.batch(self.indices[np.asarray(indices, np.intp)])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class ConcatDataset(Dataset):
    """Datasets one after another.

    >>> ConcatDataset(["ab", "cde"])[3]
    'd'
    """

    def __init__(self, datasets: Sequence[Any]) -> None:
        self.datasets = list(datasets)
        self.ends = list(accumulate(len(dataset) for dataset in self.datasets))

    def __getitem__(self, index: int) -> Any:
        i = index + len(self) if index < 0 else index
        if not 0 <= i < len(self):
            raise IndexError(f"example {index} of {len(self)}")
        k = bisect_right(self.ends, i)
        return self.datasets[k][i - (self.ends[k - 1] if k else 0)]

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0


def random_split(
    dataset: Any, lengths: Sequence[float], generator: np.random.Generator | int | None = None
) -> list[Subset]:
    """Parts of a dataset that have no example in common: of these lengths, or of these fractions of the whole.

    Fractions that sum to 1 are rounded down, and what is left over goes to the first parts, one each.

    >>> [len(part) for part in random_split(range(10), [0.75, 0.25], generator=0)]
    [8, 2]
    """
    n = len(dataset)
    sizes = list(lengths)
    if all(0 <= size <= 1 for size in sizes) and math.isclose(sum(sizes), 1):
        sizes = [int(n * size) for size in sizes]
        for i in range(n - int(sum(sizes))):
            sizes[i % len(sizes)] += 1
    if sum(sizes) != n or any(size < 0 or size != int(size) for size in sizes):
        raise ValueError(f"random_split: expected lengths that sum to {n}, or fractions to 1, found {list(lengths)}")
    order = as_generator(generator).permutation(n)
    ends = list(accumulate(int(size) for size in sizes))
    return [Subset(dataset, order[begin:end]) for begin, end in zip([0, *ends], ends)]
