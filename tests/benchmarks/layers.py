"""Forward and backward of each layer, eager and recorded, beside PyTorch: at sizes like MNIST's and like ImageNet's.

    python -m tests.benchmarks.layers [--only Conv] [--seconds 1] [--threads 1]

The ways take turns in one process; a number is the median over turns of (our time / PyTorch's in the same turn). A
layer that takes more than twice PyTorch's time, or recorded more than 1.2 times, has its reason in REASONS.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROWS, IMAGES, STEPS = ((64, 784), (64, 1000)), ((64, 16, 28, 28), (8, 64, 56, 56)), ((28, 64, 28), (64, 16, 256))
SIZES = ("MNIST", "ImageNet")
LAYERS: dict[str, tuple[tuple, Callable[[Any, int], Any]]] = {  # name -> (two shapes, make it of nn and a width)
    "Linear": (ROWS, lambda nn, n: nn.Linear(n, 256)),
    "Conv2d 5x5": (IMAGES, lambda nn, n: nn.Conv2d(n, 2 * n, 5, padding=2)),
    "Conv2d 3x3": (IMAGES, lambda nn, n: nn.Conv2d(n, n, 3, padding=1)),
    "Conv2d 1x1": (IMAGES, lambda nn, n: nn.Conv2d(n, 2 * n, 1)),
    "Conv2d depthwise": (IMAGES, lambda nn, n: nn.Conv2d(n, n, 3, padding=1, groups=n)),
    "ConvTranspose2d": (IMAGES, lambda nn, n: nn.ConvTranspose2d(n, n // 2, 2, stride=2)),
    "MaxPool2d": (IMAGES, lambda nn, n: nn.MaxPool2d(2)),
    "MaxPool2d 3x3": (IMAGES, lambda nn, n: nn.MaxPool2d(3, 2, 1)),
    "AvgPool2d": (IMAGES, lambda nn, n: nn.AvgPool2d(2)),
    "AdaptiveAvgPool2d": (IMAGES, lambda nn, n: nn.AdaptiveAvgPool2d(1)),
    "Upsample nearest": (IMAGES, lambda nn, n: nn.Upsample(scale_factor=2)),
    "Upsample bilinear": (IMAGES, lambda nn, n: nn.Upsample(scale_factor=2, mode="bilinear")),
    "BatchNorm2d": (IMAGES, lambda nn, n: nn.BatchNorm2d(n)),
    "GroupNorm": (IMAGES, lambda nn, n: nn.GroupNorm(4, n)),
    "InstanceNorm2d": (IMAGES, lambda nn, n: nn.InstanceNorm2d(n)),
    "LayerNorm": (ROWS, lambda nn, n: nn.LayerNorm(n)),
    "RMSNorm": (ROWS, lambda nn, n: nn.RMSNorm(n)),
    "ReLU": (IMAGES, lambda nn, n: nn.ReLU()),
    "LeakyReLU": (IMAGES, lambda nn, n: nn.LeakyReLU()),
    "ELU": (IMAGES, lambda nn, n: nn.ELU()),
    "GELU": (IMAGES, lambda nn, n: nn.GELU()),
    "SiLU": (IMAGES, lambda nn, n: nn.SiLU()),
    "Tanh": (IMAGES, lambda nn, n: nn.Tanh()),
    "Sigmoid": (IMAGES, lambda nn, n: nn.Sigmoid()),
    "Softplus": (IMAGES, lambda nn, n: nn.Softplus()),
    "Softmax": (ROWS, lambda nn, n: nn.Softmax(1)),
    "Dropout": (IMAGES, lambda nn, n: nn.Dropout(0.5)),
    "ZeroPad2d": (IMAGES, lambda nn, n: nn.ZeroPad2d(1)),
    "RNN": (STEPS, lambda nn, n: nn.RNN(n, 64)),
    "LSTM": (STEPS, lambda nn, n: nn.LSTM(n, 64)),
    "GRU": (STEPS, lambda nn, n: nn.GRU(n, 64)),
    "MultiheadAttention": (STEPS, lambda nn, n: nn.MultiheadAttention(n, 4)),
}
CHOICE = "NumPy chooses by a mask, or steps along a short axis, one number at a time"
PASSES = "each step of a formula is a pass over memory; PyTorch has one loop for all"
WHOLE = PASSES + "; recorded, what is worked on block by block is copied into its place, and looked at for NaN"
SINGLE = "the product with few kernels runs at two thirds of BLAS's best; PyTorch's own convolution at nearly all of it"
REASONS = {
    "Linear": "the sum over rows for the bias, and a copy of the gradient, are passes of their own",
    "Conv2d 5x5": SINGLE,
    "Conv2d 3x3": SINGLE,
    "Conv2d 1x1": SINGLE,
    "Conv2d depthwise": "a product and a sum for each of nine entries are eighteen passes; PyTorch has a kernel for it",
    "ConvTranspose2d": SINGLE,
    "MaxPool2d": PASSES,
    "MaxPool2d 3x3": PASSES + ", here one for each of nine entries of the window",
    "AvgPool2d": PASSES,
    "AdaptiveAvgPool2d": CHOICE,
    "BatchNorm2d": WHOLE,
    "GroupNorm": WHOLE,
    "InstanceNorm2d": WHOLE,
    "LayerNorm": WHOLE,
    "RMSNorm": PASSES,
    "LeakyReLU": PASSES,
    "ELU": "NumPy's expm1 is not vectorized; a hyperbolic tangent, an exponential and ten passes stand for it",
    "GELU": "NumPy has no error function; a polynomial of twelve steps is that many passes",
    "SiLU": "NumPy's exponential takes almost three times PyTorch's time",
    "Sigmoid": "NumPy's exponential takes almost three times PyTorch's time",
    "Tanh": PASSES,
    "Softplus": "NumPy's logaddexp is not vectorized",
    "Softmax": PASSES,
    "Dropout": "NumPy draws 64 bits a number, one after another",
    "ZeroPad2d": "np.pad fills each side by itself",
    "RNN": "a step of a sequence is some ten recorded operations, each a call; PyTorch has a loop in C++",
    "LSTM": "a step of a sequence is some twenty recorded operations, each a call; PyTorch has a loop in C++",
    "GRU": "a step of a sequence is some twenty recorded operations, each a call; PyTorch has a loop in C++",
    "MultiheadAttention": PASSES,
}


def ours(make: Callable, x: np.ndarray, recorded: bool) -> Callable[[], object]:
    import tinygrad_np as tg
    from tinygrad_np import nn

    layer, x = make(nn, x.shape[1] if x.ndim != 3 else x.shape[2]), tg.Tensor(x, requires_grad=True)
    call = layer if not isinstance(layer, nn.MultiheadAttention) else lambda a: layer(a, a, a, need_weights=False)
    out = first(call(x))
    ct = np.random.default_rng(1).random(out.shape, np.float32)

    def step(x, ct):
        for leaf in (x, *layer.parameters()):
            leaf.grad = None
        first(call(x)).backward(ct)

    step = tg.jit(step) if recorded else step
    return lambda: step(x, ct)


def theirs(make: Callable, x: np.ndarray) -> Callable[[], object]:
    import torch

    layer, x = make(torch.nn, x.shape[1] if x.ndim != 3 else x.shape[2]), torch.tensor(x, requires_grad=True)
    many = isinstance(layer, torch.nn.MultiheadAttention)
    ct = torch.rand(first(layer(x, x, x) if many else layer(x)).shape)

    def step():
        for leaf in (x, *layer.parameters()):
            leaf.grad = None
        first(layer(x, x, x, need_weights=False) if many else layer(x)).backward(ct)

    return step


def first(out):
    return out[0] if isinstance(out, tuple) else out


def measure(ways: dict[str, Callable[[], object]], seconds: float) -> dict[str, list[float]]:
    """Seconds a call, the ways in turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for call in ways.values():
        call(), call(), call()
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline or len(times["PyTorch"]) < 3:
        for name, call in ways.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="layers whose name contains this")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to measure a layer at a size")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch; ours are OMP_NUM_THREADS")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    print(f"{'layer':20s}{'size':10s}{'PyTorch':>10s}{'eager':>8s}{'jit':>8s}")
    for name, (shapes, make) in LAYERS.items():
        for size, shape in zip(SIZES, shapes, strict=True):
            if options.only not in name:
                continue
            x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
            times = measure(
                {"PyTorch": theirs(make, x), "eager": ours(make, x, False), "jit": ours(make, x, True)}, options.seconds
            )
            eager, jit = (
                statistics.median(a / b for a, b in zip(times[way], times["PyTorch"], strict=True))
                for way in ("eager", "jit")
            )
            slow = REASONS.get(name, "no reason is known") if eager > 2 or jit > 1.2 else ""
            middle = statistics.median(times["PyTorch"]) * 1e3
            print(f"{name:20s}{size:10s}{middle:8.2f}ms{eager:8.2f}{jit:8.2f}  {slow}", flush=True)


if __name__ == "__main__":
    main()
