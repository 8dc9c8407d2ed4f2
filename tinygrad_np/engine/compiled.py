"""The hot path: what `record` does, written out for one row and one spelling of its call, and compiled once.

A function of two operands called as f(x, y) becomes a Python function of x and y, without a loop, a dict or a question
that the row or the spelling has answered. Whatever is rare it hands to `record` and `finish`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .aliasing import residual
from .generated import define, is_warning, warned
from .modes import TRANSFORMED, mode, note_cut
from .recording import (
    CONSTANTS,
    TENSORS,
    Traced,
    as_array,
    explained,
    finish_node,
    is_tracked,
    kept,
    left,
    note_view,
    record_call,
    shares_memory_with,
    unwrap,
    watched_node,
)
from .rules import Row
from .seen import NUMBER_TYPES, is_plain, noted, noted_operand, see
from .signatures import shape_of, source_of
from .tape import CONST, SMALL, Node, serials

# The texts below write @ for the name of a parameter, and all that is not a parameter begins with an underscore:
# of an operand _n_@ is the node, _t_@ says whether that is tracked, _v_@ is the array as the tape keeps it, and _g_@
# as it was given; of another argument _p_@ says whether it is made of numbers alone, and so as it will stay.
WORDS = {
    "_CONST": CONST,
    "_CONSTANTS": CONSTANTS,
    "_LinAlgError": np.linalg.LinAlgError,
    "_Node": Node,
    "_TENSORS": TENSORS,
    "_TRANSFORMED": TRANSFORMED,
    "_as_array": as_array,
    "_asarray": np.asarray,
    "_cut": note_cut,
    "_explained": explained,
    "_float64": np.float64,
    "_finish": finish_node,
    "_is_plain": is_plain,
    "_is_tracked": is_tracked,
    "_is_warning": is_warning,
    "_kept": kept,
    "_left": left,
    "_ndarray": np.ndarray,
    "_new": object.__new__,
    "_next": next,  # which is quicker than a bound __next__
    "_serials": serials,
    "_note_view": note_view,
    "_now": mode.get,
    "_overlaps": shares_memory_with,
    "_unwrap": unwrap,
    "_record": record_call,
    "_see": see,
    "_SMALL": SMALL,
    "_noted": noted,
    "_noted_operand": noted_operand,
    "_NUMBERS": NUMBER_TYPES,
    "_residual": residual,
    "_shape_of": shape_of,
    "_warned": warned,
    "_watched": watched_node,
}

TRACED = """:
        _n_@ = @._node
        if type(_n_@) is _Node:
            _t_@ = True
            _v_@ = @._array
        else:
            _t_@ = _n_@.tracked
            _v_@ = @._array if _n_@.exposed is None else _residual(@)
        _g_@ = _v_@"""

OPERAND = f"""
    if type(@) is _Tensor{TRACED}
    elif type(@) in _CONSTANTS:
        _n_@ = _CONST
        _t_@ = False
        _v_@ = _g_@ = @
    elif type(@) in _TENSORS{TRACED}
    else:
        return _record(_row, $CALL)"""

ARGUMENT = """
    _v_@ = @
    _p_@ = type(@) in _NUMBERS or type(@) is not _ndarray and _is_plain(@)
    if not _p_@ and type(@) is not _ndarray:
        if _is_tracked(@):
            return _record(_row, $CALL)
        _v_@ = _unwrap(@)"""

OUT = """
    if out is not None:
        return NotImplemented"""

COMPUTE = """
    try:
        _out$AUX = _fun($PASSED)
    except (ValueError, TypeError, IndexError, _LinAlgError) as _error:
        if not _is_warning(_error):
            raise _explained(_error, _row, ($VALUES)) from None
        _out$AUX = _warned(_fun, $FED)
    if type(_out) is not _ndarray:
        if isinstance(_out, (list, tuple)):
            return _finish(_row, ($VALUES), ($OPERANDS), ($PARENTS), _out$AUX)
        _out = _asarray(_out) if type(_out) is _float64 else _as_array(_out)
    _tensor = _new(_Tensor)
    _tensor._array = _out
    _mode = _now()
    if _mode is _TRANSFORMED:
        _mode = None
    if ($TRACKED) and (_mode is None or _mode.recording)$FLOATING:"""

KEPT_OPERAND = """
        if type(@) is _ndarray:
            _v_@ = @.copy() if @.size <= _SMALL else _kept(@)"""

KEPT_OTHER = """
        if not _p_@:
            _v_@ = @.copy() if type(@) is _ndarray and @.size <= _SMALL else _kept(@)"""

NODE = """
        _node = _Node()
        _node.serial = _next(_serials)
        _node.op = _row
        _node.parents = ($PARENTS)
        _node.saved = ($SAVED)
        _node.shape = _out.shape
        _node.dtype = _out.dtype$SEEN$GIVEN
        _tensor._node = _node if _mode is None else _watched(_node, _out)
    else:
        _tensor._node = _CONST
        if _mode is not None:
            _cut(_left(_row, _out), ($PARENTS))"""

VIEW = """
    if (_out is _v_@ or _out.base is not None and _overlaps(_out, _v_@)) and type(@) in _TENSORS:
        _note_view(_tensor, @)"""


def compiled_form(row: Row, count: int, *keywords: str) -> Any:
    """The recorded form of a row called with `count` positional arguments and these keywords; None if it has none.

    With an `out` that is not None it returns NotImplemented.

    >>> from tinygrad_np.engine.table import TABLE
    >>> compiled_form(TABLE[np.multiply], 2).__name__
    'multiply'
    """
    first = row.parameters[:count]
    spelling, operands = first + keywords, row.diff
    names = tuple(name for name in spelling if name != "out")
    if row.joint or len(first) < count or len({*names}) < len(names) or not {*operands} <= {*names} <= {*row.names}:
        return None
    try:
        bound = dict(zip(row.names, row.bind(*first, **{name: name for name in keywords})))
    except TypeError:  # NumPy says what is wrong with the call
        return None
    if any(bound[name] is not name for name in names):  # *args
        return None
    spelled = {name: f"_v_{name}" if name in names else f"_d_{name}" for name in row.names}
    spelled |= {"out": "_out", "aux": "_aux", "tracked": f"({listed('_t_@', operands)})"}
    residuals = [source_of(wanted, spelled) for wanted in row.residuals]
    if len(operands) > 1:
        residuals = [f"{r} if _t_{name} else None" for r, name in zip(residuals, operands)]
    values = {
        "$CALL": f"({listed('@', first)}), {{{listed(repr('@') + ': @', keywords)}}}",
        "$FED": f"({listed('_v_@', first).replace('_v_out', 'None')}), "
        f"{{{listed(repr('@') + ': _v_@', (name for name in keywords if name != 'out'))}}}",
        "$PASSED": listed("_v_@", first).replace("_v_out", "None")
        + listed("@=_v_@", (name for name in keywords if name != "out")),
        "$VALUES": "".join(spelled[name] + ", " for name in row.names),
        "$OPERANDS": listed("@", operands),
        "$PARENTS": listed("_n_@", operands),
        "$TRACKED": " or ".join(f"_t_{name}" for name in operands),
        "$AUX": "" if row.recompute is None else ", _aux",
        "$FLOATING": "" if row.kind == "elementwise" else " and _out.dtype.kind in 'fc'",
        "$SEEN": "" if row.repeatable else "\n        _see(_node, _out)",
        "$GIVEN": "" if row.names == operands and len(operands) == 1 else given_lines(row.names, operands, names),
        "$SAVED": "".join(r + ", " for r in residuals),
    }
    text = f"def recorded({listed('@', first)}{'*, ' if keywords else ''}{listed('@', keywords)}):"
    for name in spelling:
        text += (OUT if name == "out" else OPERAND if name in operands else ARGUMENT).replace("@", name)
    text += COMPUTE
    for name, keep in zip(row.names, row.kept):
        if keep and name in names:
            text += (KEPT_OPERAND if name in operands else KEPT_OTHER).replace("@", name)
    text += NODE + ("" if row.kind == "elementwise" else VIEW.replace("@", operands[0])) + "\n    return _tensor\n"
    for word, value in values.items():
        text = text.replace(word, value)
    fun = row.fun if keywords else row.quick.get(count, row.fun)
    space = WORDS | {"_row": row, "_fun": fun, "_Tensor": getattr(Traced, "_public", None)}
    space |= {f"_d_{name}": value for name, value in bound.items()}
    form: Any = define(text, f"{__file__} for {row.name}", space)["recorded"]
    form.__name__ = row.name
    return form


def given_lines(row_names: tuple[Any, ...], operands: tuple[Any, ...], names: tuple[Any, ...]) -> str:
    """The lines that note what a call was given besides tracked tensors, for pictures: see `seen.given_to`."""
    if row_names == operands and len(operands) == 2:  # the one that is constant, and no tuple around it
        x, y = (NOTE_OPERAND.replace("@", name) for name in operands)
        return (
            f"\n        if _n_{operands[1]} is _CONST:\n            _node.given = {y}"
            f"\n        elif _n_{operands[0]} is _CONST:\n            _node.given = {x}"
        )
    noted_as = {
        name: ("None, " if len(operands) == 1 else f"None if _n_@ is not _CONST else {NOTE_OPERAND}, ")
        if name in operands
        else NOTE_OTHER
        if name in names
        else f"_d_{name}, "
        for name in row_names
    }
    line = f"_node.given = ({''.join(text.replace('@', name) for name, text in noted_as.items())})"
    if any(name not in operands for name in names):
        return f"\n        {line}"
    if len(operands) == 1:
        return ""
    return f"\n        if {' or '.join(f'_n_{name} is _CONST' for name in operands)}:\n            {line}"


NOTE_OPERAND = (
    "_g_@ if type(_g_@) is not _ndarray or _g_@.size <= _SMALL and _g_@.base is None else _noted_operand(@, _g_@)"
)
NOTE_OTHER = "@ if _p_@ else _noted(@ if type(@) is _ndarray else _v_@), "


def listed(text: str, names: Any) -> str:
    """The text with each name in the place of @, separated by commas.

    >>> listed("f(@)", ("x", "y"))
    'f(x), f(y), '
    """
    return "".join(text.replace("@", name) + ", " for name in names)
