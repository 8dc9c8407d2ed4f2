"""What an import costs beside NumPy's: python -m tests.benchmarks.import_time [--turns 15].

Each import runs in a process of its own, and they take turns. The time is the processor's, less that of a process
that imports nothing; a first turn, which writes the bytecode, does not count.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

IMPORTS = {
    "nothing": "pass",
    "numpy": "import numpy",
    "tinygrad_np": "import numpy, tinygrad_np",
    "a Tensor": "import numpy; from tinygrad_np import Tensor; Tensor([1.0])",
    "a first gradient": "import numpy as np, tinygrad_np as tg; tg.grad(lambda x: np.sin(x))(0.5)",
}


def seconds(code: str, cache: str) -> float:
    """The processor time of a process that runs this."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": cache, "OPENBLAS_NUM_THREADS": "1"}
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Print a line an import."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as cache:
        times = [{name: seconds(code, cache) for name, code in IMPORTS.items()} for _ in range(turns + 1)][1:]
    for name in list(IMPORTS)[1:]:
        own = [turn[name] - turn["nothing"] for turn in times]
        ratio = statistics.median(turn / (t["numpy"] - t["nothing"]) for turn, t in zip(own, times, strict=True))
        print(f"{name:20} {1e3 * statistics.median(own):7.1f} ms   {ratio:5.2f} x numpy")


if __name__ == "__main__":
    main()
