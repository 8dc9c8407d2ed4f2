"""A program that changes nothing outside is saved as a Python file and its arrays, which run with NumPy alone."""

import subprocess
import sys

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tests.stream import rng
from tinygrad_np import nn, optim

from .examples import normal

W = np.arange(12.0).reshape(4, 3)[:, ::-1]
MODEL = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def entropy(x, y):
    return F.cross_entropy(MODEL(x), y)


def recurrent(p, x, steps):
    h = x[0] @ p["w"] * 0
    for t in range(steps):
        h = np.tanh(x[t] @ p["w"] + h @ p["u"])
    return (h**2).mean()


def many(x):
    y = np.where(x > 0, np.sort(x, axis=0), x.T.copy()[::-1].T)
    return {"a": (np.linalg.inv(x @ x.T + np.eye(3)), 2.5), "b": [y[1:], x.sum()], "c": (W[:3] * x[:, :1]).max()}


def gradients(x):
    return np.logaddexp(x, 0.5).prod() + np.linalg.slogdet(x @ x.T + 3 * np.eye(3))[1]


X, Y = normal(5, 4).astype("f"), rng.integers(0, 3, 5)
P = {"w": normal(2, 4), "u": normal(4, 4)}
PROGRAMS = {
    "entropy": (entropy, (X, Y), (X, Y)),
    "recurrent": (tg.value_and_grad(recurrent), (P, normal(6, 3, 2), 6), None),
    "many": (many, (normal(3, 3),), None),
    "gradients": (tg.grad(gradients), (normal(3, 3),), None),
}

RUN = """
import sys
sys.modules["tinygrad_np"] = None
import importlib, numpy as np
def leaves(tree):
    if isinstance(tree, (tuple, list)):
        return [x for part in tree for x in leaves(part)]
    return leaves(list(tree.values())) if isinstance(tree, dict) else [tree]
for name in sys.argv[1:]:
    given = np.load(name + ".in.npz")
    module = importlib.import_module(name)
    function = list(vars(module).values())[-1]
    for _ in range(2):
        out = leaves(function(*given.values()))
    np.savez(name + ".out.npz", *out)
"""


def leaves(tree):
    if isinstance(tree, (tuple, list)):
        return [x for part in tree for x in leaves(part)]
    if isinstance(tree, dict):
        return leaves(list(tree.values()))
    return [tree.numpy() if isinstance(tree, tg.Tensor) else tree]


def test_saved_programs_give_the_same_with_numpy_alone(tmp_path):
    expected = {}
    for name, (f, args, _) in PROGRAMS.items():
        jitted = tg.jit(f)
        expected[name] = leaves(jitted(*args))
        jitted.programs[0].save(tmp_path / name)
        np.savez(tmp_path / f"{name}.in.npz", *[a for a in leaves(args) if isinstance(a, np.ndarray)])
    assert "MODEL.0.weight, 128 bytes, watched" in (tmp_path / "entropy.py").read_text()
    assert "It was recorded for steps = 6." in (tmp_path / "recurrent.py").read_text()
    run = subprocess.run([sys.executable, "-c", RUN, *PROGRAMS], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for name, values in expected.items():
        for a, b in zip(values, np.load(tmp_path / f"{name}.out.npz").values(), strict=True):
            assert np.array_equal(a, b) and np.asarray(a).dtype == b.dtype, name


def counting(x):
    STATE["n"] += 1
    return x * STATE["n"]


def drawing(x):
    return x + STREAM.normal(size=3)


def training(x):
    loss = (MODEL(x) ** 2).sum()
    loss.backward()
    optim.SGD(MODEL.parameters(), lr=0.1)
    return loss


def returning(x):
    STATE["m"] = x * 2
    return x


STATE, STREAM = {"n": np.zeros(3), "m": None}, np.random.default_rng(0)


@pytest.mark.parametrize(
    "f, why",
    [
        (counting, r"it writes to .*n.*, test_saving.py:\d+"),
        (drawing, r"it draws random numbers, test_saving.py:\d+"),
        (returning, r"it leaves a value in .*m"),
        (lambda x: tg.scipy.special.erf(x), "erf is no function of NumPy's"),
    ],
)
def test_what_a_file_could_not_do_is_refused_in_one_line(f, why, tmp_path):
    jitted = tg.jit(f)
    jitted(np.ones(3))
    with pytest.raises(ValueError, match=rf"^program.save: \S+ cannot be saved: {why}") as error:
        jitted.programs[0].save(tmp_path / "f.py")
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


def test_what_was_captured_must_still_be_so(tmp_path):
    box = {"k": 2.0}
    jitted = tg.jit(lambda x: x * box["k"])
    jitted(np.ones(3))
    box["k"] = 3.0
    with pytest.raises(ValueError, match="what it captured has changed"):
        jitted.programs[0].save(tmp_path / "f.py")


def test_the_two_files_belong_together(tmp_path):
    for n in (2, 3):
        jitted = tg.jit(lambda x, n=n: x * W[:3] * n)
        jitted(np.ones((3, 3)))
        jitted.programs[0].save(tmp_path / f"f{n}.py")
    (tmp_path / "f3.npz").replace(tmp_path / "f2.npz")
    run = subprocess.run([sys.executable, "-c", "import f2"], cwd=tmp_path, capture_output=True, text=True)
    assert "f2.npz are not those of this file" in run.stderr
