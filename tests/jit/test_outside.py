"""What is read outside is watched wherever it lies: in the process, a class, an object of C code, an array's layout."""

import abc
import ctypes
import decimal
import mmap
import os
import sys
import threading
import types
import warnings

import numpy as np
import pytest

import tinygrad_np as tg


class Plain(np.ndarray):
    """Arrays with an arithmetic of their own."""


class One:
    k = 2.0


class Two:
    k = 3.0


def module(name, k):
    sys.modules[name] = made = types.ModuleType(name)
    made.k = k


def one_of(base=object, **names):
    return type("Made", (base,), names)()


def imports(x):
    import tg_made_for_a_test

    return x * tg_made_for_a_test.k


def imports_a_name(x):
    from tg_made_for_a_test import k

    return x * k


Abstract = abc.ABCMeta("Abstract", (), {})


WATCHED = {  # what makes a thing, what a function reads of it, and what changes it, by a number
    "environ": (
        lambda: os.environ.update(TG_T="1"),
        lambda o: float(os.environ["TG_T"]),
        lambda o, n: os.environ.update(TG_T=str(n)),
    ),
    "getenv": (
        lambda: os.environ.update(TG_T="1"),
        lambda o: float(os.getenv("TG_T")),
        lambda o, n: os.environ.update(TG_T=str(n)),
    ),
    "argv": (lambda: sys.argv.append("1"), lambda o: float(sys.argv[-1]), lambda o, n: sys.argv.append(str(n))),
    "directory": (
        lambda: os.chdir("/"),
        lambda o: len(os.getcwd()),
        lambda o, n: os.chdir("/" if n % 2 else os.path.dirname(__file__)),
    ),
    "precision": (
        lambda: None,
        lambda o: np.get_printoptions()["precision"],
        lambda o, n: np.set_printoptions(precision=n),
    ),
    "errors": (
        lambda: None,
        lambda o: len(np.geterr()["over"]),
        lambda o, n: np.seterr(over="ignore" if n % 2 else "warn"),
    ),
    "buffer": (lambda: None, lambda o: np.getbufsize(), lambda o, n: np.setbufsize(8192 * n)),
    "decimals": (
        lambda: None,
        lambda o: float(decimal.Decimal(1) / 3),
        lambda o, n: setattr(decimal.getcontext(), "prec", n + 2),
    ),
    "thread": (
        threading.current_thread,
        lambda o: len(threading.current_thread().name),
        lambda o, n: setattr(o, "name", "t" * n),
    ),
    "filters": (
        lambda: None,
        lambda o: len(warnings.filters),
        lambda o, n: warnings.filterwarnings("ignore", message=f"tg {n}"),
    ),
    "modules": (lambda: module("tg_m", 1.0), lambda o: sys.modules["tg_m"].k, lambda o, n: module("tg_m", n)),
    "class": (
        One,
        lambda o: 2.0 if isinstance(o, One) else 3.0,
        lambda o, n: setattr(o, "__class__", Two if n % 2 else One),
    ),
    "bases": (lambda: one_of(One), lambda o: o.k, lambda o, n: setattr(type(o), "__bases__", (Two if n % 2 else One,))),
    "attributes": (lambda: one_of(k=1.0), lambda o: o.k, lambda o, n: setattr(o, "__dict__", {"k": n})),
    "registered": (one_of, lambda o: float(isinstance(o, Abstract)), lambda o, n: Abstract.register(type(o))),
    "subclasses": (
        one_of,
        lambda o: len(type(o).__subclasses__()),
        lambda o, n: vars(sys.modules[__name__]).update({f"S{n}": type("S", (type(o),), {})}),
    ),
    "ctypes": (lambda: ctypes.c_double(1), lambda o: o.value, lambda o, n: setattr(o, "value", n)),
    "ctypes array": (lambda: (ctypes.c_int * 2)(1), lambda o: o[0], lambda o, n: o.__setitem__(0, n)),
    "mmap": (lambda: mmap.mmap(-1, 8), lambda o: o[0], lambda o, n: o.__setitem__(0, n)),
    "other array": (lambda: np.ones(2).view(Plain), lambda o: float(o[0]), lambda o, n: o.__setitem__(0, n)),
    "its attribute": (lambda: np.ones(2).view(Plain), lambda o: getattr(o, "k", 1.0), lambda o, n: setattr(o, "k", n)),
    "mask": (lambda: np.ma.array(np.ones(9)), lambda o: float(o.sum()), lambda o, n: o.__setitem__(n, np.ma.masked)),
    "records": (
        lambda: np.rec.array([(1.0,)], dtype=[("a", float)]),
        lambda o: o.a[0],
        lambda o, n: o.a.__setitem__(0, n),
    ),
    "flags": (lambda: np.ones(2), lambda o: float(o.flags.writeable), lambda o, n: o.setflags(write=not n % 2)),
}


