"""Checking gradients: `gradcheck` a function at a point, `check_op` an operation on inputs drawn for it.

reference/ what is true, inputs/ what is drawn, properties/ what must hold, diagnosis/ what went wrong, foreign/
backward passes written elsewhere. Above them failures.py the kinds of failure, session.py what a run shares, report.py
what is said, strategies.py for hypothesis, gradcheck.py and check_op.py what users call; register.py for hypothesis,
plugin.py for pytest, __main__.py for the command line.
"""

from ..engine.public import public_names
from .check_op import check_op as check_op
from .failures import CheckFailed as CheckFailed
from .failures import ForwardMismatch as ForwardMismatch
from .failures import GradientMismatch as GradientMismatch
from .failures import HiddenState as HiddenState
from .failures import LayoutDependence as LayoutDependence
from .failures import MutatedCotangent as MutatedCotangent
from .failures import MutatedInput as MutatedInput
from .failures import NaNGradient as NaNGradient
from .failures import NonDeterministic as NonDeterministic
from .failures import NotAdjoint as NotAdjoint
from .failures import NotLinear as NotLinear
from .failures import SecondOrderMismatch as SecondOrderMismatch
from .failures import SharedMemory as SharedMemory
from .failures import VacuousCheck as VacuousCheck
from .failures import WrongDtype as WrongDtype
from .failures import WrongShape as WrongShape
from .gradcheck import gradcheck as gradcheck
from .gradcheck import gradgradcheck as gradgradcheck
from .report import GradReport as GradReport
from .report import OpReport as OpReport


def __getattr__(name: str):
    """`strategies` needs hypothesis, and is imported when it is first asked for."""
    if name == "strategies":
        from importlib import import_module

        try:
            return import_module(__name__ + ".strategies")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                'tinygrad_np.testing.strategies needs hypothesis: pip install "tinygrad_np[testing]"'
            ) from error
    raise AttributeError(f"module {__name__} has no attribute {name!r}")


def __dir__() -> list[str]:
    return public_names(globals(), "foreign", "strategies")
