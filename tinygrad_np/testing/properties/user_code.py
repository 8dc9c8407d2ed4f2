"""What a user's rule raises becomes a failure that says where."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from ... import NotDifferentiable
from ...engine.callers import blamed
from ...engine.cotangents import WrongCotangentShape as EngineWrongShape
from .. import failures

NOT_BLAMED = ("hypothesis", "scipy", "torch", "jax", "autograd", "mygrad")


def as_failure(step: Callable):
    """Run a step of the user's rule; what it raises becomes a failure that says where."""
    try:
        return step()
    except (failures.CheckFailed, failures.Skipped, NotDifferentiable):
        raise
    except EngineWrongShape as error:
        raise failures.WrongShape(str(error)) from error
    except Exception as error:
        if "read-only" in str(error):
            raise failures.MutatedInput(
                f"a rule or the operation writes into an array that is not its own{guilty(error)}"
            ) from error
        invalid = isinstance(error, RuntimeError) and "invalid gradient" in str(error)  # PyTorch's words
        kind = failures.WrongShape if invalid else failures.GradientMismatch
        raise kind(f"the derivative raised {type(error).__name__}: {error}{guilty(error)}") from error


def guilty(error: BaseException) -> str:
    """The innermost line of the traceback that is the user's, as ` (file:line in name)`."""
    known = [sys.modules.get(name) for name in NOT_BLAMED]  # whose lines are nobody's either
    line = blamed(error, tuple(os.path.dirname(m.__file__) + os.sep for m in known if m is not None and m.__file__))
    return f" ({line})" if line else ""
