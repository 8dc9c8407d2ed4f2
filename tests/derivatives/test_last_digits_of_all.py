"""Right to the last digits: every elementwise row and special function of the table, both derivatives beside mpmath's.

Operands are drawn over all exponents that a row answers for: `digits` in the row says its bound and its range where
that is not 1e-13 and the whole range of the dtype.
"""

import numpy as np
import pytest

import tinygrad_np as tg
from tests.derivatives.library import ROWS
from tinygrad_np.engine.table import REAL, TABLE

mp = pytest.importorskip("mpmath", reason="compares with mpmath where it is installed").mp
sc = pytest.importorskip("scipy.special", reason="SciPy is an extra")

import tinygrad_np.scipy.special as sp  # noqa: E402
from tests.derivatives.exact import VALUES, exact, partials  # noqa: E402

# what is given for an operand by which is not differentiated: orders, degrees and shapes
GIVEN = {"n": (0, 1, 2, 5), "v": (0.0, 1.0, 2.0, 0.5, 3.7), "k": (0.0, 3.0), "df": (1.0, 3.0, 10.5), "x": (1.5, 2.5)}
GIVEN |= {"a": (0.5, 2.0), "b": (1.5, 3.0), "c": (2.5,), "alpha": (0.5, 1.5), "beta": (0.7,)}
WHOLE = {"yn", "kn"}  # whose order is a whole number
AFTER = {"ellipj": (0.25,)}  # what follows the operand
TRIALS = {"bdtr", "bdtrc", "nbdtr", "nbdtrc"}  # whose n is above k
COMPLEX = {"hankel1", "hankel2", "wofz", "lambertw"}  # results
# for mpmath: their exact values take seconds
SLOW = {*"k0 k1 k0e k1e kn y0 y1 yn owens_t betaincinv betaincc gammaincc gammainccinv chdtrc gdtr gdtrc expn".split()}
SLOW |= {*"airy fresnel itstruve0 itmodstruve0 hyperu ellipj chdtri pdtri stdtr".split()}
LIMITS = {np.float64: 1, np.float32: 1e8, np.float16: 1e11}  # times a row's bound
QUICK, THOROUGH = 2, 40


def enrolled() -> dict:
    """The elementwise rows, those of SciPy's ufuncs, and the other special functions."""

    def counts(name, fun):
        ufunc = isinstance(fun, np.ufunc) and getattr(sc, fun.__name__, None) is fun
        return TABLE[fun].kind == "elementwise" or ufunc or name in sp.__all__ and getattr(sp, name) is fun

    return {name: fun for name, fun in ROWS.items() if counts(name, fun) and TABLE[fun].kind != "reduction"}


ENROLLED = enrolled()


def key(name: str) -> str:
    return name.rpartition(".")[2]


def sizes(low, high, rng) -> float:
    """A number between two positive ones, any exponent as likely as any other, every other time within 1e-3 and 1e3."""
    if rng.integers(2) and low < 1 < high:
        low, high = max(low, 1e-3), min(high, 1e3)
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def operand(domain, digits, dtype, rng) -> float:
    """A number inside a domain, away from its ends by a size that the row answers for."""
    info = np.finfo(dtype)
    low, high = (float(end) for end in domain)
    least, most = max(digits[1], float(info.tiny)), min(digits[2], float(info.max))
    while True:
        if np.isinf(high) and np.isinf(low):
            x = sizes(least, most, rng) * rng.choice([-1, 1])
        elif np.isinf(high) or np.isinf(low):
            size = sizes(least, most, rng)
            x = low + size if np.isinf(high) else high - size
        else:
            near = sizes(max(least, float(info.eps) * (high - low)), (high - low) / 2, rng)
            x = low + near if rng.integers(2) else high - near
        x = dtype(x)
        if low < x < high:
            return x


