"""Every way in which Python code reads or writes a value, in every place where code can be: right, or refused.

A cell of the matrix is a module of its own, written out and run twice: with the function, and with the function
jitted. After each call, and after a change from outside, both give the same and leave the same behind, or jit has
refused with the line of the module.
"""

import itertools
import linecache
import types

import numpy as np
import pytest

import tinygrad_np as tg

HEAD = """
import collections, contextvars, copy, dataclasses, functools, operator, types
import numpy as np
import tinygrad_np as tg
from tinygrad_np import nn
"""

READS = {  # what there is; how code reads it; what changes it from outside
    "global": ("K = 2.0", "K", "global K; K = 3.0"),
    "global array": ("K = np.array([1.0, 2.0, 3.0])", "K", "global K; K = np.array([3.0, 4.0, 5.0])"),
    "array in place": ("K = np.array([1.0, 2.0, 3.0])", "(K * 2)", "K[...] = 7.0"),
    "global that appears": ("", "globals().get('LATE', 2.0)", "global LATE; LATE = 3.0"),
    "builtin that is hidden": ("", "abs(-2.0)", "global abs; abs = lambda v: 3.0"),
    "cell": (
        "def cell():\n    k = 2.0\n    def get(): return k\n    def put(v):\n        nonlocal k\n        k = v\n"
        "    return get, put\nget, put = cell()",
        "get()",
        "put(3.0)",
    ),
    "default": ("def h(v=2.0): return v", "h()", "h.__defaults__ = (3.0,)"),
    "entry of a default": ("def h(v=[2.0]): return v[0]", "h()", "h.__defaults__[0][0] = 3.0"),
    "keyword default": ("def h(*, v=2.0): return v", "h()", "h.__kwdefaults__ = {'v': 3.0}"),
    "attribute": ("class C: pass\no = C(); o.k = 2.0", "o.k", "o.k = 3.0"),
    "attribute that appears": ("class C: pass\no = C()", "getattr(o, 'k', 2.0)", "o.k = 3.0"),
    "array attribute": ("class C: pass\no = C(); o.k = np.ones(3)", "o.k", "o.k[...] = 3.0"),
    "slot": ("class C: __slots__ = ('k',)\no = C(); o.k = 2.0", "o.k", "o.k = 3.0"),
    "class": ("class C: k = 2.0\no = C()", "o.k", "C.k = 3.0"),
    "base class": ("class B: k = 2.0\nclass C(B): pass\no = C()", "o.k", "B.k = 3.0"),
    "metaclass": (
        "class M(type):\n    @property\n    def k(cls): return cls._k\nclass C(metaclass=M): _k = 2.0",
        "C.k",
        "C._k = 3.0",
    ),
    "module": ("m = types.ModuleType('m'); m.k = 2.0", "m.k", "m.k = 3.0"),
    "function attribute": ("def h(): pass\nh.k = 2.0", "h.k", "h.k = 3.0"),
    "function attribute that appears": ("def h(): pass", "getattr(h, 'k', 2.0)", "h.k = 3.0"),
    "dict": ("d = {'k': 2.0}", "d['k']", "d['k'] = 3.0"),
    "dict that grows": ("d = {}", "d.get('k', 2.0)", "d['k'] = 3.0"),
    "nested": ("d = {'a': [{'k': (2.0,)}]}", "d['a'][0]['k'][0]", "d['a'][0]['k'] = (3.0,)"),
    "list": ("d = [2.0]", "d[-1]", "d.append(3.0)"),
    "set": ("d = {2.0}", "sum(d)", "d.add(1.0)"),
    "deque": ("d = collections.deque([2.0])", "d[0]", "d.appendleft(3.0)"),
    "tuple of arrays": ("d = (np.ones(3),)", "(d[0] * 2)", "d[0][...] = 3.0"),
    "dict of arrays": ("d = {'k': np.ones(3)}", "(d['k'] * 2)", "d['k'] = np.full(3, 3.0)"),
    "property": (
        "class C:\n    @property\n    def k(self): return self._k * G\nG = 1.0\no = C(); o._k = 2.0",
        "o.k",
        "global G; G = 3.0",
    ),
    "descriptor": (
        "class D:\n    def __get__(self, o, cls): return self.v\nclass C: k = D()\nC.__dict__['k'].v = 2.0\no = C()",
        "o.k",
        "C.__dict__['k'].v = 3.0",
    ),
    "__getattr__": (
        "class C:\n    def __getattr__(self, name): return d[name]\nd = {'k': 2.0}\no = C()",
        "o.k",
        "d['k'] = 3.0",
    ),
    "operator": (
        "class C:\n    def __mul__(self, t): return t * G\nG = 2.0\no = C()",
        "(o * 1.0)",
        "global G; G = 3.0",
    ),
    "ContextVar": ("v = contextvars.ContextVar('v', default=2.0)", "v.get()", "v.set(3.0)"),
    "array in a ContextVar": (
        "v = contextvars.ContextVar('v'); v.set(np.ones(3))",
        "(v.get() * 2)",
        "v.get()[...] = 3.0",
    ),
    "lru_cache": (
        "s = {'k': 2.0}\n@functools.lru_cache\ndef h(n): return s['k'] * n\nh(1)",
        "h(1)",
        "s['k'] = 3.0; h.cache_clear(); h(1)",
    ),
    "lru_cache of an array": (
        "s = np.ones(3)\n@functools.lru_cache\ndef h(n): return s * n",
        "h(2)",
        "h(2)[...] = 5.0",
    ),
    "computed name": (
        "class C: pass\no = C(); o.key_k = 2.0\nname = 'k'",
        "getattr(o, 'key_' + name)",
        "o.key_k = 3.0",
    ),
    "attrgetter": ("class C: pass\no = C(); o.k = 2.0\nget = operator.attrgetter('k')", "get(o)", "o.k = 3.0"),
    "vars": ("class C: pass\no = C(); o.kk = 2.0", "vars(o)['k' * 2]", "o.kk = 3.0"),
    "exec": ("ns = {}\nexec('K = 2.0\\ndef h(): return K', ns)", "ns['h']()", "ns['K'] = 3.0"),
    "dataclass": ("@dataclasses.dataclass\nclass C: k: float = 2.0\no = C()", "o.k", "o.k = 3.0"),
    "tensor": ("w = tg.Tensor(np.ones(3))", "w.detach()._array", "w[...] = 3.0"),
    "bound method": ("d = {'k': 2.0}\nget = d.get", "get('k')", "d['k'] = 3.0"),
    "partial": ("d = [2.0]\nh = functools.partial(operator.getitem, d)", "h(0)", "d[0] = 3.0"),
    "weak reference": (
        "import weakref\nclass C: pass\no = C(); o.k = 2.0\nr = weakref.ref(o)",
        "r().k",
        "o.k = 3.0",
    ),
    "pattern": (
        "class C: pass\no = C(); o.k = 2.0\ndef h():\n    match o:\n        case C(k=v): return v",
        "h()",
        "o.k = 3.0",
    ),
    "pattern of places": (
        "class C: __match_args__ = ('k',)\no = C(); o.k = 2.0\ndef h():\n    match o:\n        case C(v): return v",
        "h()",
        "o.k = 3.0",
    ),
    "template": ("class C: pass\no = C(); o.k = 2.0", "float('{0.k}'.format(o))", "o.k = 3.0"),
    "template from outside": (
        "class C: pass\no = C(); o.k = 2.0\nT = '{0.k}'",
        "float(T.format(o))",
        "o.k = 3.0",
    ),
    "getattr_static": (
        "import inspect\nclass C: pass\no = C(); o.kk = 2.0\nname = 'k'",
        "inspect.getattr_static(o, name + name)",
        "o.kk = 3.0",
    ),
    "members": (
        "import inspect\nclass C: pass\no = C(); o.kk = 2.0",
        "sum(v for _, v in inspect.getmembers(o) if isinstance(v, float))",
        "o.kk = 3.0",
    ),
    "__getattr__ of a module": (
        "m = types.ModuleType('m'); m.__getattr__ = lambda name: 2.0",
        "m.k",
        "m.__getattr__ = lambda name: 3.0",
    ),
    "all objects": (
        "import gc\nclass C: pass\no = C(); o.k = 2.0",
        "[x for x in gc.get_objects() if type(x) is C][0].k",
        "o.k = 3.0",
    ),
    "stream": ("s = np.random.default_rng(0)", "s.normal(size=3)", "s.normal()"),
}

