"""Recording and planning take a number of steps in proportion to the program's length, whatever its calls share."""

import sys

import numpy as np
import pytest

import tinygrad_np as tg

W = np.linspace(-0.3, 0.3, 16).reshape(4, 4)


def relaxed(x, n):
    """Slices of one array, assigned to again and again."""
    y = x.copy()
    for _ in range(n):
        y[1:-1] = 0.5 * (y[:-2] + x[2:])
    return y


def recurrent(x, n):
    h = x
    for _ in range(n):
        h = np.tanh(h[:4] @ W + x[:4])
    return h


def unrolled_gradient(x, n):
    return tg.grad(lambda x: recurrent(x, n).sum())(x)


def advected(x, n):
    """As fluid solvers do: two fields, copies, and edges."""
    u, v = x.copy(), x * 2
    for _ in range(n):
        old = u.copy()
        u[1:-1] = old[1:-1] - 0.1 * (old[1:-1] - old[:-2])
        v[1:] = v[1:] + 0.1 * u[:-1]
        u[0], u[-1] = 0, u[-2]
    return u + v


def grown(x, n):
    total = np.zeros(4)
    for i in range(n):
        total[i % 4] += np.maximum(x, 0)[i % 4]
    return total


def steps(f, x, n) -> int:
    """The calls of functions from the first call of a jitted function to its result."""
    count = 0

    def tally(frame, event, called):
        nonlocal count
        count += event == "call"

    jitted = tg.jit(lambda x: f(x, n))
    jitted(x)  # what is imported, and cached, is so once
    program = jitted.programs[0]
    program.plan = None
    sys.setprofile(tally)
    try:
        program.planned()
    finally:
        sys.setprofile(None)
    assert np.allclose(jitted(x), f(x, n))
    return count


@pytest.mark.parametrize("f", [relaxed, recurrent, unrolled_gradient, advected, grown])
def test_planning_is_linear(f):
    x = np.linspace(-1, 1, 20) if f in (relaxed, advected) else np.linspace(-1, 1, 4)
    short, long = (steps(f, x, n) for n in (30, 120))
    assert long < 5 * short
