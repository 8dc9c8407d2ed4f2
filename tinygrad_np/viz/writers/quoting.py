"""Text as Graphviz takes it: quoted strings and HTML-like labels in which no name has a meaning."""

from __future__ import annotations

import hashlib
from html import escape

from ..labels import printable


def quote(text: str) -> str:
    r"""A quoted DOT string. Backslashes are doubled, so no name can end the string or mean something in it.

    >>> print(quote('say "a\\b"'))
    "say \"a\\b\""
    """
    text = short_id(text).replace("\0", "\N{REPLACEMENT CHARACTER}").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text.encode("utf-8", "replace").decode() + '"'


def short_id(text: str) -> str:
    """A name as an id that Graphviz can read: a very long one by its beginning and a digest."""
    if len(text) <= 1000:
        return text
    return f"{text[:100]}…{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"


def esc(text: str) -> str:
    """Text for an HTML-like label, in which nothing has a meaning: neither markup nor Graphviz's backslashes."""
    return escape(printable(text)).replace("\\", "\\\\")


def unquote(text: str) -> str:
    r"""The name that `quote` was given.

    >>> unquote(quote('say "a\\b"')) == 'say "a\\b"'
    True
    """
    return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")


def attributes(**values) -> str:
    """DOT attributes, quoted."""
    return " ".join(f"{key}={quote(str(value))}" for key, value in values.items())


def html(text: str) -> str:
    """Text as an HTML-like label, in which nothing has a meaning."""
    return f"<{esc(text) or ' '}>"
