"""Compiled loops: where Numba is installed, a chain of elementwise calls becomes one pass over memory.

NumPy reads and writes memory once a call; a compiled loop keeps what is in between in registers. Only what IEEE
arithmetic determines to the last bit is compiled: results are those of NumPy's calls.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from .instruction import Instruction, Number, View

AFTER = 8  # replays: compiling takes as long as some thousand short loops
WORTH = 1 << 16  # elements times calls, from which a loop is compiled
INSTALLED = importlib.util.find_spec("numba") is not None

ARITHMETIC = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.positive: "{}",
    np.square: "{0} * {0}",
    np.reciprocal: "1 / {}",
    np.sqrt: "sqrt({})",
    np.absolute: "abs({})",
    np.maximum: "{0} if {0} >= {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} <= {1} or {0} != {0} else {1}",
}
COMPARISONS = {
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.equal: "{} == {}",
    np.not_equal: "{} != {}",
}
LOGIC: dict[np.ufunc, str] = {
    **dict.fromkeys((np.bitwise_and, np.logical_and), "{} & {}"),
    **dict.fromkeys((np.bitwise_or, np.logical_or), "{} | {}"),
    **dict.fromkeys((np.invert, np.logical_not), "not {}"),
}
TYPES = {np.dtype(t): t for t in ("float32", "float64")} | {np.dtype(bool): "bool_"}


class Uncompiled(Exception):
    """A loop has something in it that is left to NumPy."""


@lru_cache(256)
def _jitted(text: str):
    """The loop of a text, one for all programs that have it."""
    import numba

    names = {"sqrt": np.sqrt, "float32": numba.float32, "float64": numba.float64, "bool_": numba.boolean}
    exec(compile(text, "<tinygrad_np.jit>", "exec"), names)
    return numba.njit(nogil=True, error_model="numpy")(names["loop"])


def compiled(text: str, examples: tuple):
    """The loop of a text, compiled for arrays such as these, which have no elements; or Uncompiled is raised."""
    try:
        run = _jitted(text)
        run(*examples)
    except Exception as error:  # whatever another version of Numba, or its compiler, does not manage
        raise Uncompiled from error
    return run


def strides_of(view: View, shape: tuple) -> tuple[int, ...]:
    """How many elements on each step along the axes of a result leads in an operand."""
    item = view.dtype.itemsize
    if any(s % item for s in view.strides):
        raise Uncompiled
    own = [0 if n == 1 else s // item for n, s in zip(view.shape, view.strides)]
    return (0,) * (len(shape) - len(own)) + tuple(own)


def merged(shape: tuple, strides: list[tuple]) -> tuple[list[int], list[list[int]]]:
    """The same loop with as few axes as there can be: neighbors that all operands run through in one go are one."""
    axes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis, n in enumerate(shape):
        if n == 1 and len(shape) > 1:
            continue
        if axes and all(own[-1] == each[axis] * n for own, each in zip(steps, strides)):
            axes[-1] *= n
            for own, each in zip(steps, strides):
                own[-1] = each[axis]
        else:
            axes.append(n)
            for own, each in zip(steps, strides):
                own.append(each[axis])
    return axes or [1], [own or [0] for own in steps]


class Loop:
    """The text of a loop over the elements of some instructions, and the order of its arguments.

    Operands are handed over as runs of memory, with their strides in the text: so the compiler knows what lies side
    by side.
    """

    def __init__(self, instructions: list[Instruction], internal: set[View], dtype_of: Callable):
        self.dtype_of = dtype_of  # of a Python number in an instruction
        self.views: list[View] = []
        self.numbers: list[tuple[Number, np.dtype]] = []
        self.values: dict[View, str] = {}
        self.lines: list[str] = []
        written: dict[View, str] = {}
        for i in instructions:
            self.values[i.out[0]] = written[i.out[0]] = self.let(self.expression(i), i.out[0].dtype)
        self.lines += [f"{self.element(v)} = {e}" for v, e in written.items() if v not in internal]
        shape = instructions[0].out[0].shape
        self.shape, steps = merged(shape, [strides_of(v, shape) for v in self.views])
        self.strides = dict(zip(self.views, steps))
        self.text = self.written_out()

    def written_out(self) -> str:
        """The text, which takes the length of the first axis, the operands' memory, and numbers."""
        last = len(self.shape) - 1
        arguments = [f"a{k}" for k in range(len(self.views))] + [f"h{k}" for k in range(len(self.numbers))]
        lines = [f"def loop({', '.join(['rows', *arguments])}):"]
        lines += [f"    n{k} = h{k}[()]" for k in range(len(self.numbers))]
        for axis in range(last):
            lines.append("    " * (axis + 1) + f"for i{axis} in range({'rows' if axis == 0 else self.shape[axis]}):")
        length = "rows" if last == 0 else str(self.shape[last])
        margin = "    " * (last + 1)
        for k, v in enumerate(self.views):
            *outer, step = self.strides[v]
            start = " + ".join(f"i{axis} * {s}" for axis, s in enumerate(outer) if s) or "0"
            if min(self.strides[v]) < 0:
                raise Uncompiled
            lines.append(margin + f"r{k} = a{k}[{start} : {start} + ({length} - 1) * {step} + 1]")
        lines.append(margin + f"for j in range({length}):")
        for line in self.lines:
            for k, v in enumerate(self.views):
                step = self.strides[v][-1]
                line = line.replace(f"@{k}@", f"r{k}[{'j' if step == 1 else f'j * {step}' if step else '0'}]")
            lines.append(margin + "    " + line)
        return "\n".join(lines) + "\n"

    def let(self, expression: str, dtype) -> str:
        if dtype not in TYPES:
            raise Uncompiled
        self.lines.append(f"e{len(self.lines)} = {TYPES[dtype]}({expression})")
        return f"e{len(self.lines) - 1}"

    def element(self, view: View) -> str:
        """The element of an operand that meets the result's; its place is filled in when the strides are known."""
        if view not in self.views:
            self.views.append(view)
        return f"@{self.views.index(view)}@"

    def value(self, operand, i: Instruction) -> tuple[str, np.dtype]:
        """An operand and its dtype."""
        if type(operand) is View:
            if operand not in self.values:
                if operand.dtype not in TYPES and i.fun not in COMPARISONS:
                    raise Uncompiled
                self.lines.append(f"e{len(self.lines)} = {self.element(operand)}")
                self.values[operand] = f"e{len(self.lines) - 1}"
            return self.values[operand], operand.dtype
        dtype = i.out[0].dtype if i.fun is np.where else self.dtype_of(i, 0.0 if type(operand) is Number else operand)
        if type(operand) is Number and dtype is not None:
            if (operand, dtype) not in self.numbers:
                self.numbers.append((operand, dtype))
            return f"n{self.numbers.index((operand, dtype))}", dtype
        if type(operand) in (int, float) and dtype in TYPES and np.isfinite(operand):
            return f"{TYPES[dtype]}({float(operand)!r})", dtype
        if isinstance(operand, (np.float32, np.float64)) and np.isfinite(operand):
            return f"{TYPES[operand.dtype]}({float(operand)!r})", operand.dtype
        raise Uncompiled

    def expression(self, i: Instruction) -> str:
        """What an instruction computes, of one element."""
        out = i.out[0].dtype
        operands = [self.value(a, i) for a in i.args]
        dtypes = {dtype for _, dtype in operands}
        if i.fun in COMPARISONS and len(dtypes) == 1 and out.kind == "b":
            return COMPARISONS[i.fun].format(*(e for e, _ in operands))
        if i.fun in LOGIC and dtypes == {out} == {np.dtype(bool)}:
            return LOGIC[i.fun].format(*(e for e, _ in operands))
        if out.kind != "f" or not dtypes <= set(TYPES):
            raise Uncompiled
        if i.fun is np.where and operands[0][1].kind == "b":
            c, x, y = (e for e, _ in operands)
            return f"{TYPES[out]}({x}) if {c} else {TYPES[out]}({y})"
        same = [e if dtype == out else f"{TYPES[out]}({e})" for e, dtype in operands]
        if i.kind == "copy":
            return same[0]
        if i.fun in ARITHMETIC and np.result_type(*dtypes) == out:
            return ARITHMETIC[i.fun].format(*same)
        raise Uncompiled
