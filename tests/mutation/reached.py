"""Which tests reach which line: a pytest plugin that writes it down, so that a break asks only those tests.

`pytest -p tests.mutation.reached --reached FILE --within FOLDER` writes {file: {line: {test: seconds}}} as JSON. The
interpreter tells of each line once a test (`sys.monitoring`, from Python 3.12 on), which costs little more than the
tests themselves. What runs at import stands under the test that imported it first; what failed is left out.
"""

import json
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = 2  # sys.monitoring.PROFILER_ID, where there is one


class Reached:
    """The lines of the library that ran since the last test began."""

    def __init__(self, out: str, within: str) -> None:
        self.out, self.within = out, ROOT / within
        self.lines: set[tuple[str, int]] = set()
        self.failed: set[str] = set()
        self.of_code: dict[str, str | None] = {}
        self.tests: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        sys.monitoring.use_tool_id(TOOL, "reached")
        sys.monitoring.register_callback(TOOL, sys.monitoring.events.LINE, self.line)
        sys.monitoring.set_events(TOOL, sys.monitoring.events.LINE)

    def line(self, code, number):
        """Note a line of ours, and be told no more of it in this test."""
        name = code.co_filename
        if name not in self.of_code:
            path = Path(name)
            self.of_code[name] = str(path.relative_to(ROOT)) if path.is_relative_to(self.within) else None
        if (file := self.of_code[name]) is not None:
            self.lines.add((file, number))
        return sys.monitoring.DISABLE

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.lines.clear()
        sys.monitoring.restart_events()
        began = time.process_time()
        done = yield
        seconds = round(time.process_time() - began, 4)
        if item.nodeid in self.failed:
            return done
        for file, number in self.lines:
            self.tests[file][number][item.nodeid] = seconds
        return done

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self):
        sys.monitoring.set_events(TOOL, 0)
        Path(self.out).write_text(json.dumps(self.tests), encoding="utf-8")


def pytest_addoption(parser):
    parser.addoption("--reached", help="a file for which tests reach which line")
    parser.addoption("--within", default="tinygrad_np", help="the folder or file whose lines count")


def pytest_configure(config):
    if config.getoption("--reached"):
        config.pluginmanager.register(Reached(config.getoption("--reached"), config.getoption("--within")))
