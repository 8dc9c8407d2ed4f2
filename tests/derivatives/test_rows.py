"""Every row of the table is checked by existing: a row that says nothing of how it is called fails here."""

import gc
import weakref
import zlib
from collections import defaultdict

import numpy as np
import pytest

import tinygrad_np as tg
from tests.derivatives.library import COMPLEX_ONLY, ROWS, cases_of
from tests.derivatives.oracle import agree, floating
from tinygrad_np import NotDifferentiable, Tensor
from tinygrad_np.engine.table import REAL, TABLE
from tinygrad_np.testing import check_op

EXAMPLES = 8


SLOW = {"trajectory"}  # an adjoint equation is solved for each number and order
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in sorted(ROWS)]
SKIP = {"gammasgn": {"vacuity": "a sign: 0 is its derivative wherever it has one"}}


def sampled(name: str) -> bool:
    """Whether a row is one of the twentieth that the checker sees in a quick run; functions of matrices take long."""
    return zlib.crc32(name.encode()) % 20 == 0 and not name.endswith("hm")


CHECKED = [pytest.param(name, marks=[pytest.mark.slow] * (not sampled(name))) for name in sorted(ROWS)]


@pytest.mark.parametrize("name", CHECKED)
def test_row_by_the_checker(name):
    dtypes = ("complex128",) if name in COMPLEX_ONLY else ("float64", "float32")
    skip = SKIP.get(name, {}) | {"magnitudes": "test_row_at_all_magnitudes has them"}
    report = check_op(ROWS[name], max_examples=EXAMPLES, dtypes=dtypes, skip=skip)
    assert report.inputs >= EXAMPLES // 2, f"{name}: only {report.inputs} inputs were accepted; {report.refusals[-3:]}"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ROWS) - COMPLEX_ONLY))
def test_row_at_all_magnitudes(name):
    """From 1e-6 to 1e6, beside the operation's own thresholds, at zeros and ties."""
    check_op(ROWS[name], max_examples=4, dtypes=("float64",), order=1, skip=SKIP.get(name))


# Why a row that computes something of complex numbers is not checked on them.
NOT_ON_COMPLEX = {
    "unique_values": "NumPy gives them in the order of a hash, which moves with the numbers",
    "normal_cdf": "part of gelu, which refuses complex numbers",
    "gelu": "refuses complex numbers",
    "standardized": "part of layer_norm, which refuses complex numbers",
    "gammainc_da": "part of gammainc, which refuses complex numbers",
    "clamped_log": "part of binary_cross_entropy, which refuses complex numbers",
    "clamped_log1m": "part of binary_cross_entropy, which refuses complex numbers",
    "betainc_dab": "part of betainc, which refuses complex numbers",
    "interp": "NumPy drops the imaginary part of x, with a warning; here that is refused",
}


def inside(domain, i, x):
    """Numbers in the domain of operand i, well apart from its ends."""
    lo, hi = (domain[i] if np.ndim(domain) == 2 else domain) if domain is not None else (-np.inf, np.inf)
    if np.isfinite(lo) and np.isfinite(hi):
        return (lo + hi) / 2 + (hi - lo) / 4 * np.tanh(x)
    return lo + np.exp(x / 2) if np.isfinite(lo) else hi - np.exp(x / 2) if np.isfinite(hi) else x


class Draws:
    """The arrays of a case: drawn complex, or real inside a domain, or those that were drawn, in turn."""

    def __init__(self, given=None, domain=None, rng=None):
        self.lengths, self.given, self.drawn, self.domain = {}, given, [], domain
        self.rng = np.random.default_rng(0) if rng is None else rng

    def __call__(self, *shape):
        if self.given is not None:
            self.drawn.append(self.given[len(self.drawn)])
            return self.drawn[-1]
        shape = tuple(self.lengths.setdefault(n, 3) if isinstance(n, str) else n for n in shape)
        x = self.rng.normal(size=shape)
        if self.domain is None:
            self.drawn.append(x + 1j * self.rng.normal(size=shape))
        else:
            self.drawn.append(inside(self.domain, len(self.drawn), x))
        return self.drawn[-1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(ROWS))
