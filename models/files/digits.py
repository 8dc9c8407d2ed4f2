"""Rows of whole numbers 0..255, read from their bytes by NumPy at once: what nearly every CSV of images is made of.

Each step is one pass of byte arithmetic over the text: a number is the digit before its separator, plus ten times the
digit before that, if it is one, and so on. A parser that goes by number takes several times as long.
"""

from __future__ import annotations

import numpy as np

ZERO, NINE, NEWLINE = ord("0"), ord("9"), ord("\n")
BEFORE = 4  # bytes that are looked at before a separator


def whole_numbers(lines: bytes, separator: bytes, columns: int, ids: tuple[int, ...] = ()) -> np.ndarray | None:
    """Return whole lines of numbers 0..255 as bytes (rows, columns), or None where they hold anything else.

    Only digits, separators and newlines may be there, and in each line one number for each column; numbers in
    the columns `ids` may be of any length, and come back as 0.

    >>> whole_numbers(b"7,0,255\\n1,20,3\\n", b",", 3)
    array([[  7,   0, 255],
           [  1,  20,   3]], dtype=uint8)
    >>> whole_numbers(b"7,0,256\\n", b",", 3)
    """
    text = np.frombuffer(b"\n" * BEFORE + lines, np.uint8)
    digit = text >= ZERO
    ends = np.flatnonzero(~digit[BEFORE:])  # of the numbers; a boolean index would take four times as long
    rows, rest = divmod(len(ends), columns)
    if rest or not rows or text.max() > NINE:
        return None
    marks = text[BEFORE:].take(ends).reshape(rows, columns)
    if not ((marks[:, -1] == NEWLINE).all() and (marks[:, :-1] == ord(separator)).all()):
        return None
    values = text - ZERO
    ones, tens, hundreds = values[3:-1], values[2:-2] * digit[2:-2], values[1:-3] * (digit[1:-3] & digit[2:-2])
    tens *= 10
    tens += ones
    wrong = ~digit[3:-1]  # no digit at all
    wrong |= digit[:-4] & digit[1:-3] & digit[2:-2]  # four, where all before the fourth are
    wrong |= (hundreds > 2) | ((hundreds == 2) & (tens > 55))
    hundreds *= 100
    hundreds += tens
    numbers = hundreds.take(ends).reshape(rows, columns)
    if ids:
        numbers[:, ids] = 0
        allowed = ends.reshape(rows, columns)[:, ids]
        wrong[allowed] = False
    wrong[:] &= ~digit[BEFORE:]
    return None if wrong.any() else numbers
