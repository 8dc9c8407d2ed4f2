"""What all tests share: each draws from a stream named after it, and in CI a browser is there."""

import os
import shutil
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


FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium without a window, which asks nobody for anything and keeps its logs."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield driver
    driver.quit()


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
