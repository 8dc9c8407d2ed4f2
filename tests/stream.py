"""`rng`, the random numbers of the test that runs: named after it, so that a failure repeats alone and in any order."""

import zlib

import numpy as np


class Stream:
    """A generator that begins anew with each test; what is drawn while tests are collected has one of its own."""

    def __init__(self) -> None:
        self.begin("")

    def begin(self, name: str) -> np.random.Generator:
        """Start the stream of a name, and return it."""
        self.now = np.random.default_rng(zlib.crc32(name.encode()))
        return self.now

    def __getattr__(self, name: str):
        return getattr(self.now, name)


rng = Stream()
