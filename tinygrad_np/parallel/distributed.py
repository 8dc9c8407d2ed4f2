"""Data-parallel training over MPI: every process has its rows of a batch, and the gradients are averaged before a step.

It is an optimizer around an optimizer, so that the training loop stays as it is:

    with distributed.processes() as world:
        optimizer = distributed.DataParallel(optim.Adam(model.parameters()), world)
        for batch in batches:
            x, y = world.mine(images[batch]), world.mine(labels[batch])
            ...
            optimizer.step(len(y))

started by `mpiexec -n 2 python train.py`. With the same seed and order of the data, n processes reach the weights that
one reaches with the whole batch, to rounding, and for a fixed n always the same bits. Batch norm takes the statistics
of a process's own rows, as in PyTorch; `average_buffers` makes its running statistics the same everywhere. The extra
`distributed` brings MPI and mpi4py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from contextlib import suppress
from typing import Any

import numpy as np

# What the launchers of MPICH (and Intel MPI, MVAPICH), Open MPI and Slurm tell a process: its number, and how many.
LAUNCHERS = (
    ("PMI_RANK", "PMI_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMIX_RANK", "SLURM_NTASKS"),
)
WATCH = "import sys; sys.stdin.buffer.read() or print(sys.argv[1], file=sys.stderr)"


def launched() -> tuple[int, int]:
    """This process's number and how many the launcher started, without loading MPI; (0, 1) where none did.

    >>> launched()
    (0, 1)
    """
    for rank, size in LAUNCHERS:
        if os.environ.get(rank, "").isdecimal() and os.environ.get(size, "").isdecimal():
            return int(os.environ[rank]), int(os.environ[size])
    return 0, 1


class processes:
    """The processes of a job, as a context: an error in one of them ends them all, with one line.

    `rank` is this process's number and `size` their number. Without `mpiexec` there is one.
    """

    def __init__(self, communicator: Any = None):
        if communicator is None:
            try:
                from mpi4py import MPI
            except ImportError as error:
                raise ModuleNotFoundError(
                    'tinygrad_np.parallel.distributed needs MPI: pip install "tinygrad_np[distributed]"'
                ) from error
            communicator = MPI.COMM_WORLD
        self.communicator = communicator
        self.rank: int = communicator.Get_rank()
        self.size: int = communicator.Get_size()

    def __enter__(self) -> processes:
        return self

    def watch(self, words: str) -> None:
        """Have `words` written to stderr if process 0 is killed, as a launcher does when another process dies.

        A launcher kills without a signal that Python could answer, so a small process waits for the end of a pipe.
        """
        if self.rank == 0 and self.size > 1:
            command = [sys.executable, "-I", "-S", "-c", WATCH, words]
            self.watcher = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
            )

    watcher: subprocess.Popen[bytes] | None = None

    def __exit__(self, kind: Any, error: Any, where: Any) -> None:
        if self.watcher is not None and self.watcher.stdin is not None:
            with suppress(OSError):
                self.watcher.communicate(b".")  # all is well, or this process says itself what is not
        if error is None or self.size == 1 or kind is SystemExit and not error.code:
            return
        line = traceback.extract_tb(where)[-1]
        print(
            f"process {self.rank} of {self.size} ended, and so does the job: {kind.__name__}: {error} "
            f"({line.filename}:{line.lineno})",
            file=sys.stderr,
            flush=True,
        )
        self.communicator.Abort(1)  # the others wait for it in a reduction, and would for ever

    def mine(self, batch: np.ndarray) -> np.ndarray:
        """This process's rows of a batch: consecutive ones, of which no process has two more than another."""
        n = len(batch)
        return batch[self.rank * n // self.size : (self.rank + 1) * n // self.size]

    def average_buffers(self, module: Any) -> None:
        """Give a module's buffers of floating-point numbers, as batch norm's statistics, their mean over the job."""
        for buffer in module.buffers():
            if buffer.dtype.kind == "f":
                total = np.empty_like(buffer, order="C")
                self.communicator.Allreduce(np.ascontiguousarray(buffer), total)
                buffer[...] = total / self.size


class DataParallel:
    """An optimizer whose gradients are the average over all rows of all processes; all else is the optimizer's.

    The parameters become those of process 0. One reduction a step carries all gradients, the number of rows, and which
    parameters had a gradient anywhere: where one process has none, its share is zero.
    """

    def __init__(self, optimizer: Any, world: processes):
        self.optimizer, self.world = optimizer, world
        for p in optimizer.params:
            first = np.ascontiguousarray(p.numpy()).copy()
            world.communicator.Bcast(first, root=0)
            p.data = first
        sizes = [p.size for p in optimizer.params]
        self.ends = np.cumsum([0, *sizes])
        dtype = np.result_type(np.float32, *[p.dtype for p in optimizer.params])
        self.sent = np.empty(int(self.ends[-1]) + len(sizes) + 1, dtype)  # gradients, which there are, rows
        self.sum = np.empty_like(self.sent)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.optimizer, name)

    def step(self, rows: int = 1) -> None:
        """Average the gradients, each process's weighted by the number of its `rows`, and update the parameters.

        Each gradient must be that of the mean loss of the process's own rows.
        """
        parameters, count = self.optimizer.params, int(self.ends[-1])
        for p, start, end in zip(parameters, self.ends[:-1], self.ends[1:], strict=True):
            if p.grad is None:
                self.sent[start:end] = 0
            else:
                np.multiply(p.grad.ravel(), rows, out=self.sent[start:end], casting="same_kind")
        self.sent[count:-1] = [p.grad is not None for p in parameters]
        self.sent[-1] = rows
        self.world.communicator.Allreduce(self.sent, self.sum)
        for i, (p, start, end) in enumerate(zip(parameters, self.ends[:-1], self.ends[1:], strict=True)):
            if self.sum[count + i]:
                p.grad = (self.sum[start:end] / self.sum[-1]).reshape(p.shape).astype(p.dtype, copy=False)
        self.optimizer.step()
