"""Replaying: a plan becomes the source of one Python function that only calls NumPy, on arrays that lie ready.

What the function names is made beforehand: views into one buffer, into constants and into the state outside;
slices for each tile; Python numbers as arrays without axes, which ufuncs take faster.
"""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from . import band_loops, loops, products
from .bands import Band
from .errors import Differs
from .functions import takes_out
from .instruction import Instruction, Number, View, contiguous, covers
from .loops import SLOW_ON_NUMBERS, scalar_dtype
from .plan import Layout

ndarray = np.ndarray


serial = itertools.count()  # of texts


class Source:
    """The text of the replay function, and the objects that it names."""

    def __init__(self, plan: Layout, bases: list, *, compiling: bool = False, sharing: bool = False):
        self.plan, self.bases = plan, bases
        self.compiling, self.sharing = compiling, sharing  # whether loops are compiled, and large products shared
        self.names: dict[str, Any] = {"ndarray": ndarray, "Differs": Differs}
        self.taken: dict[Any, str] = {}
        self.numbers: dict[tuple[Number, Any], str] = {}
        self.tile: dict[View, str] = {}
        self.fulls: dict[tuple, str] = {}

    def name(self, key, make: Callable[[], Any], prefix: str) -> str:
        """The name of an object, made when it is first needed."""
        if key not in self.taken:
            self.taken[key] = f"{prefix}{len(self.taken)}"
            self.names[self.taken[key]] = make()
        return self.taken[key]

    # ---- operands -----------------------------------------------------------------------------------------

    def array(self, view: View) -> ndarray:
        """The array at a view, of memory that stays."""
        return ndarray(view.shape, view.dtype, self.bases[view.storage], view.offset, view.strides)

    def is_input(self, view: View) -> bool:
        return self.plan.storages[view.storage].kind == "input"

    def operand(self, value, i: Instruction | None = None) -> str:
        if type(value) is View:
            if value in self.tile:
                return self.tile[value]
            if self.is_input(value):
                return self.input(value)
            return self.name(value, lambda: self.array(value), "a")
        if type(value) is Number:
            return self.number(value, i)
        if type(value) is tuple or type(value) is list:
            inner = ", ".join(self.operand(v) for v in value)
            return f"({inner}{',' if len(value) == 1 else ''})" if type(value) is tuple else f"[{inner}]"
        if type(value) is slice:
            return f"slice({', '.join(self.operand(v) for v in (value.start, value.stop, value.step))})"
        if isinstance(value, np.generic):
            return self.name((value.dtype, repr(value)), lambda: np.array(value), "c")
        if i is not None and type(value) in (int, float) and (dtype := scalar_dtype(i, value)) is not None:
            if i.fun in SLOW_ON_NUMBERS:
                return self.full(i, value, dtype)
            return self.name((dtype, repr(value)), lambda: number_of(value, dtype), "c")
        if value is None or type(value) in (bool, int, str) or type(value) is float and np.isfinite(value):
            return repr(value)
        return self.name(("object", id(value)), lambda: value, "o")

    def full(self, i: Instruction, value, dtype) -> str:
        """A number as an array of the result's shape, for ufuncs that are several times slower on a number."""
        view = i.out[0]
        if (value, dtype, view.shape) in self.fulls:
            return self.fulls[value, dtype, view.shape]
        return self.name((dtype, repr(value), view.shape), lambda: np.full(view.shape, value, dtype), "c")

    def input(self, view: View) -> str:
        """A view of an argument, taken once a call."""
        if view not in self.taken:
            storage = self.plan.storages[view.storage]
            whole = covers(view, storage) and (view.shape, view.strides, view.dtype) == storage.layout
            self.taken[view] = f"x{storage.where}" if whole else f"y{len(self.taken)}"
            if not whole:
                n = len(self.taken)
                self.names[f"l{n}"] = (view.shape, view.dtype)
                self.names[f"s{n}"] = view.strides
                self.prologue.append(f"{self.taken[view]} = ndarray(*l{n}, x{storage.where}, {view.offset}, s{n})")
        return self.taken[view]

    def number(self, value: Number, i: Instruction | None) -> str:
        dtype = None if i is None else scalar_dtype(i, 0.0)
        if dtype is None:
            return f"n{value.call}[{value.entry}]"
        return self.number_array(value, dtype)

    def number_array(self, value: Number, dtype) -> str:
        """A host's number as an array without axes, filled at every replay."""
        key = (value, dtype)
        if key not in self.numbers:
            self.numbers[key] = f"h{len(self.numbers)}"
            self.names[self.numbers[key]] = np.zeros((), dtype)
        return self.numbers[key]

    # ---- one call -----------------------------------------------------------------------------------------

    def call(self, i: Instruction) -> list[Any]:
        """The lines of an instruction."""
        if i.kind == "host":
            f = self.name(("object", id(i.fun)), lambda: i.fun, "f")
            return [f"n{i.args[0]} = {f}()", ("fill", i.args[0])]
        if i.kind == "guard":
            asked = self.operand(i.args[0])
            asked = f"{asked}.item()" if i.fun is bool else f"{self.function(i.fun)}({asked})"
            return [f"if {asked} is not {i.args[1]}: raise Differs('a condition on values differs')"]
        if i.kind == "copy":
            source = i.args[0]
            return [f"copyto({self.operand(i.out[0])}, {self.operand(source)}, 'unsafe')"]
        if i.fun is np.where and i.kind == "elementwise":
            return self.where(i)
        f = self.function(i.fun)
        args = [self.operand(a, i) for a in i.args]
        options = [f"{k}={self.operand(v)}" for k, v in i.kwargs.items()]
        if i.kind == "product" and len(i.out) == 1:
            return [products.product_line(self, i)]
        if i.kind == "elementwise":
            named = "out=" * (i.fun in (np.maximum, np.minimum))  # whose third argument is deprecated
            return [f"{f}({', '.join([*args, named + self.operand(i.out[0])])})"]
        if not i.out:
            return [f"{f}({', '.join(args + options)})"]
        outs = [self.operand(v) for v in i.out]
        if i.kind == "random":
            name = i.fun.__name__
            plain = all(k in ("dtype", "size") for k in i.kwargs) and len(i.args) <= 2
            if (
                name in ("random", "standard_normal", "standard_exponential")
                and plain
                and contiguous(i.out[0])
                and i.out[0].dtype in (np.float32, np.float64)
                and len(i.args) + len(i.kwargs) >= 1
            ):
                return [f"{f}(None, {self.operand(i.out[0].dtype)}, out={outs[0]})"]
        elif takes_out(i.fun):
            given = outs[0] if len(outs) == 1 else f"({', '.join(outs)})"
            return [f"{f}({', '.join([*args, *options, f'out={given}'])})"]
        text = f"{f}({', '.join(args + options)})"
        if len(outs) == 1:
            return [f"put({outs[0]}, {text})"]
        return [f"for out, r in zip(({', '.join(outs)}), {text}): put(out, r)"]

    def function(self, fun: Callable) -> str:
        if isinstance(fun, np.ufunc):
            self.names[fun.__name__] = fun
            return fun.__name__
        owner = getattr(fun, "__self__", None)
        if isinstance(owner, np.ufunc):
            self.names[f"{owner.__name__}_{fun.__name__}"] = fun
            return f"{owner.__name__}_{fun.__name__}"
        name = getattr(fun, "__name__", "f").strip("_")
        if self.names.get(name, fun) is not fun or not name.isidentifier():
            return self.name(("function", fun), lambda: fun, "f")
        self.names[name] = fun
        return name

    def where(self, i: Instruction) -> list[str]:
        """np.where has no out=: y everywhere, then x where the condition holds."""
        condition, x, y = (self.operand(a) for a in i.args)
        out = self.operand(i.out[0])
        lines = [] if y == out else [f"copyto({out}, {y}, 'unsafe')"]
        return [*lines, f"copyto({out}, {x}, 'unsafe', {condition})"]

    # ---- the whole ----------------------------------------------------------------------------------------

    def build(self, arguments: int) -> Callable:
        """Compile the function of as many arrays as there are inputs."""
        self.prologue: list[str] = []
        self.functions: list[str] = []
        self.loops: list[str] = []  # the texts of compiled loops
        self.names |= {"copyto": np.copyto, "put": put}
        lines: list = []
        for number, step in enumerate(self.plan.steps):
            if isinstance(step, Band):
                lines += band_loops.band_lines(self, step, number)
            elif step.tile:
                lines += loops.loop_lines(self, step, number)
            elif self.sharing and products.is_large(step.instructions[0]):
                lines += products.shared_lines(self, step.instructions, number)
            else:
                for i in step.instructions:
                    lines += self.call(i)
        outputs = [f"{self.operand(v)}.copy()" if type(v) is View else self.operand(v) for v in self.plan.outputs]
        text = []
        for line in [*self.prologue, *lines]:
            if type(line) is tuple:  # the numbers of a host call, for those who want them as arrays
                text += [
                    f"{array}[()] = n{n.call}[{n.entry}]" for (n, _), array in self.numbers.items() if n.call == line[1]
                ]
            else:
                text.append(line)
        text.append(f"return [{', '.join(outputs)}]")
        head = f"def replay({', '.join(f'x{k}' for k in range(arguments))}):\n"
        run = "".join(self.functions) + head + "".join(f"    {line}\n" for line in text)
        self.text = "".join(self.loops) + run
        file = f"<tinygrad_np.jit {next(serial)}>"
        linecache.cache[file] = (len(run), None, run.splitlines(True), file)  # so that a traceback shows the line
        exec(compile(run, file, "exec"), self.names)
        replay = self.names.pop("replay")  # its globals do not hold it: it dies by reference counting alone
        weakref.finalize(replay, linecache.cache.pop, file, None)
        return replay


@np.errstate(all="ignore")
def number_of(value, dtype) -> ndarray:
    """A Python number as an array without axes."""
    return np.array(value, dtype)


def put(out: ndarray, result) -> None:
    """Take over the result of a function that has no out=."""
    result = np.asarray(result)
    if result.shape != out.shape or result.dtype != out.dtype:
        raise Differs("the shape or dtype of a result depends on values")
    out[...] = result
