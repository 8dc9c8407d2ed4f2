"""Derivatives along random directions: one number tells every entry of a Jacobian, for the price of four calls.

`agree` is what quick tests ask of a function: both modes agree with each other, and with differences of the function;
at second order both nestings agree, and with differences of the gradient. `gradcheck` asks more, and takes a hundred
times as long: the same tests ask it where they are run with `-m slow`.
"""

import numpy as np

import tinygrad_np as tg
from tinygrad_np.testing import gradcheck

STEP = 2e-5


def floating(out) -> list:
    """The floating results, out of whatever container."""
    if isinstance(out, (list, tuple)):
        return [r for o in out for r in floating(o)]
    return [out] if getattr(out, "dtype", np.dtype(int)).kind in "fc" else []


def like(x, rng) -> np.ndarray:
    """Random numbers of the shape and dtype of x."""
    numbers = rng.normal(size=np.shape(x))
    x = np.asarray(x)
    return (numbers + 1j * rng.normal(size=x.shape) if x.dtype.kind == "c" else numbers).astype(x.dtype)


def inner(a, b) -> float:
    """Re Σ conj(a) b over all arrays."""
    return sum(float(np.real(np.vdot(np.asarray(p, complex), np.asarray(q, complex)))) for p, q in zip(a, b))


def difference(f, xs, us, step=STEP) -> list:
    """The derivative of a list of arrays along us, from four points."""
    far, near = (
        [(b - a) / (2 * k * step) for a, b in zip(f(*ends[0]), f(*ends[1]))]
        for k in (2, 1)
        for ends in [[[x + sign * k * step * u for x, u in zip(xs, us)] for sign in (-1, 1)]]
    )
    return [(4 * n - w) / 3 for n, w in zip(near, far)]


def close(found, expected, size, rtol, what) -> None:
    """Compare two numbers, where the terms that were summed are of a size."""
    assert np.isfinite(found) and abs(found - expected) <= rtol * max(abs(expected), size), (
        f"{what}: found {found!r}, expected {expected!r}"
    )


def agree(f, *xs, order=1, rng=None, rtol=1e-6, **_) -> None:
    """Assert that f's derivatives at xs are right, up to second order."""
    rng = np.random.default_rng(7) if rng is None else rng
    xs = [np.asarray(x, np.result_type(float, np.asarray(x))) for x in xs]

    def parts(*xs):
        return tuple(floating(f(*xs)))

    outs, pullback = tg.vjp(parts, *xs)
    assert outs, "nothing to differentiate"
    for out, value in zip(outs, parts(*xs), strict=True):
        np.testing.assert_allclose(out, value, rtol=1e-11, atol=1e-13)
        assert out.dtype == np.asarray(value).dtype
    cts, us, vs = [like(o, rng) for o in outs], [like(x, rng) for x in xs], [like(x, rng) for x in xs]
    gs = pullback(tuple(cts))
    assert [(g.shape, g.dtype) for g in gs] == [(x.shape, x.dtype) for x in xs]
    tangents = tg.jvp(parts, tuple(xs), tuple(us))[1]
    measured = difference(parts, xs, us)
    size = sum(np.linalg.norm(np.abs(ct) * np.abs(m)) for ct, m in zip(cts, measured)) + 1e-3
    expected, reverse = inner(cts, measured), inner(gs, us)
    close(reverse, expected, size, rtol, "reverse mode against differences")
    close(inner(cts, tangents), reverse, size, 1e-9, "forward mode against reverse mode")
    if order == 1:
        return

    def gradient(*xs):
        return tg.vjp(parts, *xs)[1](tuple(cts))

    measured = difference(gradient, xs, us)
    size = sum(np.linalg.norm(np.abs(v) * np.abs(m)) for v, m in zip(vs, measured)) + 1e-3
    expected = inner(vs, measured)
    over_reverse = inner(vs, tg.jvp(gradient, tuple(xs), tuple(us))[1])
    twice = inner(tg.vjp(gradient, *xs)[1](tuple(vs)), us)
    close(over_reverse, expected, size, rtol, "forward over reverse mode against differences of the gradient")
    close(twice, over_reverse, size, 1e-9, "reverse over reverse mode against forward over reverse")


def thorough(f, *xs, **options) -> None:
    """The same of the checker, with all its checks."""
    options.pop("rng", None)
    assert gradcheck(f, *xs, **options)
