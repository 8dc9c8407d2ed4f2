"""Batches come in one order whoever loads them, errors come where they are due, and no thread is left behind."""

from __future__ import annotations

import copy
import pickle
import threading
from collections import namedtuple

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor, nn
from tinygrad_np.data import DataLoader, Dataset, Subset, TensorDataset, default_collate
from tinygrad_np.data.transforms import RandomAffine

WORKERS = [0, 1, 3]
ARRAYS = np.arange(23 * 4, dtype=np.float32).reshape(23, 2, 2), np.arange(23)


class Slow(Dataset):
    """Examples that take the longer the earlier they are, so that threads would overtake each other."""

    def __init__(self, n=12, fails_at=None):
        self.n, self.fails_at, self.lock = n, fails_at, threading.Event()

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        self.lock.wait(0.001 * (self.n - i))
        if i == self.fails_at:
            raise RuntimeError(f"example {i} is broken")
        return np.full(3, i), i


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("tinygrad_np.data")]
    assert not left


def same(a, b) -> bool:
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(np.asarray(a), np.asarray(b)) and np.asarray(a).dtype == np.asarray(b).dtype


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("size", [1, 5, 23, 40])
@pytest.mark.parametrize("drop_last", [False, True])
def test_every_example_once_in_batches(workers, size, drop_last):
    loader = DataLoader(TensorDataset(*ARRAYS), size, num_workers=workers, drop_last=drop_last)
    batches = list(loader)
    kept = 23 // size * size if drop_last else 23
    assert len(batches) == len(loader) and all(len(labels) == size for _, labels in batches[: 23 // size])
    for k, whole in enumerate(ARRAYS):
        joined = np.concatenate([batch[k] for batch in batches]) if batches else whole[:0]
        assert np.array_equal(joined, whole[:kept])


@pytest.mark.parametrize("workers", WORKERS)
def test_order_is_kept_where_late_ones_are_quick(workers):
    for _ in range(3):
        labels = [label for _, labels in DataLoader(Slow(), 2, num_workers=workers) for label in labels]
        assert labels == list(range(12))


@pytest.mark.parametrize("transform", [None, RandomAffine(20, translate=(0.5, 0.5))])
def test_the_seed_decides_whoever_loads(transform):
    def epochs(workers, seed=5):
        loader = DataLoader(
            TensorDataset(*ARRAYS), 4, shuffle=True, num_workers=workers, generator=seed, transform=transform
        )
        return [list(loader) for _ in range(2)]

    first, second = epochs(0)
    assert not same(first, second) and not same([first, second], epochs(0, seed=6))
    for workers in WORKERS:
        assert same([first, second], epochs(workers))
    labels = np.concatenate([labels for _, labels in first])
    assert sorted(labels.tolist()) == list(range(23)) and labels.tolist() != list(range(23))


def test_without_a_generator_manual_seed_decides():
    loader = DataLoader(TensorDataset(np.arange(50)), 50, shuffle=True)
    orders = []
    for _ in range(2):
        nn.init.manual_seed(7)
        orders += [[int(i) for (batch,) in loader for i in batch] for _ in range(2)]
    assert orders[0] == orders[2] and orders[1] == orders[3] and orders[0] != orders[1]


@pytest.mark.parametrize("workers", WORKERS)
def test_an_error_comes_where_its_batch_is_due(workers):
    seen = []
    with pytest.raises(RuntimeError, match="example 7 is broken"):
        for _, labels in DataLoader(Slow(fails_at=7), 2, num_workers=workers):
            seen += labels.tolist()
    assert seen == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("workers", WORKERS)
def test_a_loop_that_ends_early_leaves_nothing(workers):
    loader = DataLoader(Slow(), 2, num_workers=workers)
    for _ in loader:
        break
    with pytest.raises(KeyError):
        for _ in loader:
            raise KeyError
    iterator = iter(loader)
    next(iterator)
    del iterator
    it = iter(loader)  # never begun
    assert it is not None


@pytest.mark.parametrize("workers", WORKERS)
def test_a_sampler_that_fails_leaves_nothing(workers):
    def indices():
        yield from range(5)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(DataLoader(Slow(), 1, sampler=indices(), num_workers=workers))


def test_threads_load_ahead_but_not_without_end():
    begun = []

    class Watched(Dataset):
        def __len__(self):
            return 100

        def __getitem__(self, i):
            begun.append(i)
            return i

    iterator = iter(DataLoader(Watched(), 1, num_workers=2, prefetch_factor=3))
    next(iterator)
    assert len(begun) <= 2 * 3 + 1
    next(iterator)
    assert len(begun) <= 2 * 3 + 2
    iterator.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_examples_are_loaded_under_the_modes_of_who_asks(workers):
    class Mode(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return tg.is_grad_enabled()

    assert [bool(b[0]) for b in DataLoader(Mode(), num_workers=workers)] == [True] * 3
    with tg.no_grad():
        assert [bool(b[0]) for b in DataLoader(Mode(), num_workers=workers)] == [False] * 3


def test_loops_inside_loops():
    loader = DataLoader(TensorDataset(np.arange(4)), 2, num_workers=2)
    assert [(int(a[0]), int(b[0])) for (a,) in loader for (b,) in loader] == [(0, 0), (0, 2), (2, 0), (2, 2)]


# ---- what is loaded, and how it is joined ----------------------------------------------------------------------


def test_examples_are_joined_entry_by_entry():
    Pair = namedtuple("Pair", "x y")
    items = [
        {"image": np.full((2, 2), i, np.float32), "pair": Pair(i, float(i)), "name": str(i), "t": Tensor([1.0 * i])}
        for i in range(3)
    ]
    (batch,) = DataLoader(items, 3)
    assert batch["image"].shape == (3, 2, 2) and batch["image"].dtype == np.float32
    assert type(batch["pair"]) is Pair and batch["pair"].x.tolist() == [0, 1, 2] and batch["pair"].y.dtype == float
    assert batch["name"] == ["0", "1", "2"] and isinstance(batch["t"], Tensor) and batch["t"].shape == (3, 1)
    assert default_collate([[1, 2], [3, 4]])[1].tolist() == [2, 4]
    assert default_collate([np.float32(1), np.float32(2)]).dtype == np.float32
    assert default_collate([True, False]).dtype == bool


@pytest.mark.parametrize(
    "examples, words",
    [
        ([np.zeros(2), np.zeros(2), np.zeros(3)], r"example 0 has shape \(2,\) and example 2 shape \(3,\)"),
        ([(1, 2), (1, 2, 3)], r"examples of \[2, 3\] entries"),
    ],
)
def test_examples_that_do_not_fit_are_refused(examples, words):
    with pytest.raises(ValueError, match=words):
        default_collate(examples)


def test_a_collate_fn_and_a_quick_way_of_ones_own():
    dataset = TensorDataset(*ARRAYS)
    assert [len(b) for b in DataLoader(dataset, 10, collate_fn=list)] == [10, 10, 3]

    class Quick(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            raise AssertionError

        def __getitems__(self, indices):
            return [(i, -i) for i in indices]

    assert [a.tolist() for a, _ in DataLoader(Quick(), 2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(np.arange(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [(type(b), b.shape) for b in DataLoader(Tensor(np.arange(6.0)), 4)] == [(Tensor, (4,)), (Tensor, (2,))]
    assert [int(i) for (i,) in DataLoader(Subset(TensorDataset(np.arange(9)), [8, 2]), None)] == [8, 2]


def test_samplers():
    dataset = TensorDataset(np.arange(10))
    assert [b.tolist() for (b,) in DataLoader(dataset, 2, sampler=[9, 1, 5])] == [[9, 1], [5]]
    assert len(DataLoader(dataset, 2, sampler=[9, 1, 5])) == 2
    assert len(DataLoader(dataset, 2, sampler=[9, 1, 5], drop_last=True)) == 1
    assert [b.tolist() for (b,) in DataLoader(dataset, 2, sampler=[9, 1, 5], drop_last=True)] == [[9, 1]]
    loader = DataLoader(dataset, batch_sampler=[[1], [2, 3, 4]])
    assert [b.tolist() for (b,) in loader] == [[1], [2, 3, 4]] and len(loader) == 2


def test_a_transform_may_change_images_and_labels_or_one_array():
    def double(*arrays, generator):
        assert isinstance(generator, np.random.Generator)
        return tuple(2 * a for a in arrays)

    assert [b.tolist() for _, b in DataLoader(TensorDataset(*ARRAYS), 12, transform=double)][1][0] == 24
    assert next(iter(DataLoader(np.arange(4), 2, transform=double)))[0].tolist() == [0, 2]


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(batch_size=0), "batch_size: expected a whole number >= 1, found 0"),
        (dict(batch_size=2.5), "batch_size: expected a whole number >= 1, found 2.5"),
        (dict(num_workers=-1), "num_workers: expected a whole number >= 0"),
        (dict(prefetch_factor=0), "prefetch_factor: expected a whole number >= 1"),
        (dict(shuffle=True, sampler=[1]), "a sampler says the order"),
        (dict(batch_sampler=[[1]], shuffle=True), "a batch_sampler says all"),
        (dict(batch_size=None, drop_last=True), "there is none to drop"),
        (dict(generator="x"), "generator: expected a NumPy generator"),
    ],
)
def test_bad_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        DataLoader(range(3), **options)


def test_what_is_no_dataset_is_refused():
    with pytest.raises(TypeError, match="expected a dataset, with len.. and .i., found generator"):
        DataLoader(i for i in range(3))


# ---- copies ------------------------------------------------------------------------------------------------------

WAYS = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda loader: pickle.loads(pickle.dumps(loader))}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("epochs", [0, 2])
def test_a_copy_goes_on_as_the_original_would(way, epochs):
    loader = DataLoader(
        TensorDataset(*(a.copy() for a in ARRAYS)), 4, shuffle=True, generator=1, transform=RandomAffine(20)
    )
    for _ in range(epochs):
        list(loader)
    other = WAYS[way](loader)
    assert not np.shares_memory(other.dataset.arrays[0], loader.dataset.arrays[0])
    first = list(other)
    loader.dataset.arrays[0][:] += 0  # and drawing from one does not move the other
    assert same(first, list(loader)) and same(list(other), list(loader))
