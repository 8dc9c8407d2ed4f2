"""The processes that train one model together under `mpiexec`, of which the first alone writes; or one by itself.

Without a launcher nothing of MPI is loaded, and `Alone` does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_np.parallel.distributed import launched

from .errors import Failure
from .recipes import Recipe

OTHER_DATA = "found other data on this machine than on that of process 0 (their SHA-256 differs); expected the same"


class Alone:
    """One process: all rows are its own, and what it finds is what is found."""

    rank, size = 0, 1

    def mine(self, batch: np.ndarray) -> np.ndarray:
        """Return this process's rows of a batch."""
        return batch

    def told(self, value: Any = None) -> Any:
        """Return what process 0 says, the same everywhere."""
        return value

    def total(self, *numbers: float) -> tuple[float, ...]:
        """Return the sums over all processes."""
        return numbers

    def agree(self, model: Any) -> None:
        """Make the statistics of batch norm the same everywhere."""

    def watch(self, folder: Path) -> None:
        """Say how to go on where the job is ended from outside."""

    def dissolve(self) -> None:
        """Let the others go, before any work, because of what process 0 is about to report."""


class Job(Alone):
    """The processes of an MPI job."""

    def __init__(self, world: Any) -> None:
        self.world, self.rank, self.size = world, world.rank, world.size
        self.dissolved = False

    def mine(self, rows: Any) -> Any:
        return self.world.mine(rows)

    def told(self, value: Any = None) -> Any:
        return self.world.communicator.bcast(value, root=0)

    def total(self, *numbers: float) -> tuple[float, ...]:
        sums = np.empty(len(numbers))
        self.world.communicator.Allreduce(np.array(numbers, float), sums)
        return tuple(map(float, sums))

    def agree(self, model: Any) -> None:
        self.world.average_buffers(model)

    def watch(self, folder: Path) -> None:
        self.world.watch(
            f"error: the job of {self.size} processes was ended, as it is where one of them dies; go on from the last "
            f"checkpoint, with any number of them: mpiexec -n {self.size} python -m models train --resume {folder}"
        )

    def dissolve(self) -> None:
        self.told()
        self.dissolved = True


@contextmanager
def joined() -> Iterator[Alone]:
    """Join the job that a launcher started, and end it with an error of this process; Alone where there is none."""
    if launched()[1] == 1:
        yield Alone()
        return
    try:
        from tinygrad_np.parallel.distributed import processes

        world = processes()
    except ModuleNotFoundError as error:
        raise Failure(str(error)) from None
    job, failure = Job(world), None
    with world:
        try:
            yield job
        except Failure as error:
            if not job.dissolved:
                raise
            failure = error  # of process 0, which the command line reports
    if failure is not None:
        raise failure


class Follower:
    """The run as every process but the first has it: told where training stands, and nothing is written."""

    def __init__(self, recipe: Recipe, state: dict[str, Any] | None) -> None:
        self.recipe, self.state = recipe, state
        self.folder = Path()

    def checkpoint(self) -> dict[str, Any] | None:
        return self.state

    def begin_history(self) -> None:
        pass

    def save_epoch(self, figures: Mapping[str, float], state: Mapping[str, Any]) -> None:
        pass

    def keep(self, weights: Mapping[str, np.ndarray]) -> None:
        pass


def wait_for_the_end(team: Alone) -> None:
    """Leave it to process 0 to say what all have found; it ends the job."""
    team.told()
