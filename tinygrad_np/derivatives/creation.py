"""Creation: arrays made of tensors, which NumPy asks for by `like=x`, and tinygrad_np.numpy without it."""

import numpy as np

from ..engine.arrays import array_of
from ..engine.recording import outputs
from ..engine.table import Creation, composed, plain
from ..engine.tape import CONST
from .joining import as_operand

plain("a new array", np.zeros, np.ones, np.empty, np.eye, np.identity, np.tri, np.frombuffer, np.fromfile,
      np.fromstring, np.loadtxt, np.genfromtxt, kind=Creation)


def of_dtype(x, dtype, ndmin=0):
    """The tensor of what was given, in a dtype and with at least so many axes."""
    x = as_operand(x)
    x = x if dtype is None or x.dtype == dtype else np.astype(x, dtype)
    return np.reshape(x, (1,) * (ndmin - x.ndim) + x.shape) if x.ndim < ndmin else x


def like(make):
    """A case for tests: `make` gives the arguments from one array, which `like=` names."""
    def run(f, A):
        a = A(2)
        args, options = make(a)
        return f(*args, like=a, **options)
    return run


PAIRS = [like(lambda a: (([a[0], a[1] * 2],), {})), like(lambda a: (([[a, 1.0 * a], (a * a, np.ones(2))],), {})),
         like(lambda a: ((a,), {}))]


@composed(np.array, cases=[*PAIRS, like(lambda a: (([a[0], 2.0],), {"ndmin": 2}))])
def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0):
    x = of_dtype(object, dtype, ndmin)
    return np.copy(x) if x is object else x


@composed(np.asarray, cases=PAIRS)
def asarray(a, dtype=None, order=None, *, device=None, copy=None):
    x = of_dtype(a, dtype)
    return np.copy(x) if copy and x is a else x


@composed(np.asanyarray, cases=PAIRS)
def asanyarray(a, dtype=None, order=None, *, device=None, copy=None):
    return asarray(a, dtype, copy=copy)


@composed(np.ascontiguousarray, cases=PAIRS)
def ascontiguousarray(a, dtype=None):
    return of_dtype(a, dtype, 1)


@composed(np.asfortranarray, cases=PAIRS)
def asfortranarray(a, dtype=None):
    return of_dtype(a, dtype, 1)


@composed(np.require, cases=PAIRS)
def require(a, dtype=None, requirements=None):
    return of_dtype(a, dtype)


@composed(np.full, cases=[like(lambda a: (((3, 2), a), {})), like(lambda a: ((2, a[0]), {}))])
def full(shape, fill_value, dtype=None, order="C", *, device=None):
    return np.copy(np.broadcast_to(of_dtype(fill_value, dtype), shape))


@composed(np.arange, cases=[like(lambda a: ((a[0], array_of(a[0]) + 2.5), {})),
                            like(lambda a: ((a[0], array_of(a[0]) + 2.5, 1.1), {}))])
def arange(start_or_stop, stop=None, step=1, dtype=None, *, device=None):
    """The steps are counted with the values; each element is start + n · step."""
    start, stop = (0, start_or_stop) if stop is None else (start_or_stop, stop)
    count = np.arange(array_of(start).item(), array_of(stop).item(), array_of(step).item()).size
    return of_dtype(start + np.arange(count) * step, dtype)


@composed(np.fromfunction, always=True, cases=[like(lambda a: ((lambda i, j: i * a[0] + a[1] * j, (2, 3)), {}))])
def fromfunction(function, shape, *, dtype=float, **kwargs):
    return function(*outputs(list(np.indices(shape, dtype=dtype)), CONST), **kwargs)


@composed(np.fromiter, always=True, cases=[like(lambda a: (([x * x for x in a], a.dtype), {}))])
def fromiter(iter, dtype, count=-1):
    """What comes out of an iterator, at most `count` of it."""
    found = [x for x, _ in zip(iter, range(count))] if count >= 0 else list(iter)
    if len(found) < count:
        raise ValueError(f"fromiter: the iterator gave {len(found)} elements; expected count={count}")
    return of_dtype(np.stack(found) if found else np.empty(0), dtype)

