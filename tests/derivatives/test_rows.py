"""Every row of the table is checked by existing: a row that says nothing of how it is called fails here."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tests.derivatives.library import COMPLEX_ONLY, ROWS, cases_of
from tinygrad_np import NotDifferentiable, Tensor
from tinygrad_np.engine.table import TABLE
from tinygrad_np.testing import check_op, strategies
from tinygrad_np.testing.reference.problem import Problem

EXAMPLES = 8


SLOW = {"trajectory"}  # an adjoint equation is solved for each number and order
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in sorted(ROWS)]
SKIP = {"gammasgn": {"vacuity": "a sign: 0 is its derivative wherever it has one"}}


@pytest.mark.parametrize("name", NAMES)
def test_row(name):
    assert cases_of(ROWS[name])
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
    "standardized": "part of layer_norm, which refuses complex numbers",
    "gammainc_da": "part of gammainc, which refuses complex numbers",
    "clamped_log": "part of binary_cross_entropy, which refuses complex numbers",
    "clamped_log1m": "part of binary_cross_entropy, which refuses complex numbers",
    "betainc_dab": "part of betainc, which refuses complex numbers",
    "interp": "NumPy drops the imaginary part of x, with a warning; here that is refused",
}


class Draws:
    """The arrays of a case: drawn complex, or those that were drawn, in turn."""

    def __init__(self, given=None):
        self.rng, self.lengths, self.given, self.drawn = np.random.default_rng(0), {}, given, []

    def __call__(self, *shape):
        if self.given is not None:
            self.drawn.append(self.given[len(self.drawn)])
            return self.drawn[-1]
        shape = tuple(self.lengths.setdefault(n, 3) if isinstance(n, str) else n for n in shape)
        self.drawn.append(self.rng.normal(size=shape) + 1j * self.rng.normal(size=shape))
        return self.drawn[-1]


def floating(out) -> list:
    """The floating results, out of whatever container."""
    if isinstance(out, (list, tuple)):
        return [r for o in out for r in floating(o)]
    return [out] if getattr(out, "dtype", np.dtype(int)).kind in "fc" else []


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


def inside(domain, i, x):
    """Numbers in the domain of operand i, well apart from its ends."""
    lo, hi = (domain[i] if np.ndim(domain) == 2 else domain) if domain is not None else (-np.inf, np.inf)
    if np.isfinite(lo) and np.isfinite(hi):
        return (lo + hi) / 2 + (hi - lo) / 4 * np.tanh(x)
    return lo + np.exp(x / 2) if np.isfinite(lo) else hi - np.exp(x / 2) if np.isfinite(hi) else x


def forward(f, us):
    return lambda *xs: tg.jvp(f, xs, us)[1]


def reverse(f, us):
    return lambda *xs: sum(np.sum(u * g) for u, g in zip(us, tg.grad(f, argnums=tuple(range(len(xs))))(*xs)))


def third_derivatives(fun, case, domain, rng):
    """The third derivative of a random sum of a row's results along three directions, by three nestings."""
    drawn, lengths = [], {}

    def draw(*shape):
        shape = tuple(lengths.setdefault(n, 2) if isinstance(n, str) else n for n in shape)
        drawn.append(inside(domain, len(drawn), rng.normal(size=shape)))
        return drawn[-1]

    cts = [rng.normal(size=o.shape) for o in floating(case(fun, draw))]
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


@pytest.mark.parametrize("name", sorted(ROWS))
@np.errstate(all="ignore")
def test_graph_dies_without_the_cyclic_collector(name):
    fun = ROWS[name]
    args, kwargs, *program = first_accepted(fun)
    gc.collect()
    gc.disable()
    try:
        p = Problem(program[0] if program else fun, args, kwargs)
        tensors = [Tensor(a, requires_grad=True) for a in p.arrays(p.point)]
        outs = [out for out in p(*tensors) if isinstance(out, Tensor)]
        alive = [weakref.ref(out.node) for out in outs if not out.is_leaf]
        for out in outs:
            if out.requires_grad:
                out.backward(np.ones(out.shape, out.dtype), retain_graph=True)
        out = None
        del outs, tensors, p
        assert not any(ref() for ref in alive)
    finally:
        gc.enable()


def first_accepted(fun):
    """One input of the row that the function takes."""
    import hypothesis

    found = []

    @hypothesis.settings(
        max_examples=30,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategies.op_inputs(fun))
    def draw(inputs):
        if found:
            return
        args, kwargs, *program = inputs
        p = Problem(program[0] if program else fun, args, kwargs)
        try:
            with np.errstate(all="ignore"):
                p(*[Tensor(a, requires_grad=True) for a in p.arrays(p.point)])
        except (ValueError, IndexError, NotDifferentiable):
            return
        found.append(inputs)

    draw()
    return found[0]


def test_every_function_has_one_row():
    assert len({id(row) for row in TABLE.values()}) == len(TABLE)
