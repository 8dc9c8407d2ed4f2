"""Optimizers with PyTorch's names, defaults and formulas; learning rates by the step; averages of weights.

options.py numbers in their range, groups.py parameters and their options, flat.py parameters side by side, optimizer.py
what all share; sgd.py, adam.py,
adaptive.py, muon.py and lbfgs.py the formulas; lr_scheduler.py schedules, swa_utils.py averages, functional.py the
same steps of values that are not changed in place.
"""

from typing import Any

from ..engine.public import absent, public_names
from . import functional as functional
from . import lr_scheduler as lr_scheduler
from . import swa_utils as swa_utils
from .adam import Adam as Adam
from .adam import Adamax as Adamax
from .adam import AdamW as AdamW
from .adam import Lion as Lion
from .adam import NAdam as NAdam
from .adam import RAdam as RAdam
from .adaptive import Adadelta as Adadelta
from .adaptive import Adagrad as Adagrad
from .adaptive import RMSprop as RMSprop
from .lbfgs import LBFGS as LBFGS
from .muon import Muon as Muon
from .optimizer import Optimizer as Optimizer
from .sgd import SGD as SGD

WRITTEN_AS = {
    "SparseAdam": "gradients are dense here: Adam",
    "ASGD": "SGD with swa_utils.AveragedModel",
    "Rprop": "for whole batches LBFGS is as good, for others RMSprop",
}


def __getattr__(name: str) -> Any:
    elsewhere = {other: f"it is lr_scheduler.{other}" for other in dir(lr_scheduler)}
    raise absent("optim", name, WRITTEN_AS | elsewhere, __dir__())


def __dir__() -> list[str]:
    return public_names(globals(), "functional", "lr_scheduler", "swa_utils")
