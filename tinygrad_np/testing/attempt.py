"""What a user's rule raises becomes a failure that says where."""

from __future__ import annotations

from collections.abc import Callable

from .. import NotDifferentiable
from ..cotangents import WrongShape as EngineWrongShape
from . import failures


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
    """The innermost line of the traceback outside this package and NumPy, as ` (file:line in name)`."""
    found, tb = "", error.__traceback__
    while tb is not None:
        code = tb.tb_frame.f_code
        inside = tb.tb_frame.f_globals.get("__name__", "")
        if not inside.startswith(
            (
                "numpy",
                "tinygrad_np.testing",
                "tinygrad_np.transforms",
                "tinygrad_np.tape",
                "tinygrad_np.rules",
                "tinygrad_np.kinds",
                "tinygrad_np.cotangents",
                "tinygrad_np.tensor",
                "tinygrad_np.table",
                "hypothesis",
            )
        ):
            found = f" ({code.co_filename.rsplit('/', 1)[-1]}:{tb.tb_lineno} in {code.co_name})"
        tb = tb.tb_next
    return found
