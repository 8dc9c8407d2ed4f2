"""Write docs/coverage.md: what each public name of NumPy does with a tensor, read from the table itself.

usage: python docs/make_coverage.py
"""

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tinygrad_np.derivatives.coverage import MODULES, coverage  # noqa: E402

HEAD = """# NumPy coverage

Made by `python docs/make_coverage.py` from the derivative table, with NumPy {version}; a test compares it with \
`dir(numpy)`.

*Differentiable* functions are recorded, to any order and in both modes; the derivative is the row's own text: a
partial for an elementwise function, the weights for a reduction, a rule for the cotangent `ct` for others, or the
function's definition in terms of others. The domain is where it is smooth and is what tests draw from.
*Plain* functions have no derivative by nature and answer with plain arrays. *Refused* functions raise
`NotDifferentiable` with their name when a tensor that needs a gradient is passed. *No array argument*: nothing that
could need a gradient goes in, or NumPy converts its argument, which a tensor that needs a gradient refuses.
"""


def page() -> str:
    lines = [HEAD.format(version=".".join(np.__version__.split(".")[:2]))]
    for module in MODULES.values():
        found = coverage(module)
        count = sum(what.tensor == "differentiable" for what in found.values())
        lines += [
            f"## {module.__name__}",
            "",
            f"{count} differentiable names of {len(found)} functions.",
            "",
            "| name | a tensor gets | derivative | domain |",
            "|---|---|---|---|",
        ]
        for name, what in found.items():
            cells = (f"`{name.rpartition('.')[2]}`", *what)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    (ROOT / "docs" / "coverage.md").write_text(page(), encoding="utf-8")
