"""Every row of the table replays: its values, its gradients, and theirs. A new row is enrolled by being there."""

import numpy as np
import pytest
import scipy

import tinygrad_np as tg
from tests.derivatives.library import ROWS, cases_of
from tests.derivatives.test_rows import Draws
from tests.stream import rng
from tinygrad_np.engine.table import REAL, TABLE

SHAPES = """histogram histogram_bin_edges intersect1d nanmedian nanpercentile nanquantile roots setdiff1d setxor1d
    trim_zeros union1d unique unique_all unique_counts unique_inverse unique_values"""
SCIMATH = np.lib.scimath.sqrt.__module__  # which another NumPy calls something else
COMPLEX = "eig eigvals logn " + " ".join(
    f"{SCIMATH}.{name}" for name in ("arccos", "arcsin", "arctanh", "log", "log10", "log2", "power", "sqrt")
)
SPHERICAL = (
    "spherical_in spherical_jn spherical_kn spherical_yn" if np.lib.NumpyVersion(scipy.__version__) >= "1.15.0" else ""
)
# What does not replay, and the words in which it is refused.
REFUSED = {
    **dict.fromkeys(SHAPES.split(), "the shape of .* depends on values"),
    **dict.fromkeys(COMPLEX.split(), "complex depends on values"),
    "arange": "value as a Python number",  # of which the length follows
    "histogramdd": "gives a Python tuple",
    "i0": "value as a Python number",  # its derivative is a sum of as many terms as the largest number needs
    "logm": "global random stream",  # SciPy estimates a norm at random
    "polydiv": "gives a Python bool",
    **dict.fromkeys(SPHERICAL.split(), "about an array's memory"),
}
BY_ITSELF = {"fromfunction"}  # the function runs without a program


def floating(result) -> list:
    """The arrays of real or complex numbers in a result."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    return [p for p in parts if getattr(p, "dtype", np.dtype(int)).kind in "fc"]


def weighted(outs):
    """A number that depends on all of the outputs."""
    total = 0
    for k, out in enumerate(outs):
        weights = np.cos(np.arange(out.size) + k).reshape(out.shape)
        total = total + (weights * (out.real + out.imag if out.dtype.kind == "c" else out)).sum()
    return total


def levels(case, fun, order: int):
    """A row's values, and the gradients of a sum of them up to some order, as one function of arrays."""

    def loss(*xs):
        return weighted(floating(case(fun, Draws(list(xs)))))

    def second(*xs):
        return weighted(tg.grad(loss, argnums=tuple(range(len(xs))))(*xs))

    def every(*xs):
        found = [floating(case(fun, Draws(list(xs))))]
        for f in (loss, second)[:order]:
            found.append(list(tg.grad(f, argnums=tuple(range(len(xs))))(*xs)))
        return found

    return every


def replays(name: str, case, order: int) -> None:
    """Whether the same comes out of a replay, for arrays that were not recorded."""
    fun = ROWS[name]
    jitted = None
    with np.errstate(all="ignore"):
        for _ in range(3):
            domain = TABLE[fun].domain
            draws = Draws(domain=REAL if domain is None else domain, rng=rng.now)
            case(fun, draws)
            xs = draws.drawn
            if not xs:
                return
            f = levels(case, fun, order)
            try:
                expected = f(*xs)
            except tg.NotDifferentiable:
                order = 0
                f = levels(case, fun, order)
                expected = f(*xs)
            jitted = jitted or tg.jit(f)
            got = jitted(*xs)
            for mine, theirs in zip(got, expected, strict=True):
                for a, b in zip(mine, theirs, strict=True):
                    a, b = np.asarray(a), np.asarray(b)
                    assert a.dtype == b.dtype and a.shape == b.shape
                    scale = np.abs(b[np.isfinite(b)]).max(initial=1)
                    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13 * scale)
    assert jitted.programs and jitted.programs[0].calls >= 2, "run by itself"
    assert jitted.recordings <= 2


def check(name: str, cases, order: int) -> None:
    if name in REFUSED:
        with pytest.raises(tg.NotReplayable, match=REFUSED[name]):
            for case in cases:
                replays(name, case, order)
        return  # what is refused now and replays one day has to leave the list
    for case in cases:
        if name in BY_ITSELF:
            with pytest.raises(AssertionError, match="run by itself"):
                replays(name, case, order)
        else:
            replays(name, case, order)


NAMES = sorted(ROWS)
MANY = 12  # names a test: each is named where it fails


@pytest.mark.parametrize(
    "some", [NAMES[i :: len(NAMES) // MANY] for i in range(len(NAMES) // MANY)], ids=lambda s: s[0]
)
def test_rows_replay(some):
    failed = {}
    for name in some:
        try:
            check(name, cases_of(ROWS[name])[:1], 1)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {str(error)[:300]}"
    assert not failed


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_row_replays_in_every_case_and_at_second_order(name):
    check(name, cases_of(ROWS[name]), 2)
