"""The rows that tests enrol: those of the library, whatever a doctest, another test or an adapter has entered besides.

A row counts if its function is a name of a module of NumPy, SciPy or the package. All modules of the package are
imported first, so that the rows are the same in every order of tests.
"""

import importlib
import pkgutil
import sys
from collections import Counter

import numpy as np

import tinygrad_np
from tinygrad_np.engine.table import TABLE, Plain

# Rooms that enter no rows of functions of their own: commands, and the checker, whose adapters call any function.
WITHOUT = ("tinygrad_np.testing", "tinygrad_np.interop", "tinygrad_np.parallel", "tinygrad_np.models")

COMPLEX_ONLY = {"imag"}  # on real numbers it is 0 with all its derivatives

# How an elementwise function of so many operands is called.
SAME_SHAPES = {1: lambda f, A: f(A(2, 3)), 2: lambda f, A: f(A(2, 1), A(3)), 3: lambda f, A: f(A(3), A(3), A())}


def outside(name: str) -> bool:
    """Whether a module is none in which rows are looked for."""
    return name.startswith(WITHOUT) or name.endswith("__main__") or name.split(".")[0] != "tinygrad_np"


def modules() -> list:
    """The modules of the package that enter rows, with NumPy's and SciPy's; those of a library that is missing are not
    there."""
    for found in pkgutil.walk_packages(tinygrad_np.__path__, "tinygrad_np.", onerror=lambda name: None):
        if not outside(found.name):
            try:
                importlib.import_module(found.name)
            except ModuleNotFoundError as missing:
                if missing.name is None or missing.name.startswith("tinygrad_np"):
                    raise
    names = [n for n in sys.modules if n.split(".")[0] in ("numpy", "scipy") or not outside(n)]
    return [sys.modules[n] for n in sorted(names)]


def library_rows() -> dict:
    """The functions that have a derivative, by name; of several of one name, each is told by its module."""
    held = {id(value) for module in modules() for value in list(vars(module).values())}
    funs = [fun for fun, row in TABLE.items() if id(fun) in held and not isinstance(row, Plain)]
    count = Counter(TABLE[fun].name for fun in funs)
    found: dict = {}
    for fun in funs:
        name = TABLE[fun].name
        if count[name] > 1 and getattr(np, name, None) is not fun:
            owner = getattr(fun, "__module__", None) or "scipy.special"  # a ufunc does not tell
            name = f"{owner}.{getattr(fun, '__qualname__', name)}"
        assert name not in found, name
        found[name] = fun
    return found


def cases_of(fun) -> list:
    """How a row is called: each case is a function of it, and of what draws an array of a shape."""
    row = TABLE[fun]
    assert row.kind == "elementwise" or row.cases, f"{row.name} has no cases: say how it is called"
    return list(row.cases or [SAME_SHAPES[len(row.diff)]])


ROWS = library_rows()
