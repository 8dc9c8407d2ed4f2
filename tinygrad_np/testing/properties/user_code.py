"""What a user's rule raises becomes a failure that says where."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from ... import NotDifferentiable
from ...engine.callers import blamed
from ...engine.cotangents import WrongShape as EngineWrongShape
from .. import failures


def attempt(step: Callable):
    """Run a step of the user's rule; what it raises becomes a failure that says where."""
    try:
        return step()
    except failures.CheckFailed:
        raise
    except EngineWrongShape as error:
        raise failures.WrongShape(str(error)) from error
    except ValueError as error:
        if "read-only" in str(error):
            raise failures.MutatedInput(
                f"a rule or the operation writes into an array that is not its own{guilty(error)}"
            ) from error
        raise failures.GradientMismatch(
            f"the derivative raised {type(error).__name__}: {error}{guilty(error)}"
        ) from error
    except NotDifferentiable:
        raise
    except (
        ArithmeticError,
        TypeError,
        IndexError,
        AttributeError,
        KeyError,
        NameError,
        AssertionError,
    ) as error:
        raise failures.GradientMismatch(
            f"the derivative raised {type(error).__name__}: {error}{guilty(error)}"
        ) from error


def guilty(error: BaseException) -> str:
    """The innermost line of the traceback that is the user's, as ` (file:line in name)`."""
    hypothesis = sys.modules.get("hypothesis")  # whose lines are nobody's either
    line = blamed(error, () if hypothesis is None else (os.path.dirname(hypothesis.__file__) + os.sep,))
    return f" ({line})" if line else ""