def case(name, fun, dtype, rng):
    """One call of a row: its function of numbers, mpmath's, and the numbers; a result of several is asked for each."""
    row = TABLE[fun]
    domains = row.domain or REAL
    domains = domains if isinstance(domains[0], tuple) else (domains,) * len(row.diff)
    xs = [operand(domain, row.digits, dtype, rng) for domain in domains]
    others = row.names[: row.names.index(row.diff[0])]
    given = [(5, 7) if n == "n" and name in TRIALS else GIVEN["n" if name in WHOLE else n] for n in others]
    given = [values[rng.integers(len(values))] for values in given]
    values = VALUES[key(name)]
    several = isinstance(values, tuple)
    for i, value in enumerate(values if several else (values,)):

        def ours(*x, i=i):
            out = fun(*given, *x, *AFTER.get(name, ()))
            return out[i] if several else out

        start = {"start": float(ours(*map(np.float64, xs)))} if getattr(value, "starts", False) else {}

        def theirs(*x, value=value, start=start):
            return value(*[g if isinstance(g, int) else mp.mpf(g) for g in given], *x, **start)

        yield ours, theirs, xs, given


def derivative(f, part, is_complex):
    """The partial derivative of a function of numbers, by tg.grad, of the real and the imaginary part."""

    def nested(f):
        for i in part:
            f = tg.grad(f, i)
        return f

    if not is_complex:
        return nested(f)
    real, imag = (nested(lambda *x, of=of: of(f(*x))) for of in (np.real, np.imag))
    return lambda *x: real(*x) + 1j * imag(*x)


def error(found, right) -> float:
    """How far a number is from the exact one: relative to it, or to the smallest normal number."""
    info = np.finfo(found.dtype)
    if abs(right) > float(info.max):
        return 0.0 if abs(found) >= float(info.max) / 2 else np.inf
    if not np.isfinite(found):
        return np.inf
    return float(abs(mp.mpmathify(found.item()) - right) / max(abs(right), mp.mpf(float(info.tiny))))


def check(name, dtype, count, rng):
    """Compare both derivatives at so many drawn operands; how many of those had a value is asked for as well."""
    fun = ENROLLED[name]
    elementary = not isinstance(fun, np.ufunc) or getattr(np, key(name), None) is fun
    compared = tried = 0
    for _ in range(count):
        for ours, theirs, xs, given in case(name, fun, dtype, rng):
            tried += 1
            if not np.isfinite(ours(*xs)):
                continue
            for part in partials(len(xs)):
                found = np.asarray(derivative(ours, part, name in COMPLEX)(*xs))
                orders = tuple(part.count(i) for i in range(len(xs)))
                tiny = float(np.finfo(found.dtype).tiny)
                right = exact(theirs, tuple(map(float, xs)), orders, tiny, 4000 if elementary else 1000)
                if right is None:
                    continue
                compared += 1
                off, bound = error(found, right), TABLE[fun].digits[0] * LIMITS[dtype]
                assert off < bound, (
                    f"{name}{(*given, *map(float, xs))}, derivative {part}: found {found.item()!r}, expected "
                    f"{mp.nstr(right, 20)}, off by {off:.1e}; the row's bound is {bound:.1e}"
                )
    return compared, tried


def test_every_row_is_compared():
    """A row that has no exact value here is one whose digits nobody looks at."""
    assert {key(name) for name in ENROLLED} - {*VALUES} == set()
    assert {*VALUES} - {key(name) for name in ENROLLED} == set()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # values overflow
@pytest.mark.parametrize("name", sorted({*ENROLLED} - SLOW))
def test_some_operands(name, rng):
    check(name, np.float64, QUICK, rng)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", LIMITS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", sorted(ENROLLED))
def test_many_operands(name, dtype, rng):
    compared, tried = check(name, dtype, 8 if name in SLOW else THOROUGH, rng)
    assert compared > tried / 4, f"only {compared} derivatives were compared, of {tried} values"
