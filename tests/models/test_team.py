"""Several processes train one model: to the weights of one, to rounding; one that dies ends the job in one line."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from models.team import Alone, joined
from tests.models.conftest import ROOT
from tinygrad_np.io import load

pytest.importorskip("mpi4py", reason="the extra `distributed` is not installed")
MPIEXEC = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
pytestmark = pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec")
TRAIN = ("train", "digits-relu10", "--set", "rows=400", "--set", "batch_size=64")


def job(n: int, *words: object) -> list[str]:
    return [str(MPIEXEC), "-n", str(n), sys.executable, "-m", "models", *map(str, words)]


def run(n: int, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(job(n, *words), cwd=ROOT, text=True, capture_output=True, timeout=240)


def children(process: int) -> list[tuple[int, str]]:
    """The numbers and command lines of all processes below one."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1]), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    below, found = {process}, []
    for number in sorted(parents):
        if parents[number][0] in below:
            below.add(number)
            found.append((number, parents[number][1]))
    return found


def test_without_a_launcher_there_is_one_process_and_no_mpi():
    script = "import sys, models.cli; sys.exit('mpi4py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0
    with joined() as team:
        assert type(team) is Alone and team.told(3) == 3 and team.total(1.0, 2.0) == (1.0, 2.0)


@pytest.mark.slow
def test_two_processes_train_as_one_and_their_errors_are_one_line(tmp_path):
    for n in (1, 2):
        done = run(n, *TRAIN, "--epochs", 3, "--out", tmp_path / f"{n}", "--json")
        assert done.returncode == 0, done.stderr
    one, two = (load(tmp_path / f"{n}" / "weights.safetensors") for n in (1, 2))
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-4, atol=1e-5)
    history = [(tmp_path / f"{n}" / "history.csv").read_text().splitlines() for n in (1, 2)]
    np.testing.assert_allclose(*[[float(h.split(",")[1]) for h in lines[1:]] for lines in history], rtol=1e-4)
    again = run(2, *TRAIN, "--out", tmp_path / "2")
    assert again.returncode == 1
    assert [line for line in again.stderr.splitlines() if line] == [
        f"error: {tmp_path / '2'}: already holds a run; go on with it by --resume, replace it by --force, "
        "or choose another folder with --out"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("dies", [0, 1])
def test_a_killed_process_ends_the_job_in_one_line_and_any_number_goes_on(tmp_path, dies):
    folder = tmp_path / "run"
    started = subprocess.Popen(
        job(2, *TRAIN, "--epochs", 4000, "--set", "batch_norm=yes", "--out", folder),
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 120
    while not (folder / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    ranks = [
        number
        for number, command in children(started.pid)
        if " -m models " in command and "mpiexec" not in command and "hydra" not in command
    ]
    assert len(ranks) == 2
    environment = [(Path("/proc") / str(number) / "environ").read_bytes() for number in ranks]
    os.kill(next(n for n, e in zip(ranks, environment, strict=True) if b"PMI_RANK=%d" % dies in e), signal.SIGKILL)
    output, errors = started.communicate(timeout=60)
    assert started.returncode != 0
    said = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert said == [
        "error: the job of 2 processes was ended, as it is where one of them dies; go on from the last checkpoint, "
        f"with any number of them: mpiexec -n 2 python -m models train --resume {folder}"
    ], errors
    stands = int(load(folder / "checkpoint.safetensors")["epoch"])
    for n in (1, 3):
        stands += 2
        done = run(n, "train", "--resume", folder, "--epochs", stands)
        assert done.returncode == 0, done.stderr
        assert len((folder / "history.csv").read_text().splitlines()) == stands + 1