WRITES = {  # what there is; what code does; what shows it
    "global": ("K = 1.0", "global K; K = K + 1", "K"),
    "global array": ("K = np.ones(3)", "global K; K = K * 2", "K"),
    "array in place": ("K = np.ones(3)", "K.__imul__(2)", "K"),
    "attribute": ("class C: pass\no = C(); o.k = 1.0", "o.k += 1", "o.k"),
    "new attribute": ("class C: pass\no = C()", "o.k = getattr(o, 'k', 1.0) + 1", "o.k"),
    "array attribute": ("class C: pass\no = C(); o.k = np.ones(3)", "o.k = o.k * 2", "o.k"),
    "slot": ("class C: __slots__ = ('k',)\no = C(); o.k = 1.0", "o.k += 1", "o.k"),
    "class": ("class C: k = 1.0", "C.k += 1", "C.k"),
    "module": ("m = types.ModuleType('m'); m.k = 1.0", "m.k += 1", "m.k"),
    "function attribute": ("def h(): pass", "h.k = getattr(h, 'k', 0.0) + 1", "h.k"),
    "computed name": ("class C: pass\no = C(); o.k = 1.0", "setattr(o, 'kk'[:1], o.k + 1)", "o.k"),
    "dict": ("d = {'k': 1.0}", "d['k'] += 1", "d['k']"),
    "dict that grows": ("d = {}", "d[len(d)] = 1.0", "len(d)"),
    "dict that shrinks": ("d = {i: 1.0 for i in range(9)}", "d.popitem()", "len(d)"),
    "list": ("d = [1.0]", "d[0] += 1", "d[0]"),
    "list that grows": ("d = []", "d.append(1.0)", "len(d)"),
    "set": ("d = set()", "d.add(len(d))", "len(d)"),
    "deque": ("d = collections.deque()", "d.append(1.0)", "len(d)"),
    "tuple of arrays": ("d = (np.ones(3),)", "d[0].__iadd__(1.0)", "d[0]"),
    "dict of arrays": ("d = {'k': np.ones(3)}", "d['k'] = d['k'] * 2", "d['k']"),
    "ContextVar": ("v = contextvars.ContextVar('v', default=1.0)", "v.set(v.get() + 1)", "v.get()"),
    "iterator": ("d = iter(range(100))", "next(d)", "next(copy.copy(d))"),
    "generator": ("d = (i for i in range(100))", "next(d)", "d.gi_frame.f_locals.get('i', -1)"),
    "default": ("def h(v=[1.0]): v[0] += 1", "h()", "h.__defaults__[0][0]"),
    "exec": ("K = 1.0", "exec('K += 1', globals())", "K"),
    "tensor": ("w = tg.Tensor(np.ones(3))", "w.__setitem__(..., w._array * 2)", "w._array"),
    "stream": ("s = np.random.default_rng(0)", "s.normal()", "s.bit_generator.state['state']['state'] % 1009"),
}

