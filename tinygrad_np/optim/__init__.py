"""Optimizers with PyTorch's names, defaults and formulas; learning rates by the step; averages of weights.

options.py numbers in their range, flat.py parameters side by side, optimizer.py what all share; sgd.py, adagrad.py,
rmsprop.py, adam.py, adam_kin.py, adadelta.py, muon.py and lbfgs.py the formulas; lr_scheduler.py schedules,
swa_utils.py averages, functional.py the same steps of values that are not changed in place.
"""

from ..engine.public import public_names
from . import functional as functional
from . import lr_scheduler as lr_scheduler
from . import swa_utils as swa_utils
from .adadelta import Adadelta as Adadelta
from .adagrad import Adagrad as Adagrad
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .adam_kin import Adamax as Adamax
from .adam_kin import Lion as Lion
from .adam_kin import NAdam as NAdam
from .adam_kin import RAdam as RAdam
from .lbfgs import LBFGS as LBFGS
from .muon import Muon as Muon
from .optimizer import Optimizer as Optimizer
from .rmsprop import RMSprop as RMSprop
from .sgd import SGD as SGD


def __dir__() -> list[str]:
    return public_names(globals(), "functional", "lr_scheduler", "swa_utils")
