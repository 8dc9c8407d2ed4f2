"""The notebooks run from top to bottom, on data of the form that they expect."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def kaggle_files(folder: Path) -> None:
    """scikit-learn's digits as Kaggle's train.csv and test.csv: 28 x 28 pixels from 0 to 255."""
    import pandas as pd
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    small = np.kron(images.reshape(-1, 8, 8), np.ones((3, 3))) * 255 // 16
    table = pd.DataFrame(np.pad(small.astype(int), ((0, 0), (2, 2), (2, 2))).reshape(-1, 784))
    table.columns = [f"pixel{i}" for i in range(784)]
    table[:64].to_csv(folder / "test.csv", index=False)
    table.insert(0, "label", labels)
    table[64:576].to_csv(folder / "train.csv", index=False)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook, tmp_path):
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5 and all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    program = "\n\n".join("".join(cell["source"]) for cell in cells).replace("EPOCHS = 10", "EPOCHS = 1")
    if "read_csv" in program:
        kaggle_files(tmp_path)
    (tmp_path / "cells.py").write_text(program, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MPLBACKEND": "Agg",
        "PYTHONWARNINGS": "error",
        "OMP_NUM_THREADS": "1",
    }
    run = [sys.executable, "cells.py"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    if notebook.stem == "digit_recognizer":
        lines = (tmp_path / "submission.csv").read_text().split()
        assert lines[0] == "ImageId,Label" and len(lines) == 65