PLACES = {
    "the function": "def f(t):\n    {do}\n    return t * {read}",
    "a helper": "def g(t):\n    {do}\n    return t * {read}\ndef f(t): return g(t)",
    "a method": "class P:\n    def g(self, t):\n        {do}\n        return t * {read}\nf = P().g",
    "a called module": (
        "class P(nn.Module):\n    def forward(self, t):\n        {do}\n        return t * {read}\np = P()\n"
        "def f(t): return p(t)"
    ),
    "a submodule": (
        "class P(nn.Module):\n    def forward(self, t):\n        {do}\n        return t * {read}\n"
        "p = nn.Sequential(nn.Identity(), P())\nf = p"
    ),
    "a subclass of a layer": (
        "class P(nn.Identity):\n    def forward(self, t):\n        {do}\n        return super().forward(t) * {read}\n"
        "p = P()\ndef f(t): return p(t)"
    ),
    "a primitive": (
        "@tg.primitive\ndef g(t):\n    {do}\n    return t * {read}\ng.defvjp(lambda ct: ct)\n"
        "def f(t): return tg.vjp(g, t)[0]"
    ),
    "a rule": (
        "@tg.primitive\ndef g(t): return t * 1.0\ndef rule(ct):\n    {do}\n    return ct * {read}\ng.defvjp(rule)\n"
        "f = tg.grad(lambda t: (g(t) * t).sum())"
    ),
    "a property": (
        "class P:\n    @property\n    def g(self):\n        {do}\n        return {read}\np = P()\n"
        "def f(t): return t * p.g"
    ),
    "a wrapper": (
        "def wrap(g):\n    @functools.wraps(g)\n    def inner(t):\n        {do}\n        return g(t) * {read}\n"
        "    return inner\n@wrap\ndef f(t): return t * 1.0"
    ),
    "a partial": "def g(n, t):\n    {do}\n    return t * {read} * n\nf = functools.partial(g, 1.0)",
    "a callable object": "class P:\n    def __call__(self, t):\n        {do}\n        return t * {read}\nf = P()",
    "a generator": "def g(t):\n    {do}\n    yield t * {read}\ndef f(t): return sum(g(t))",
    "a callback": ("def g(a, b):\n    {do}\n    return a * {read} * b\ndef f(t): return functools.reduce(g, [t, 1.0])"),
    "an inner function": "def f(t):\n    def g():\n        {do}\n        return t * {read}\n    return g()",
}

