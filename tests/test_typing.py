"""A user's program is clean under strict mypy and pyright: the package has types, those that a user needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import numpy as np

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor, nn, optim
from tinygrad_np.testing import check_op, gradcheck


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        self.conv = nn.Conv2d(1, 4, 3, padding="same")
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(4 * width * width, 10))

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(F.max_pool2d(self.conv(x), 2, stride=1, padding=1))
        return self.head(h[:, :, 1:, 1:])


model = Net(4)
optimizer = optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
schedule = optim.lr_scheduler.StepLR(optimizer, 10)
x = Tensor(np.ones((2, 1, 4, 4), np.float32), requires_grad=True, name="x")
labels = np.array([1, 2])


@tg.jit
def step(a: Tensor, b: np.ndarray) -> Tensor:
    loss = F.cross_entropy(model(a), b)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


value: float = step(x, labels).item()
schedule.step()
y = (x * 2 + 1) @ x.mT - 3 / x
z: Tensor = y.sum(axis=0)
gradient = x.grad
if gradient is not None:
    array: np.ndarray = gradient
w = x.copy()
w[0] = 3.0
w += 1
print(value, z.shape, z.dtype, x.T.ndim, float(y.mean().item()), np.tanh(w).sum())


def rosenbrock(v: np.ndarray) -> np.ndarray:
    out: np.ndarray = ((1 - v[:-1]) ** 2 + 100 * (v[1:] - v[:-1] ** 2) ** 2).sum()
    return out


p = np.array([0.5, -0.2, 0.1])
print(tg.grad(rosenbrock)(p), tg.hessian(rosenbrock)(p), tg.hvp(rosenbrock, (p,), (np.ones(3),)))
out, pull = tg.vjp(rosenbrock, p)
print(tg.value_and_grad(rosenbrock)(p), pull(out), tg.jacobian(np.sin)(p), tg.jvp(rosenbrock, (p,), (p,)))


@tg.primitive
def cube(t: np.ndarray) -> np.ndarray:
    out: np.ndarray = t * t * t
    return out


def cube_rule(ct: np.ndarray, t: np.ndarray) -> np.ndarray:
    out: np.ndarray = ct * 3 * t * t
    return out


cube.defvjp(cube_rule)
print(tg.grad(np.sin)(np.array(0.5)), tg.elementwise_grad(np.tanh)(p), tg.jacrev(np.exp)(p))
compiled = tg.jit(rosenbrock)
lazy = tg.jit(max_programs=2)(rosenbrock)
print(compiled(p), lazy(p), tg.checkpoint(rosenbrock)(p), tg.grad(rosenbrock)(v=p))
print(gradcheck(cube, p, order=2), bool(check_op(cube)))
tg.save("a.npz", model.state_dict())
model.load_state_dict(tg.load("a.npz"))
view = tg.graph(F.cross_entropy(model(x), labels), model=model)
view.save("a.svg")
svg: str = view.to_svg()
print(view.to_text(), model.summary(x), [q.shape for q in model.parameters()], len(svg))
with tg.no_grad(), tg.debug():
    model.eval()(x)
nn.init.zeros_(model.conv.weight)
for name, parameter in model.named_parameters():
    print(name, parameter.size, parameter.requires_grad)
"""


CHECKERS = {
    "mypy": ("mypy", "--strict", "--follow-imports=silent", "--config-file=", "--cache-dir=cache"),
    "pyright": ("pyright", "--project=pyrightconfig.json"),
}


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_users_program_is_clean_under_strict_checks(checker, tmp_path):
    pytest.importorskip(checker, reason=f"type-checks a program where {checker} is installed")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    root = str(Path(__file__).parents[1])
    config = {"typeCheckingMode": "strict", "extraPaths": [root], "include": ["program.py"]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", *CHECKERS[checker], *(["program.py"] if checker == "mypy" else [])],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        env=os.environ | {"MYPYPATH": root},
    )
    assert done.returncode == 0, done.stdout + done.stderr
