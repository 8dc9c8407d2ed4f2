"""Replaying: a plan becomes the source of one Python function that only calls NumPy, on arrays that lie ready.

What the function names is made beforehand: views into one buffer, into constants and into the state outside;
slices for each tile; Python numbers as arrays without axes, which ufuncs take faster.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from ..cores import Choice
from .functions import NotReplayable, takes_out
from .instruction import Instruction, Number, View, contiguous, covers, touches
from .plan import Plan, Step, size

ndarray = np.ndarray
THREAD_BYTES = 1 << 20  # loops over less than this stay on one core


FULL = (np.maximum, np.minimum, np.fmax, np.fmin)


class Differs(Exception):
    """A condition on values is not what it was while recording."""


def memory(array: ndarray) -> Any:
    """The bytes of an array as a buffer that holds no reference to it.

    The engine knows by reference counts whether somebody still needs an array; a program must not count. It checks
    before each run that the array is alive and in its place.
    """
    low, high = np.lib.array_utils.byte_bounds(array)
    return (ctypes.c_char * (high - low)).from_address(low)


def scalar_dtype(i: Instruction, number: Any) -> np.dtype | None:
    """The dtype that a Python number takes on beside these operands, where that is certain."""
    dtypes = {v.dtype for v in i.args if type(v) is View}
    if i.kind != "elementwise" or i.fun is np.where or len(dtypes) != 1:
        return None
    (dtype,) = dtypes
    if dtype.kind not in "fc" or type(number) not in (int, float):
        return None
    return dtype


class Source:
    """The text of the replay function, and the objects that it names."""

    def __init__(self, plan: Plan, bases: list, labels: Callable[[int], str]):
        self.plan, self.bases, self.labels = plan, bases, labels
        self.names: dict[str, Any] = {"ndarray": ndarray, "Differs": Differs}
        self.lines: list[str] = []
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
            if i.fun in FULL:
                return self.full(i, value, dtype)
            with np.errstate(all="ignore"):
                return self.name((dtype, repr(value)), lambda: np.array(value, dtype), "c")
        if value is None or type(value) in (bool, int, str) or type(value) is float and np.isfinite(value):
            return repr(value)
        return self.name(("object", id(value)), lambda: value, "o")

    def full(self, i: Instruction, value, dtype) -> str:
        """A number as an array of the result's shape, for ufuncs that are several times slower on a number."""
        if (value, dtype) in self.fulls:
            return self.fulls[value, dtype]
        view = i.out[0]
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
                self.prologue.append(
                    f"{self.taken[view]} = ndarray(*l{n}, x{storage.where}, {view.offset}, s{n})"
                )
        return self.taken[view]

    def number(self, value: Number, i: Instruction | None) -> str:
        dtype = None if i is None else scalar_dtype(i, 0.0)
        if dtype is None:
            return f"n{value.call}[{value.index}]"
        key = (value, dtype)
        if key not in self.numbers:
            self.numbers[key] = f"h{len(self.numbers)}"
            self.names[self.numbers[key]] = np.zeros((), dtype)
        return self.numbers[key]

    # ---- one call -----------------------------------------------------------------------------------------

    def call(self, i: Instruction) -> list[str]:
        """The lines of an instruction."""
        if i.kind == "host":
            f = self.name(("object", id(i.fun)), lambda: i.fun, "f")
            return [f"n{i.args[0]} = {f}()", ("fill", i.args[0])]
        if i.kind == "guard":
            return [f"if {self.operand(i.args[0])}.item() is not {i.args[1]}: raise Differs"]
        if i.kind == "copy":
            source = i.args[0]
            return [f"copyto({self.operand(i.out[0])}, {self.operand(source)}, 'unsafe')"]
        if i.fun is np.where and i.kind == "elementwise":
            return self.where(i)
        f = self.function(i.fun)
        args = [self.operand(a, i) for a in i.args]
        options = [f"{k}={self.operand(v)}" for k, v in i.kwargs.items()]
        if i.kind == "product" and len(i.out) == 1:
            return [self.product(i)]
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

    def product(self, i: Instruction) -> str:
        """A matrix product as np.dot, into an array that lies as BLAS writes it."""
        a, b, out = *i.args, i.out[0]
        if contiguous(out):
            self.names["dot"] = np.dot
            return f"dot({self.operand(a)}, {self.operand(b)}, {self.operand(out)})"
        turned = [v._replace(shape=v.shape[::-1], strides=v.strides[::-1]) for v in (b, a, out)]
        if len(out.shape) == 2 and contiguous(turned[2]):
            self.names["dot"] = np.dot
            return f"dot({', '.join(map(self.operand, turned))})"
        self.names["matmul"] = np.matmul
        return f"matmul({', '.join(map(self.operand, (a, b, out)))})"

    # ---- loops --------------------------------------------------------------------------------------------

    def loop(self, step: Step, number: int) -> list[str]:
        """A tiled step: slices are made beforehand, one tuple a tile, and both cores take their half."""
        shape = step.instructions[0].out[0].shape
        views = list(dict.fromkeys(v for i in step.instructions for v in touches(i)))
        flat = len({v.shape for v in views}) == 1 and all(contiguous(v) for v in views)
        rows = int(np.prod(shape)) if flat else shape[0]
        whole = [v for v in views if not flat and (len(v.shape) < len(shape) or v.shape[0] == 1 != shape[0])]
        inputs = [v for v in views if self.is_input(v) and v not in whole]
        cut = [v for v in views if v not in whole and v not in inputs]
        ends = [(start, min(start + step.tile, rows)) for start in range(0, rows, step.tile)]
        for v in whole:
            self.operand(v)
        threaded = (
            not any(map(self.is_input, views))
            and len(ends) > 1
            and max(map(size, views)) * len(step.instructions) >= THREAD_BYTES
        )
        scratch = {
            v: [np.empty((step.tile,) if flat else (step.tile, *shape[1:]), v.dtype) for _ in range(2)]
            for v in cut
            if self.plan.scratch.get(v.storage) == number
        }
        full = {v: self.array(v).reshape(-1) if flat else self.array(v) for v in cut if v not in scratch}
        half = (len(ends) + 1) // 2 if threaded else len(ends)
        numbers = dict.fromkeys(
            (a, dtype)
            for i in step.instructions
            if i.fun in FULL
            for a in i.args
            if (dtype := scalar_dtype(i, a)) is not None
        )
        constants = [
            np.full((step.tile,) if flat else (step.tile, *shape[1:]), *number) for number in numbers
        ]
        self.fulls = {number: f"v{k}" for k, number in enumerate(numbers)}
        tiles = [
            tuple(
                [scratch[v][k >= half][: e - s] if v in scratch else full[v][s:e] for v in cut]
                + [c[: e - s] for c in constants]
                + [s, e] * bool(inputs)
            )
            for k, (s, e) in enumerate(ends)
        ]
        self.tile = {v: f"t{k}" for k, v in enumerate(cut)} | {v: f"u{k}" for k, v in enumerate(inputs)}
        body = [line for i in step.instructions for line in self.call(i)]
        header = [f"t{k}" for k in range(len(cut))] + list(self.fulls.values()) + ["s", "e"] * bool(inputs)
        self.tile, self.fulls = {}, {}
        body = [
            f"u{k} = {self.input(v)}{'.ravel()' if flat and len(v.shape) != 1 else ''}[s:e]"
            for k, v in enumerate(inputs)
        ] + body
        loop = f"for {', '.join(header)}{',' * (len(header) == 1)} in "
        if threaded:
            self.names[f"tiles{number}"], self.names[f"rest{number}"] = tiles[:half], tiles[half:]
            self.functions.append(
                f"def part{number}(tiles):\n    {loop}tiles:\n" + "".join(f"        {x}\n" for x in body)
            )
            self.names[f"cores{number}"] = Choice()
            return [f"cores{number}.run(part{number}, tiles{number}, rest{number})"]
        self.names[f"tiles{number}"] = tiles
        return [f"{loop}tiles{number}:"] + ["    " + line for line in body]

    # ---- the whole ----------------------------------------------------------------------------------------

    def build(self, arguments: int) -> Callable:
        """Compile the function of as many arrays as there are inputs."""
        self.prologue: list[str] = []
        self.functions: list[str] = []
        self.names |= {"copyto": np.copyto, "put": put}
        lines: list = []
        for number, step in enumerate(self.plan.steps):
            if step.tile:
                lines += self.loop(step, number)
            else:
                lines += self.call(step.instructions[0])
        outputs = [
            f"{self.operand(v)}.copy()" if type(v) is View else self.operand(v) for v in self.plan.outputs
        ]
        text = []
        for line in [*self.prologue, *lines]:
            if type(line) is tuple:  # the numbers of a host call, for those who want them as arrays
                text += [
                    f"{array}[()] = n{n.call}[{n.index}]"
                    for (n, _), array in self.numbers.items()
                    if n.call == line[1]
                ]
            else:
                text.append(line)
        text.append(f"return [{', '.join(outputs)}]")
        head = f"def replay({', '.join(f'x{k}' for k in range(arguments))}):\n"
        self.text = "".join(self.functions) + head + "".join(f"    {line}\n" for line in text)
        exec(compile(self.text, "<tinygrad_np.jit>", "exec"), self.names)
        return self.names["replay"]


def put(out: ndarray, result) -> None:
    """Take over the result of a function that has no out=."""
    if np.shape(result) != out.shape:
        raise NotReplayable(
            f"jit: a result has shape {np.shape(result)}, which was {out.shape} while recording: it depends "
            "on values; keep this operation outside the jitted function"
        )
    out[...] = result
