"""What a user's rule raises becomes a failure that says where."""

from __future__ import annotations

from collections.abc import Callable
from traceback import walk_tb

from ... import NotDifferentiable
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


OWN = ("numpy", "hypothesis", "tinygrad_np.engine", "tinygrad_np.transforms", "tinygrad_np.testing")  # no user's lines


def guilty(error: BaseException) -> str:
    """The innermost line of the traceback outside this package and NumPy, as ` (file:line in name)`."""
    found, chain = "", [error]
    while chain[-1].__context__ is not None:  # the engine raises anew, with the operation's name
        chain.append(chain[-1].__context__)
    for link in chain:
        for frame, line in walk_tb(link.__traceback__):
            code = frame.f_code
            made = "compiled.py for" in code.co_filename
            if not made and not frame.f_globals.get("__name__", "").startswith(OWN):
                found = f" ({code.co_filename.rsplit('/', 1)[-1]}:{line} in {code.co_name})"
    return found
