"""Data-parallel training: with real processes, it reaches what one process reaches, and ends when one of them does."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mpi4py", reason="the extra `distributed` is not installed")
MPIEXEC = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
pytestmark = pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec")

TRAIN = """
import sys
import numpy as np
import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import nn, optim
from tinygrad_np.parallel import distributed

with distributed.processes() as world:
    rng = np.random.default_rng(0)
    images, labels = rng.random((90, 6)).astype(np.float32), rng.integers(0, 3, 90)
    generator = np.random.default_rng(1 if "same" in sys.argv else world.rank + 1)
    model = nn.Sequential(nn.Linear(6, 8, generator=generator), nn.Tanh(), nn.Linear(8, 3, generator=generator))
    unused = tg.Tensor([1.0], requires_grad=True)
    optimizer = distributed.DataParallel(optim.Adam([*model.parameters(), unused], lr=0.01), world)

    def losses(x, y):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    step = tg.jit(losses) if "jit" in sys.argv else losses
    for i in range(20):
        batch = slice(i % 9 * 10, i % 9 * 10 + 9)       # nine rows, which two processes share unevenly
        x, y = world.mine(images[batch]), world.mine(labels[batch])
        optimizer.zero_grad()
        step(x, y)
        if "fail" in sys.argv and i == 5 and world.rank == 1:
            raise ValueError("found a bad batch")
        optimizer.step(len(y))
    if world.rank == 0:
        np.savez(sys.argv[1], *[p.numpy() for p in model.parameters()])
"""


def run(tmp_path, n: int, *words: str) -> subprocess.CompletedProcess:
    script = tmp_path / "train.py"
    script.write_text(TRAIN, encoding="utf-8")
    command = [MPIEXEC, "-n", str(n), sys.executable, script, tmp_path / f"{n}.npz", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def weights(tmp_path, n: int, *words: str) -> list[np.ndarray]:
    done = run(tmp_path, n, *words)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(tmp_path / f"{n}.npz") as file:
        return list(file.values())


@pytest.mark.parametrize("words", [(), ("jit",)], ids=["eager", "jitted"])
def test_two_processes_reach_what_one_reaches_and_always_the_same(tmp_path, words):
    one, two, again = weights(tmp_path, 1, *words), weights(tmp_path, 2, *words), weights(tmp_path, 2, *words)
    for a, b, c in zip(one, two, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(b, c)


def test_an_error_in_one_process_ends_the_job_in_one_line(tmp_path):
    done = run(tmp_path, 2, "fail")
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if "ended, and so does the job" in line]
    assert len(lines) == 1 and "process 1 of 2" in lines[0] and "ValueError: found a bad batch" in lines[0]
