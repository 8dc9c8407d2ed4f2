"""What code says by itself, read from its instructions: whom it calls, and whether it asks by names it computes."""

from __future__ import annotations

import dis
import re
import sys
from importlib.util import resolve_name
from types import CodeType
from typing import Any

BY_NAME = {"getattr", "setattr", "delattr"}  # unless the name is written out
IMPORT, MATCH = dis.opmap["IMPORT_NAME"], dis.opmap["MATCH_CLASS"]
NAME = re.compile(r"[^\W\d]\w*")
FIELD = re.compile(r"\{([^{}]*)")  # what a template replaces, and not the words around it
ASKING = {"modules", "import_module", "__import__"}
CALLED: dict[int, tuple] = {}  # code, by id, and what it calls where


def written_in(code: CodeType) -> set[str]:
    """The names in the constants of code: of getattr(x, "name"), "{x.name}".format(x=x), case Class(name=value)."""
    found: set[str] = set()
    for constant in code.co_consts:
        for text in constant if isinstance(constant, tuple) else (constant,):
            if isinstance(text, str):
                for part in [text] if text.isidentifier() else FIELD.findall(text):
                    found.update(NAME.findall(part))
    return found


def asks_by_name(code: CodeType) -> bool:
    """Whether code asks for attributes by names that it computes: getattr(x, name), and not getattr(x, "name").

    So do a pattern, by what the class says, and a template of a text that is not written in the code.
    """
    texts = [c for c in code.co_consts if isinstance(c, str)]
    if MATCH in code.co_code[::2] or "format" in code.co_names and not any("{" in text for text in texts):
        return True
    if BY_NAME.isdisjoint(code.co_names):
        return False
    steps = list(dis.get_instructions(code))
    for start, step in enumerate(steps):
        if step.argval not in BY_NAME:
            continue
        depth = 0  # what is on the stack of the call's arguments
        second: list[Any] = []  # what happens once the first of them is there
        for n, after in enumerate(steps[start + 1 :]):
            if after.opname in ("PRECALL", "CALL") and after.arg == depth:
                break
            if n == 0 and after.opname == "PUSH_NULL":
                continue
            depth, before = depth + dis.stack_effect(after.opcode, after.arg, jump=False), depth
            if before <= 1:
                second = []
            second.append((after.opname, depth))
        if not second or second[0] != ("LOAD_CONST", 2) or any(at <= 2 for _, at in second[1:]):
            return True
    return False


def imported_by(code: CodeType, package: str | None) -> list[str]:
    """The modules that code imports, or asks sys.modules for by their names."""
    found = []
    if IMPORT in code.co_code[::2]:
        level: Any = 0
        constants: list = []
        for step in dis.get_instructions(code):
            if step.opname == "IMPORT_NAME":
                level = constants[-2]
                name = "." * level + step.argval
                found.append(resolve_name(name, package) if level and package else name)
                found += [f"{found[-1]}.{part}" for part in constants[-1] or ()]
            elif step.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
                constants.append(step.argval)
        found = [name for name in found if name in sys.modules or name.count(".") == 0 or not is_part(name)]
    if not ASKING.isdisjoint(code.co_names):
        found += [c for c in code.co_consts if isinstance(c, str) and c in sys.modules]
    return found


def is_part(name: str) -> bool:
    """Whether a name is that of something in a module that has been imported."""
    return hasattr(sys.modules.get(name.rpartition(".")[0]), name.rpartition(".")[2])


def calls(frame, name: str) -> bool:
    """Whether a frame is at a call of what it knows by this name, as `np.zeros(3)`, and not of some C code's."""
    code, at = frame.f_code, frame.f_lasti
    known = CALLED.setdefault(id(code), (code, {}))[1]
    if at not in known:
        known[at] = called_at(code, at)
    return known[at] == name


def called_at(code, at: int) -> str | None:
    """The name of what is called at a place in some code, if that is plain to see."""
    before = [i for i in dis.get_instructions(code) if i.offset <= at]
    call = before.pop()
    if call.opname not in ("CALL", "CALL_KW"):
        return None
    while before and before[-1].opname in ("PRECALL", "KW_NAMES"):
        before.pop()
    depth = (call.arg or 0) + (call.opname == "CALL_KW")  # what is still to be found of the arguments
    for step in reversed(before):
        if depth == 0 and step.opname != "PUSH_NULL":
            return step.argval if step.opname.startswith("LOAD") and isinstance(step.argval, str) else None
        if "JUMP" in step.opname or step.is_jump_target:
            return None
        depth -= dis.stack_effect(step.opcode, step.arg) if depth else 0
    return None