def test_row_on_complex_numbers(name):
    """Along a complex direction: the value is NumPy's, and both modes are the central difference."""
    checked, refusals = 0, []
    if name in NOT_ON_COMPLEX:
        pytest.skip(NOT_ON_COMPLEX[name])
    for case in cases_of(ROWS[name]):
        draws = Draws()
        try:
            expected = floating(case(ROWS[name], draws))
        except (TypeError, NotDifferentiable) as error:
            refusals.append(error)
            continue
        xs, h = draws.drawn, 1e-6

        def f(*given, case=case):
            return floating(case(ROWS[name], Draws(given)))

        if not xs or not expected or not all(np.isfinite(e).all() for e in expected):
            continue
        try:
            outs, pullback = tg.vjp(f, *xs)
            cts = [np.resize(xs[0] if o.dtype.kind == "c" else xs[0].real, o.shape).astype(o.dtype) for o in outs]
            gs = pullback(cts)
        except NotDifferentiable as error:
            refusals.append(error)
            continue
        for out, value in zip(outs, expected, strict=True):
            np.testing.assert_allclose(out, value, rtol=1e-12, atol=1e-12)
        us = [np.flip(1j * x).reshape(x.shape) + 0.5 for x in xs]
        tangents = tg.jvp(f, tuple(xs), tuple(us))[1]
        ends = [f(*(x + sign * h * u for x, u in zip(xs, us))) for sign in (1, -1)]
        difference = sum(np.vdot(ct, (a - b) / (2 * h)).real for ct, a, b in zip(cts, *ends))
        reverse = sum(np.vdot(g, u).real for g, u in zip(gs, us))
        forward = sum(np.vdot(ct, t).real for ct, t in zip(cts, tangents))
        np.testing.assert_allclose(reverse, difference, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-9)
        checked += 1
    if not checked:
        assert refusals, "nothing was checked, although nothing was refused"
        pytest.skip(f"not a differentiable function of complex numbers: {refusals[-1]}")


def forward(f, us):
    return lambda *xs: tg.jvp(f, xs, us)[1]


def reverse(f, us):
    return lambda *xs: sum(np.sum(u * g) for u, g in zip(us, tg.grad(f, argnums=tuple(range(len(xs))))(*xs)))


def third_derivatives(fun, case, domain, rng):
    """The third derivative of a random sum of a row's results along three directions, by three nestings."""
    draw = Draws(domain=domain or REAL, rng=rng)
    draw.lengths = defaultdict(lambda: 2)
    values = floating(case(fun, draw))
    drawn = draw.drawn
    cts = [rng.normal(size=o.shape) for o in values]
    u, v, w = ([rng.normal(size=x.shape) for x in drawn] for _ in range(3))

    def f(*xs):
        return sum((np.sum(np.real(o) * ct) for o, ct in zip(floating(case(fun, Draws(xs))), cts)), 0 * np.sum(xs[0]))

    nestings = (reverse, reverse, reverse), (forward, forward, forward), (forward, reverse, forward)
    return [one(two(three(f, u), v), w)(*drawn) for one, two, three in nestings] if drawn else [np.nan]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_third_order(name):
    """A third derivative is the same number in every nesting of the two modes."""
    row, rng = TABLE[ROWS[name]], np.random.default_rng(0)
    found = [third_derivatives(ROWS[name], case, row.domain, rng) for case in cases_of(ROWS[name])[:3]]
    found = [numbers for numbers in found if np.isfinite(numbers[0])]
    assert found
    for numbers in found:
        np.testing.assert_allclose(numbers[1:], numbers[0], rtol=1e-8, atol=1e-8)


def accepted(name, rng):
    """(case, arrays) for each case of a row that real numbers inside its domain fit."""
    found = []
    for case in cases_of(ROWS[name]):
        draws = Draws(domain=TABLE[ROWS[name]].domain or REAL, rng=rng)
        try:
            outs = floating(case(ROWS[name], draws))
        except (TypeError, ValueError, NotDifferentiable):
            continue
        if draws.drawn and outs and all(np.isfinite(o).all() for o in outs):
            found.append((case, draws.drawn))
    assert found, f"no case of {name} takes numbers inside its domain"
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_row(name, rng):
    """Both modes and both orders along random directions; a float32 stays one."""
    checked = 0
    for case, drawn in accepted(name, rng):

        def f(*xs, case=case):
            return case(ROWS[name], Draws(xs))

        agree(f, *drawn, order=2, rng=rng, rtol=1e-5)
        single = tuple(x.astype(np.float32) for x in drawn)
        outs, pullback = tg.vjp(lambda *xs: tuple(floating(f(*xs))), *single)  # noqa: B023
        assert [g.dtype for g in pullback(outs)] == [np.float32] * len(single)
        checked += 1
    assert checked


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(ROWS))
def test_graph_dies_without_the_cyclic_collector(name, rng):
    case, drawn = accepted(name, rng)[0]
    gc.collect(0)
    gc.disable()
    try:
        tensors = [Tensor(x, requires_grad=True) for x in drawn]
        outs = [out for out in floating(case(ROWS[name], Draws(tensors))) if isinstance(out, Tensor)]
        alive = [weakref.ref(out._node) for out in outs if not out.is_leaf]
        for out in outs:
            if out.requires_grad:
                out.backward(np.ones(out.shape, out.dtype), retain_graph=True)
        out = None
        del outs, tensors
        assert not any(ref() for ref in alive)
    finally:
        gc.enable()


def test_every_function_has_one_row():
    assert len({id(row) for row in TABLE.values()}) == len(TABLE)
