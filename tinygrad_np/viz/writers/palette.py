"""The colors of the kinds, light and dark: tints of Okabe and Ito's palette, told apart by shape and border as well."""

from __future__ import annotations

# kind -> (fill, border); text is `text` on all of them, with a contrast of at least 7:1.
LIGHT = {
    "background": "#ffffff",
    "text": "#16181d",
    "muted": "#565c66",
    "edge": "#454b55",
    "backward": "#b54100",
    "param": ("#fcdfb5", "#a85b00"),
    "leaf": ("#fff0a8", "#857000"),
    "data": ("#cfe6f9", "#0a62a3"),
    "const": ("#ededed", "#6f747c"),
    "op": ("#fdfdfd", "#4a505a"),
    "output": ("#c9ecdd", "#00724f"),
    "derivative": ("#fbe4ec", "#9c2f5f"),
    "module": ("#eadff2", "#6b3a8e"),
    "chain": ("#f0f3f8", "#3c5a85"),
    "block": ("#e2e4ea", "#5a5f6b"),
    "cluster": ("#f6f6f8", "#9aa0aa"),
}
DARK = {
    "background": "#15181e",
    "text": "#f2f3f5",
    "muted": "#b4bbc6",
    "edge": "#b9bfca",
    "backward": "#ff9a5a",
    "param": ("#5e3a0a", "#f0a63c"),
    "leaf": ("#353206", "#f5ea8c"),
    "data": ("#123f63", "#67b7f0"),
    "const": ("#363b44", "#9aa1ad"),
    "op": ("#242a33", "#a3abb8"),
    "output": ("#0d4a37", "#3ecf9b"),
    "derivative": ("#66233f", "#ffb3d0"),
    "module": ("#44275a", "#c79be6"),
    "chain": ("#26334a", "#8fb0e3"),
    "block": ("#3a3e48", "#a9afbb"),
    "cluster": ("#1c2028", "#6d7480"),
}
THEMES = {"light": LIGHT, "dark": DARK}


def colors(theme: str) -> dict:
    """The palette of a theme, by name."""
    if theme not in THEMES:
        raise ValueError(f"theme: found {theme!r}; expected 'light' or 'dark' (or 'auto' for SVG and HTML)")
    return THEMES[theme]


def flat(palette: dict) -> dict[str, str]:
    """{name: color} with fills and borders apart."""
    out = {}
    for name, color in palette.items():
        if isinstance(color, tuple):
            out[f"{name}-fill"], out[f"{name}-border"] = color
        else:
            out[name] = color
    return out


def dark_rules(prefix: str) -> str:
    """CSS that turns the light colors of an SVG into the dark ones; `prefix` says where, as in '#g1 '."""
    rules = []
    light, dark = flat(LIGHT), flat(DARK)
    for name, color in light.items():
        for attribute in ("fill", "stroke"):
            rules.append(f'{prefix}[{attribute}="{color}"]{{{attribute}:{dark[name]}}}')
    return "\n".join(dict.fromkeys(rules))
