"""The pytest plugin: a `gradcheck` fixture, `--gradcheck=quick|full`, and a line that says what was checked
and how well.

Registered by the entry point of the package; `-p no:tinygrad_np` turns it off.
"""

from __future__ import annotations

import pytest

FACTORS = {"quick": 0.2, "normal": 1.0, "full": 10.0}


def pytest_addoption(parser) -> None:
    parser.getgroup("tinygrad_np").addoption(
        "--gradcheck",
        choices=tuple(FACTORS),
        default="normal",
        help="how many inputs check_op draws: a fifth, its own number, or ten times as many",
    )


def pytest_configure(config) -> None:
    if config.getoption("--gradcheck", "normal") != "normal":
        from .session import EFFORT as effort

        effort["examples"] = FACTORS[config.getoption("--gradcheck")]


@pytest.fixture(name="gradcheck")
def checker():
    """tinygrad_np.testing.gradcheck; `gradcheck.op` is check_op."""
    from . import check_op, gradcheck

    def check(f, *inputs, **options):
        """gradcheck(f, *inputs, **options)"""
        __tracebackhide__ = True
        return gradcheck(f, *inputs, **options)

    def op(f, *inputs, **options):
        """check_op(f, *inputs, **options)"""
        __tracebackhide__ = True
        return check_op(f, *inputs, **options)

    check.op = op
    return check


def pytest_terminal_summary(terminalreporter) -> None:
    from .session import summary_line

    line = summary_line()
    if line:
        terminalreporter.write_line(line)
