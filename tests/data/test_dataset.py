"""Datasets index, split and join examples; what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_np import Tensor
from tinygrad_np.data import ConcatDataset, Dataset, Subset, TensorDataset, random_split


def test_arrays_and_tensors_side_by_side():
    dataset = TensorDataset(np.arange(12.0).reshape(4, 3), Tensor([1.0, 2.0, 3.0, 4.0]), [7, 8, 9, 10])
    x, t, label = dataset[2]
    assert len(dataset) == 4 and x.tolist() == [6, 7, 8] and t.item() == 3 and label == 9
    x, t, label = dataset.batch([3, 0])
    assert x.tolist() == [[9, 10, 11], [0, 1, 2]] and isinstance(t, Tensor) and label.tolist() == [10, 7]
    with pytest.raises(IndexError):
        dataset[4]
    assert [label for _, _, label in dataset] == [7, 8, 9, 10]


@pytest.mark.parametrize("arrays", [(), (np.zeros(3), np.zeros(4)), (np.float64(3.0),), (np.zeros(3), 5)])
def test_arrays_that_do_not_belong_together_are_refused(arrays):
    with pytest.raises(ValueError, match="TensorDataset: expected arrays with first axes of one length"):
        TensorDataset(*arrays)


def test_subsets_of_subsets_keep_the_quick_way():
    whole = TensorDataset(np.arange(10))
    part = Subset(Subset(whole, [9, 7, 5, 3]), np.array([3, 0]))
    assert [part[i][0] for i in range(len(part))] == [3, 9] and part.batch([1, 1, 0])[0].tolist() == [9, 9, 3]
    assert not hasattr(Subset("abc", [0]), "batch") and Subset("abc", [2, 1])[1] == "b"


def test_one_after_another():
    both = TensorDataset(np.arange(3)) + TensorDataset(np.arange(10, 12))
    assert isinstance(both, ConcatDataset) and len(both) == 5
    assert [int(both[i][0]) for i in range(5)] == [0, 1, 2, 10, 11] and int(both[-1][0]) == 11
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"example {index} of 5"):
            both[index]


@pytest.mark.parametrize(
    "lengths, sizes",
    [([7, 3], [7, 3]), ([0.5, 0.5], [5, 5]), ([0.33, 0.33, 0.34], [4, 3, 3]), ([10], [10]), ([1.0], [10])],
)
def test_a_split_covers_all_once(lengths, sizes):
    parts = random_split(TensorDataset(np.arange(10)), lengths, generator=3)
    assert [len(part) for part in parts] == sizes
    assert sorted(int(example) for part in parts for (example,) in part) == list(range(10))
    again = random_split(range(10), lengths, generator=np.random.default_rng(3))
    assert [part.indices.tolist() for part in parts] == [part.indices.tolist() for part in again]
    assert parts[0].indices.tolist() != random_split(range(10), lengths, generator=4)[0].indices.tolist()


def test_fractions_are_rounded_as_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    for n in (1, 2, 7, 10, 101):
        for lengths in ([0.5, 0.5], [0.1, 0.2, 0.7], [0.33, 0.33, 0.34], [0.9, 0.1]):
            theirs = [len(p) for p in torch.utils.data.random_split(range(n), lengths)] if n > 9 else None
            ours = [len(p) for p in random_split(range(n), lengths, generator=0)]
            assert sum(ours) == n and theirs in (None, ours)


@pytest.mark.parametrize("lengths", [[5, 4], [0.5, 0.4], [-1, 11], [2.5, 7.5], []])
def test_a_split_that_does_not_add_up_is_refused(lengths):
    with pytest.raises(ValueError, match="random_split: expected lengths that sum to 10, or fractions to 1"):
        random_split(range(10), lengths)


def test_the_base_says_what_to_define():
    class Empty(Dataset):
        pass

    with pytest.raises(NotImplementedError, match="Empty does not define __getitem__"):
        Empty()[0]
    with pytest.raises(NotImplementedError, match="Empty does not define __len__"):
        len(Empty())
