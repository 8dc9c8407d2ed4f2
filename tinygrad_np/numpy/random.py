"""numpy.random as it is: what is drawn has no history, and a tensor gives a parameter only without one."""

import numpy as _np
from numpy.random import *  # noqa: F403


def __getattr__(name: str):
    return getattr(_np.random, name)


def __dir__() -> list[str]:
    return [name for name in dir(_np.random) if not name.startswith("_")]