serial = itertools.count()


def module_of(text: str) -> types.ModuleType:
    """A module of a text, whose lines a traceback can show."""
    name = f"cell_{next(serial)}"
    file = f"/cells/{name}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    module = types.ModuleType(name)
    exec(compile(HEAD + text, file, "exec"), vars(module))
    return module


def outcome(text: str, wrap, shows: str) -> list:
    """What three calls of the module's function give and leave, with a change after the second."""
    module = module_of(text)
    f, found = wrap(module.f), []
    for turn in range(4):
        if turn == 2:
            module.change()
        result = f(np.array([1.0, 2.0, 3.0]))
        found.append(np.array(result._array if isinstance(result, tg.Tensor) else result))
        found.append(np.array(eval(shows, vars(module))))
    return found


def compare(text: str, shows: str) -> None:
    expected = outcome(text, lambda f: f, shows)
    try:
        found = outcome(text, tg.jit, shows)
    except tg.NotReplayable as error:
        assert "/cells/cell_" in str(error) and "\n" not in str(error)
        return
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:jit. .* is run as it is")
@pytest.mark.parametrize("place", PLACES)
def test_what_is_read(place):
    wrong = []
    for way, (there, read, change) in READS.items():
        body = f"{there}\n" + PLACES[place].format(do="pass", read=read) + f"\ndef change():\n    {change}\n"
        try:
            compare(body, "0")
        except Exception as error:
            wrong.append((way, str(error)[:300]))
    assert not wrong, wrong


@pytest.mark.filterwarnings("ignore:jit. .* is run as it is")
@pytest.mark.parametrize("place", PLACES)
def test_what_is_written(place):
    wrong = []
    for way, (there, do, shows) in WRITES.items():
        body = f"{there}\n" + PLACES[place].format(do=do, read="2.0") + "\ndef change(): pass\n"
        try:
            compare(body, shows)
        except Exception as error:
            wrong.append((way, str(error)[:300]))
    assert not wrong, wrong