@pytest.fixture
def as_it_was(monkeypatch):
    """The process is what it was before."""
    monkeypatch.setenv("TG_T", "0")
    monkeypatch.setattr(sys, "argv", sys.argv[:])
    thread, folder, name = threading.current_thread(), os.getcwd(), threading.current_thread().name
    bufsize, errors = np.getbufsize(), np.geterr()
    with warnings.catch_warnings(), np.printoptions(), decimal.localcontext():
        yield
    np.setbufsize(bufsize)
    np.seterr(**errors)
    os.chdir(folder)
    thread.name = name
    for made in ("tg_m", "tg_made_for_a_test"):
        sys.modules.pop(made, None)


@pytest.mark.parametrize("name", WATCHED)
def test_a_change_outside_is_seen(name, as_it_was):
    make, read, change = WATCHED[name]
    thing = make()
    jitted = tg.jit(lambda x: x * read(thing))
    for n in range(2, 6):
        assert np.array_equal(jitted(np.ones(3)), np.full(3, read(thing)))
        assert np.array_equal(jitted(np.ones(3)), np.full(3, read(thing)))
        change(thing, n)


@pytest.mark.parametrize("f", [imports, imports_a_name])
def test_a_module_that_is_imported_inside_is_watched(f, as_it_was):
    jitted = tg.jit(f)
    for k in (2.0, 3.0, 4.0):
        module("tg_made_for_a_test", k)
        assert jitted(np.ones(1)) == jitted(np.ones(1)) == k
    sys.modules["tg_made_for_a_test"].k = 5.0
    assert jitted(np.ones(1)) == 5


def test_a_module_that_is_imported_for_the_first_time_stays_whole(tmp_path, monkeypatch):
    (tmp_path / "tg_first_time.py").write_text("k = 2.0\nclass C:\n    k = 3.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict = {}
    exec("def f(x):\n    import tg_first_time as m\n    return x * m.k * m.C.k\n", names)
    jitted = tg.jit(names["f"])
    assert jitted(np.ones(1)) == jitted(np.ones(1)) == 6
    sys.modules["tg_first_time"].C.k = 4.0
    assert jitted(np.ones(1)) == 8 and len(jitted.programs) == 2
    del sys.modules["tg_first_time"]


@pytest.mark.parametrize("change", [{"shape": (3, 3)}, {"dtype": np.dtype(">f8")}])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_array_whose_layout_is_set_in_place_is_seen(change):
    w = np.arange(9.0)
    jitted = tg.jit(lambda x: (x * w).sum(axis=0))
    for now in ({}, change, {}):
        for k, v in now.items():
            setattr(w, k, v)
        for _ in range(3):
            np.testing.assert_array_equal(jitted(np.ones(w.shape[-1])), (np.ones(w.shape[-1]) * w).sum(axis=0))


@pytest.mark.parametrize(
    "f, what",
    [
        (lambda x: x * os.path.exists("/"), "stat"),
        (lambda x: x * np.fromfile(__file__, np.uint8)[0], "fromfile"),
        (lambda x: (os.mkdir(os.devnull), x)[1], "mkdir"),
        (lambda x: (setattr(CHANGED, "__class__", Two), x)[1], "class"),
    ],
)
def test_what_a_replay_would_not_do_outside_is_refused(f, what):
    with pytest.raises(tg.NotReplayable, match=what):
        tg.jit(f)(np.ones(3))
    assert type(CHANGED) is One


CHANGED = One()
