"""What all tests share: each draws from a stream named after it, and in CI a browser is there."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests import stream

# Modules that another library is needed to import: their examples run where it is installed.
BRIDGES = {"jax": "tinygrad_np/interop/jax.py", "torch": "tinygrad_np/interop/torch.py"}


def pytest_configure(config):
    """Leave out the examples of bridges to libraries that are not installed."""
    missing = [str(Path(__file__).parents[1] / path) for library, path in BRIDGES.items() if find_spec(library) is None]
    config.option.ignore = [*(config.option.ignore or []), *missing]


@pytest.fixture(autouse=True)
def rng(request) -> np.random.Generator:
    """The test's own random numbers, also those of `from tests.stream import rng`."""
    return stream.rng.begin(request.node.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where CI says that it brings a browser, a browser test that is skipped has failed."""
    report = yield
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI brings a browser: {report.longrepr[-1]}"
    return report
