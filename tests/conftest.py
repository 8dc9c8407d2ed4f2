"""What all tests share: each draws from a stream named after it, and in CI a browser is there."""

import os

import numpy as np
import pytest

from tests import stream


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
