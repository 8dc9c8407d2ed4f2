"""What all tests share: a generator of their own, so that a failure repeats alone and in any order."""

import zlib

import numpy as np
import pytest


@pytest.fixture
def rng(request) -> np.random.Generator:
    """A stream of random numbers named after the test."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))
