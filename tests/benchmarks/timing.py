"""Comparing the time of several ways to do one thing: in turns within one run, so that noise meets all alike.

Each way lives in a process of its own: the thread pools of different libraries spin against each other
when they share one (NumPy by hand takes three times as long beside PyTorch).
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping

PAUSE = 0.1  # seconds: after a product OpenBLAS's threads spin for a while, in the next one's time
WARM = 12  # calls that come first: by then whoever compiles has done so

Way = tuple[Callable, tuple]  # make, args: make(*args) returns the function to time


def interleaved(ways: Mapping[str, Way], *, seconds: float = 2.0, turn: float = 0.03) -> dict[str, list[float]]:
    """Seconds a call of each way, measured in turns of about `turn` seconds until `seconds` a way have passed."""
    context = multiprocessing.get_context("spawn")
    workers, pipes = [], {}
    for name, (make, args) in ways.items():
        pipes[name], end = context.Pipe()
        workers.append(context.Process(target=_work, args=(end, make, args), daemon=True))
        workers[-1].start()
    for pipe in pipes.values():
        pipe.recv()
    loops = {}
    for name, pipe in pipes.items():  # when all have started, so that each is alone while it warms up
        pipe.send(1)
        loops[name] = max(1, round(turn / pipe.recv()))
        time.sleep(PAUSE)
    times: dict[str, list[float]] = {name: [] for name in ways}
    deadline = time.perf_counter() + seconds * len(ways)
    while time.perf_counter() < deadline or min(map(len, times.values())) < 5:
        for name, pipe in pipes.items():
            pipe.send(loops[name])
            times[name].append(pipe.recv())
            time.sleep(PAUSE)
    for pipe in pipes.values():
        pipe.send(0)
    for worker in workers:
        worker.join()
    return times


def _work(pipe, make: Callable, args: tuple) -> None:
    """Time a function as often as asked, until asked for nothing; the second answer is its warm time."""
    call = make(*args)
    pipe.send(_time(call, WARM))
    pipe.recv()
    count, elapsed = 1, 0.0
    while elapsed < 0.1:  # with ever more calls
        count *= 2
        elapsed = _time(call, count)
    pipe.send(elapsed / count)
    while count := pipe.recv():
        _time(call, 1 + count // 10)  # wake the caches and threads that the other processes put to sleep
        pipe.send(_time(call, count) / count)


def _time(call: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - start


def report(title: str, times: Mapping[str, list[float]], base: str) -> dict[str, float]:
    """Print median, quartiles and the ratio to `base` of each way; return the ratios.

    A ratio is the median over turns of (time of the way / time of the base in the same turn).
    """
    print(f"\n{title}")
    ratios = {}
    for name, values in times.items():
        low, middle, high = statistics.quantiles(values, n=4)
        ratios[name] = statistics.median(a / b for a, b in zip(values, times[base], strict=True))
        spread = f"[{low * 1e6:.1f}, {high * 1e6:.1f}]"
        print(f"  {name:16s} {middle * 1e6:10.1f} µs   {spread:20s} {ratios[name]:5.2f} x {base}")
    return ratios
