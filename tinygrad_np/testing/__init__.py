"""Checking gradients: `gradcheck` a function at a point, `check_op` an operation on inputs drawn for it."""

from .failures import *  # noqa
from .gradcheck import gradcheck as gradcheck
from .gradcheck import gradgradcheck as gradgradcheck
