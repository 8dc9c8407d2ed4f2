"""The colors can be read and told apart, in both themes, by everyone, also in print."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinygrad_np.viz.writers.dot import LEGEND
from tinygrad_np.viz.writers.palette import DARK, LIGHT, flat
from tinygrad_np.viz.writers.table import SHAPES


def channels(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def linear(color: str) -> np.ndarray:
    c = channels(color)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """The contrast ratio of WCAG 2."""
    light, dark = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira and Fernandes (2009), deuteranopia of full severity, on linear RGB.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)

KINDS = [k for k in LEGEND if k in LIGHT] + ["const"]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_stands_out_from_every_fill(palette):
    for kind in KINDS:
        fill, border = palette[kind]
        assert contrast(palette["text"], fill) >= 7, kind
        assert contrast(palette["muted"], fill) >= 4.5, kind
        assert contrast(border, fill) >= 3, kind
    for kind in ("muted", "edge", "backward"):
        assert contrast(palette[kind], palette["background"]) >= 4.5, kind
        assert contrast(palette[kind], palette["cluster"][0]) >= 4.5, kind


def drawn_alike(a: str, b: str) -> bool:
    """Whether two kinds have the same shape and border style, so that color alone tells them apart."""
    style = {"data": "dashed", "const": "dashed", "output": "double"}
    plain = {"op", "chain", "derivative"}
    rounded = {k: k in plain | {"output"} for k in KINDS}
    return (SHAPES.get(a, "box"), style.get(a), rounded[a]) == (
        SHAPES.get(b, "box"),
        style.get(b),
        rounded[b],
    )


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("seen", [np.eye(3), DEUTERANOPIA], ids=["normal", "deuteranopia"])
def test_kinds_of_one_shape_differ_in_color(palette, seen):
    pairs = [pair for pair in itertools.combinations(KINDS, 2) if drawn_alike(*pair)]
    assert ("op", "derivative") in pairs and ("module", "block") in pairs
    for a, b in pairs:
        distances = [
            np.linalg.norm(
                lab(np.clip(seen @ linear(palette[a][part]), 0, 1))
                - lab(np.clip(seen @ linear(palette[b][part]), 0, 1))
            )
            for part in (0, 1)
        ]
        assert max(distances) >= 10, (a, b, distances)


def test_every_light_color_means_one_thing():
    """The dark theme replaces colors by what they are, so no two may be equal."""
    assert len(set(flat(LIGHT).values())) == len(flat(LIGHT)) and flat(LIGHT).keys() == flat(DARK).keys()
