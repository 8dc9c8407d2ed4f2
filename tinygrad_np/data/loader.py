"""Batches of a dataset, loaded here or ahead of time by threads: the same batches in the same order either way."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..nn.init import as_generator


class DataLoader:
    """Iterates over a dataset in batches: `for images, labels in DataLoader(dataset, batch_size=64, shuffle=True)`.

    The arguments are those of `torch.utils.data.DataLoader`. `generator`, a NumPy generator or a seed, draws the order
    of each epoch; without it the stream of `nn.manual_seed` does. Examples are joined by `collate_fn`, or by
    `default_collate` into arrays; a dataset that has `batch(indices)`, as a TensorDataset, gives them joined.
    `transform` is called with each batch and a generator of its own, `transform(*batch, generator=g)`, as those in
    `data.transforms` are, so that what is random depends on the seed alone.

    With `num_workers` threads, up to `prefetch_factor` batches for each are loaded while others are used. NumPy and
    reading of files release Python's lock, so that is work for another core. An error is raised where its batch is
    due, and the threads end with the loop, however it ends.

    >>> from tinygrad_np.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2, shuffle=True, generator=0)
    >>> [batch.tolist() for batch, in loader]
    [[2, 4], [3, 0], [1]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        *,
        drop_last: bool = False,
        generator: np.random.Generator | int | None = None,
        prefetch_factor: int = 2,
        transform: Callable[..., Any] | None = None,
        pin_memory: bool = False,
        persistent_workers: bool = False,
    ) -> None:
        for name, value, least in (
            ("batch_size", 1 if batch_size is None else batch_size, 1),
            ("num_workers", num_workers, 0),
            ("prefetch_factor", prefetch_factor, 1),
        ):
            if not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"DataLoader: {name}: expected a whole number >= {least}, found {value!r}")
        if shuffle and sampler is not None:
            raise ValueError("DataLoader: a sampler says the order; expected shuffle=False with it")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError(
                "DataLoader: a batch_sampler says all; expected no batch_size, shuffle, sampler or drop_last with it"
            )
        if batch_size is None and drop_last:
            raise ValueError("DataLoader: without batches (batch_size=None) there is none to drop")
        if not hasattr(dataset, "__getitem__") or sampler is None and not hasattr(dataset, "__len__"):
            raise TypeError(
                f"DataLoader: expected a dataset, with len() and [i], found {type(dataset).__name__}; "
                "TensorDataset(images, labels) makes one of arrays"
            )
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, bool(shuffle)
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.num_workers, self.prefetch_factor = int(num_workers), int(prefetch_factor)
        self.collate_fn, self.transform, self.drop_last = collate_fn, transform, bool(drop_last)
        self.generator = None if generator is None else as_generator(generator)

    def __len__(self) -> int:
        """The number of batches."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        n = len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]
        size = self.batch_size or 1
        return n // size if self.drop_last else -(-n // size)

    def __iter__(self) -> Iterator[Any]:
        """One epoch. What is random is drawn now, in this thread."""
        batches = self._indices()
        seed = None if self.transform is None else int(as_generator(self.generator).integers(2**63))
        load = self._load
        jobs = ((indices, None if seed is None else (seed, k)) for k, indices in enumerate(batches))
        if not self.num_workers:
            return (load(*job) for job in jobs)
        return _ahead(load, jobs, self.num_workers, self.num_workers * self.prefetch_factor)

    def _indices(self) -> Iterable[Any]:
        """The indices of each batch of an epoch."""
        if self.batch_sampler is not None:
            return self.batch_sampler
        size = self.batch_size
        if self.sampler is not None:
            return self.sampler if size is None else _grouped(self.sampler, size, self.drop_last)
        n = len(self.dataset)
        order = as_generator(self.generator).permutation(n) if self.shuffle else np.arange(n)
        if size is None:
            return list(order.tolist())
        return [order[begin : begin + size] for begin in range(0, n - size + 1 if self.drop_last else n, size)]

    def _load(self, indices: Any, seed: tuple[int, int] | None) -> Any:
        """One batch: depends on its arguments alone, so that any thread may load it."""
        batch = self._joined(indices)
        if self.transform is None:
            return batch
        parts = batch if type(batch) in (tuple, list) else (batch,)
        return self.transform(*parts, generator=np.random.default_rng(seed))

    def _joined(self, indices: Any) -> Any:
        dataset, collate = self.dataset, self.collate_fn
        if self.batch_size is None and self.batch_sampler is None:
            return dataset[indices] if collate is None else collate(dataset[indices])
        if collate is None:
            if hasattr(dataset, "batch"):
                return dataset.batch(indices)
            if isinstance(dataset, (np.ndarray, Tensor)):
                return dataset[np.asarray(indices, np.intp)]
            collate = default_collate
        places = np.asarray(indices).tolist()
        return collate(
            dataset.__getitems__(places) if hasattr(dataset, "__getitems__") else [dataset[i] for i in places]
        )

    def __copy__(self) -> DataLoader:
        return copy.deepcopy(self)  # with a generator of its own: neither draws from the other's


def _ahead(load: Callable[..., Any], jobs: Iterable[tuple[Any, ...]], workers: int, ahead: int) -> Iterator[Any]:
    """The results of jobs in their order, up to `ahead` of them done or begun before they are asked for."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="tinygrad_np.data")
    waiting: deque[Future[Any]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(copy_context().run, load, *job))  # under the modes of who asks
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _grouped(indices: Iterable[int], size: int, drop_last: bool) -> Iterator[list[int]]:
    group: list[int] = []
    for i in indices:
        group.append(i)
        if len(group) == size:
            yield group
            group = []
    if group and not drop_last:
        yield group


def default_collate(examples: list[Any]) -> Any:
    """Examples as a batch: arrays, tensors and numbers are stacked; tuples, lists and dicts go entry by entry.

    >>> default_collate([(np.ones(2), 3, "a"), (np.zeros(2), 4, "b")])
    (array([[1., 1.],
           [0., 0.]]), array([3, 4]), ['a', 'b'])
    """
    first = examples[0]
    if isinstance(first, (np.ndarray, Tensor, np.generic, bool, int, float, complex)):
        shapes = [np.shape(x) for x in examples]
        if len(set(shapes)) > 1:
            i = next(i for i, shape in enumerate(shapes) if shape != shapes[0])
            raise ValueError(
                f"default_collate: example 0 has shape {shapes[0]} and example {i} shape {shapes[i]}; "
                "pass a collate_fn that makes a batch of them"
            )
        return np.stack(examples) if isinstance(first, (np.ndarray, Tensor)) else np.array(examples)
    if isinstance(first, Mapping):
        return {key: default_collate([x[key] for x in examples]) for key in first}
    if isinstance(first, (tuple, list)):
        if len({len(x) for x in examples}) > 1:
            raise ValueError(
                f"default_collate: examples of {sorted({len(x) for x in examples})} entries; pass a collate_fn"
            )
        parts = [default_collate(list(part)) for part in zip(*examples, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return list(examples)
