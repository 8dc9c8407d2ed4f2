"""The door for backward passes written elsewhere: each function here makes of one an operation that can be checked.

`adapter.py` what the checker asks of a framework, `pairs.py` NumPy and SciPy, `pytorch.py`, `transforms.py` JAX,
autograd and MyGrad, `recognize.py` which of them a thing belongs to. A framework is imported only if it is used.
"""

from .adapter import Foreign as Foreign
from .pairs import cached as cached
from .pairs import numpy as numpy
from .pairs import scipy as scipy
from .pytorch import torch as torch
from .recognize import as_operation as operation
from .transforms import autograd as autograd
from .transforms import jax as jax
from .transforms import mygrad as mygrad
