"""Saving: a program that changes nothing outside becomes a Python file and its arrays, which need NumPy alone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from ..io import atomic_write
from .functions import holds_nan, masked_copy, root_of
from .instruction import Instruction, View, bytes_of
from .replay import Source
from .show import captures

if TYPE_CHECKING:
    from .program import Program

PLAIN_TYPES = (int, float, complex, bool, str, type(None))
NAMED = {
    id(f): f"np.{where}{name}"
    for where, space in (("linalg.", np.linalg), ("fft.", np.fft), ("ndarray.", np.ndarray), ("", np))
    for name, f in vars(space).items()
    if callable(f)
}
HELPERS = {holds_nan: "has_nan", masked_copy: "masked_copy"}

TEXT = '''"""{title}: {signature}

Written by tinygrad_np; it needs NumPy alone. {given}
{listed}
"""

import os

import numpy as np

VERSION = "{digest}"
with np.load(os.path.splitext(os.path.abspath(__file__))[0] + ".npz", allow_pickle=False) as file:
    DATA = dict(file)
if str(DATA.pop("version")) != VERSION:
    raise ValueError("the arrays in " + os.path.splitext(__file__)[0] + ".npz are not those of this file")


copyto, dot, matmul = np.copyto, np.dot, np.matmul


def has_nan(flat):
    total = np.dot(flat, flat)
    return bool(total != total)


def masked_copy(target, source, where):
    np.copyto(target, source, casting="unsafe", where=where)


def put(out, result):
    result = np.asarray(result)
    if result.shape != out.shape or result.dtype != out.dtype:
        raise ValueError("a result is %s of shape %s, which depends on values" % (result.dtype, result.shape))
    out[...] = result


def given(name, value, shape, dtype):
    value = np.asarray(value)
    if value.shape != shape or value.dtype != dtype:
        found = np.dtype(dtype), shape, value.dtype, value.shape
        raise ValueError("{title}: " + name + ": expected %s of shape %s, found %s of shape %s" % found)
    return np.ascontiguousarray(value).reshape(shape)


{constants}


def {title}({parameters}):
    """{signature}"""
{body}
'''


class Refused(ValueError):
    """A program that cannot be saved."""


class Written(Source):
    """The text of a program in which every object is written out, or an array in the file beside."""

    def __init__(self, program: Program):
        super().__init__(program.planned(), [])
        self.program, self.arrays = program, {}  # type: ignore[var-annotated]
        self.prologue, self.constants, self.bases_of = [], [], {}  # type: ignore[var-annotated]
        self.where_of = {view.storage: place for place, view in program.places}

    def name(self, key, make: Callable[[], Any], prefix: str) -> str:
        if key not in self.taken:
            self.taken[key] = name = f"{prefix}{len(self.taken)}"
            if type(key) is View:
                lasting = self.plan.storages[key.storage].kind in ("constant", "state")
                text = f"{self.base(key.storage)}, {key.offset}, {key.strides}"
                text = f"np.ndarray({tuple(key.shape)}, {key.dtype.str!r}, {text})"
                (self.constants if lasting else self.prologue).append(f"{name} = {text}")
            else:
                self.constants.append(f"{name} = {self.written(make())}")
        return self.taken[key]

    def base(self, number: int) -> str:
        """The memory of a storage, without gaps."""
        if number not in self.bases_of:
            storage = self.plan.storages[number]
            if storage.kind in ("constant", "state"):
                self.bases_of[number] = f'DATA["m{number}"]'
                self.arrays[f"m{number}"] = bytes_of(
                    storage.where if storage.kind == "constant" else root_of(self.where_of[number].get())
                )
            else:
                self.bases_of[number] = f"m{number}"
                self.prologue.append(f"m{number} = np.empty({max(storage.nbytes, 1)}, np.uint8)")
        return self.bases_of[number]

    def input(self, view: View) -> str:
        storage = self.plan.storages[view.storage]
        if (view.offset, view.shape, view.strides, view.dtype) == (0, *storage.layout):
            return f"x{storage.where}"
        if view not in self.taken:
            self.taken[view] = f"y{len(self.taken)}"
            layout = f"{tuple(view.shape)}, {view.dtype.str!r}, x{storage.where}, {view.offset}, {view.strides}"
            self.prologue.append(f"{self.taken[view]} = np.ndarray({layout})")
        return self.taken[view]

    def written(self, value) -> str:
        """An object as text."""
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            name = f"c{len(self.arrays)}"
            self.arrays[name] = value
            return f'DATA["{name}"]'
        if isinstance(value, np.dtype) and not value.hasobject:
            return f"np.dtype({value.str!r})"
        if isinstance(value, type) and issubclass(value, np.generic):
            return f"np.{value.__name__}"
        if value is Ellipsis or type(value) in PLAIN_TYPES or value in (int, float, complex, bool):
            texts = {int: "int", float: "float", complex: "complex", bool: "bool", Ellipsis: "..."}
            text = texts.get(value) if not isinstance(value, PLAIN_TYPES) else repr(value)
            return re.sub(r"\b(inf|nan)\b", r"np.\1", str(text))
        return self.function(value)

    def function(self, fun: Callable) -> str:
        if fun in HELPERS:
            return HELPERS[fun]
        owner = getattr(fun, "__self__", None)
        if isinstance(owner, np.ufunc):
            return f"{self.function(owner)}.{fun.__name__}"
        if id(fun) not in NAMED:
            raise Refused(f"{getattr(fun, '__name__', fun)} is no function of NumPy's")
        return NAMED[id(fun)]

    def call(self, i: Instruction) -> list[Any]:
        if i.kind == "guard":
            asked = (
                f"bool({self.operand(i.args[0])})"
                if i.fun is bool
                else f"{self.function(i.fun)}({self.operand(i.args[0])})"
            )
            return [
                f"if {asked} is not {i.args[1]}:",
                f'    raise ValueError("a condition on values is not what it was when this was recorded, {i.line}")',
            ]
        return super().call(i)


def impure(program: Program) -> str | None:
    """What a program does besides giving a result, in words."""
    plan, names = program.planned(), program.names()
    for i in (i for step in plan.steps for i in step.instructions):
        if i.kind in ("random", "host"):
            return f"{'draws random numbers' if i.kind == 'random' else 'asks Python for numbers'}, {i.line}"
        for v in i.changed():
            if plan.storages[v.storage].kind in ("state", "input"):
                return f"writes to {names.view(v)}, {i.line}"
    if program.finals:
        return f"leaves a value in {program.finals[0].place.name}"
    if program.argument_grads:
        return "leaves gradients in its arguments: save tg.jit(tg.grad(f))"
    if any(what == "grad" for _, what in program.inputs):
        return "reads the gradient of an argument"
    return None


class PartOfResult:
    """The text of a part of the result, in the place where that part stands."""

    def __init__(self, text: str):
        self.text = text


def structure(tree) -> str:
    """The text of nested containers of results."""
    kind = type(tree)
    if kind is PartOfResult:
        return tree.text
    if kind in (tuple, list):
        inner = ", ".join(map(structure, tree))
        return f"[{inner}]" if kind is list else f"({inner}{',' * (len(tree) == 1)})"
    if kind is dict and all(type(k) in PLAIN_TYPES for k in tree):
        return "{" + ", ".join(f"{k!r}: {structure(v)}" for k, v in tree.items()) + "}"
    if kind in PLAIN_TYPES:
        return re.sub(r"\b(inf|nan)\b", r"np.\1", repr(tree)) if kind is not str else repr(tree)
    raise Refused(f"a {kind.__name__} is among its results; return arrays and numbers in tuples, lists and dicts")


def argument_name(program: Program, leaf: int) -> str:
    """What a leaf of the arguments is called: by its parameter, and by where it stands in that."""
    path = program.key[1][leaf]
    kind, at, rest = re.fullmatch(r"\[([01])\]\[([^\]]*)\](.*)", path, re.DOTALL).groups()  # type: ignore[union-attr]
    if kind == "1":
        return at.strip("'") + rest
    return (program.parameters[int(at)] if int(at) < len(program.parameters) else f"argument {at}") + rest


def save(program: Program, path: str | os.PathLike[str], name: str) -> None:
    """Write the two files of a program that changes nothing outside."""
    path = os.fspath(path).removesuffix(".py") + ".py"
    try:
        why = impure(program)
        if why is not None:
            raise Refused(f"it {why}")
        if not program.state.unchanged() or program.replay is not None and not program.fits():
            raise Refused("what it captured has changed; call the function, then save")
        written = Written(program)
        lines = [line for step in written.plan.steps for i in step.instructions for line in written.call(i)]
        outputs = iter([written.operand(v) for v in written.plan.outputs])
        parts = [
            PartOfResult(f"{next(outputs)}.copy(){'[()]' * (o.kind == 'scalar')}") if o.view is not None else o.thing
            for o in program.outputs
        ]
        result = structure(program.rebuild(parts))
    except Refused as error:
        raise ValueError(f"program.save: {name} cannot be saved: {error}") from None
    inputs = [(f"x{n}", leaf) for n, (leaf, _) in enumerate(program.inputs)]
    checks = [
        f"{x} = given({argument_name(program, leaf)!r}, {x}, *{specification(written, n)})"
        for n, (x, leaf) in enumerate(inputs)
    ]
    body = [*checks, *written.prologue, *[f"{line}" for line in lines]]
    run = "\n".join(f"        {line}" for line in body)
    data = captures(written.plan, program.names())
    listed = "\n".join(f"  {c['name']}, {c['bytes']:,} bytes, {c['origin']}, {c['line']}" for c in data)
    stored = BytesIO()
    digest = sha256("".join(lines).encode() + b"".join(a.tobytes() for a in written.arrays.values())).hexdigest()[:16]
    np.savez(stored, version=np.array(digest), **written.arrays)
    title = re.sub(r"\W", "_", name) if re.sub(r"\W", "_", name).isidentifier() else "run"
    signature = f"{title}({', '.join(argument_name(program, leaf) for _, leaf in inputs)})"
    text = TEXT.format(
        title=title,
        signature=signature.replace('"', "'"),
        listed="It has captured, and keeps as they were when it was written:\n" + listed
        if data
        else "It has captured nothing.",
        given=" ".join(["Its arguments have the shapes and dtypes that it was recorded for.", *baked(program)]),
        digest=digest,
        constants="\n".join(written.constants),
        parameters=", ".join(x for x, _ in inputs),
        body=f'    with np.errstate(all="ignore"):\n{run}\n        return {result}',
    )
    with atomic_write(os.path.splitext(path)[0] + ".npz") as file:
        file.write(stored.getvalue())
    with atomic_write(path) as file:
        file.write(text.encode())


def baked(program: Program) -> list[str]:
    """The arguments that a program was recorded for, and does not take."""
    taken = {leaf for leaf, _ in program.inputs}
    values = [(argument_name(program, n), s[3]) for n, s in enumerate(program.specs) if n not in taken]
    return [f"It was recorded for {', '.join(f'{name} = {value!r}' for name, value in values)}."] if values else []


def specification(written: Written, number: int) -> str:
    """The shape and dtype of an input, as text."""
    for storage in written.plan.storages:
        if storage.kind == "input" and storage.where == number:
            return f"({tuple(storage.layout[0])}, {storage.layout[2].str!r})"
    raise AssertionError("an input without memory")
