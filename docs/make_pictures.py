"""Draws the pictures of docs/graphs.md: python docs/make_pictures.py, in a checkout with everything installed.

Those of the page are what Chromium shows of it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_np as tg
from tinygrad_np import nn, viz
from tinygrad_np.nn import functional as F

HERE = Path(__file__).parent / "pictures"


def expression():
    """Five operations on numbers."""
    a, b, c, f = (tg.Tensor(v, requires_grad=True) for v in (2.0, -3.0, 10.0, -2.0))
    e = a * b
    d = e + c
    loss = np.tanh(1 - d * f / 20)
    loss.backward()
    return loss.graph()


def small(seed: int = 0):
    """A small classifier and its loss."""
    rng = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(4, 3, generator=rng), nn.Tanh(), nn.Linear(3, 2, generator=rng))
    x = tg.Tensor(rng.normal(size=(5, 4)).astype("f4"))
    return model, F.cross_entropy(model(x), np.array([0, 1, 0, 1, 1]))


def images():
    """Handwritten digits, or noise of their shape where scikit-learn is not installed."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return (digits.data[:32] / 16).astype("f4"), digits.target[:32]


def mlp(**options):
    """The digits' classifier, with values and gradients."""
    data, target = images()
    x = tg.Tensor(data, name="images")
    model = nn.Sequential(nn.Linear(64, 10, generator=0), nn.ReLU(), nn.Linear(10, 10, generator=1))
    loss = F.cross_entropy(model(x), target)
    return loss.graph(model, values=True, grads=True, **options)


def cnn():
    """A convolutional network: a box a layer."""
    data, target = images()
    x = tg.Tensor(data.reshape(-1, 1, 8, 8), name="images")
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, generator=0),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.2, generator=1),
        nn.Flatten(),
        nn.Linear(36, 10, generator=2),
    )
    loss = F.cross_entropy(model(x), target)
    return loss.graph(model)


class Attending(nn.Module):
    """A block of a transformer."""

    def __init__(self):
        self.attention = nn.MultiheadAttention(8, 2, generator=0)
        self.norm = nn.LayerNorm(8)
        self.up, self.act, self.down = nn.Linear(8, 16, generator=1), nn.GELU(), nn.Linear(16, 8, generator=2)

    def forward(self, x):
        out = self.attention(x, x, x)
        h = x + (out[0] if isinstance(out, tuple) else out)
        return h + self.down(self.act(self.up(self.norm(h))))


def attention():
    """The block on five words."""
    words = tg.Tensor(np.random.default_rng(0).normal(size=(2, 5, 8)).astype("f4"))
    model = Attending()
    out = model(words)
    return out.graph(model)


class Recurrent(nn.Module):
    """A recurrent network: one cell, step after step."""

    def __init__(self):
        self.inner, self.back = nn.Linear(3, 4, generator=0), nn.Linear(4, 4, generator=1)
        self.head = nn.Linear(4, 2, generator=2)

    def forward(self, steps):
        h = np.zeros((1, 4), "f4")
        for x in steps:
            h = np.tanh(self.inner(x) + self.back(h))
        return self.head(h)


def recurrent(steps: int):
    """So many steps of it."""
    model = Recurrent()
    out = model([np.full((1, 3), 0.1 * i, "f4") for i in range(steps)])
    return out.graph(model, values=False, grads=False)


def second():
    """The gradient of a sum, as what it was computed by."""
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    gradient = tg.grad(lambda x: (np.sin(x) * x).sum())(x)
    return gradient.graph(values=False, grads=False)


def physics():
    """Two Euler steps of a pendulum, and how far it is from where it should be."""
    length = tg.Tensor(1.0, requires_grad=True)
    angle, speed = 0.5, 0.0
    for _ in range(2):
        speed = speed - 0.1 * 9.81 / length * np.sin(angle)
        angle = angle + 0.1 * speed
    miss = (angle - 0.3) ** 2
    return miss.graph()


def pytorch():
    """The same network from PyTorch."""
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(64, 10), torch.nn.ReLU(), torch.nn.Linear(10, 10))
    loss = torch.nn.functional.cross_entropy(net(torch.rand(32, 64)), torch.arange(32) % 10)
    return viz.from_torch(loss, net, title="loss")


def jax():
    """One layer from JAX."""
    import jax
    import jax.numpy as jnp

    def layer(params, x):
        return jax.nn.relu(x @ params["w"] + params["b"]).sum()

    return viz.from_jax(layer, {"w": jnp.ones((3, 2)), "b": jnp.zeros(2)}, jnp.ones((4, 3)))


def numpy():
    """A plain NumPy function."""

    def median_filter(x):
        windows = np.stack([x[:-2], x[1:-1], x[2:]])
        return np.where(np.abs(x[1:-1] - np.median(windows, axis=0)) > 1, 0, x[1:-1])

    return tg.trace(median_filter, np.array([1.0, 2.0, 9.0, 3.0, 4.0]))


def shown(view, name: str, at: str, size: str) -> None:
    """What a browser shows of a view's page at a link into it."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit(f"{name}: needs Chromium")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        view.save(page, theme="light")
        flags = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=2000"]
        flags += [f"--user-data-dir={folder}/profile", f"--window-size={size}", f"--screenshot={HERE / name}"]
        subprocess.run([chromium, *flags, f"{page.as_uri()}#{at}"], check=True, capture_output=True)


def main() -> None:
    HERE.mkdir(exist_ok=True)
    _, loss = small()
    view = loss.graph(title="loss", names={})
    pictures = {
        "scalar": expression(),
        "mlp": mlp(),
        "cnn": cnn(),
        "attention": attention(),
        "rnn": recurrent(3),
        "rnn-rolled": recurrent(12).collapse(roll=True),
        "second-order": second(),
        "physics": physics(),
        "pytorch": pytorch(),
        "jax": jax(),
        "numpy": numpy(),
        "option-params": view.collapse(params="nodes"),
        "option-depth": view.collapse(depth=0),
        "option-none": view.collapse("none"),
        "option-fuse": physics().collapse(fuse=True),
    }
    for name, picture in pictures.items():
        picture.save(HERE / f"{name}.svg")
    view.save(HERE / "option-lr.svg", rankdir="LR")
    view.save(HERE / "option-dark.svg", theme="dark")
    view.save(HERE / "option-bare.svg", legend=False)
    view.save(HERE / "option-png.png", dpi=72)
    shown(expression(), "lecture.png", "lecture=10", "1100,700")
    shown(attention(), "opened.png", "open=norm", "1000,1000")


if __name__ == "__main__":
    main()
