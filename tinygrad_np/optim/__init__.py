"""Optimizers with PyTorch's names, defaults and formulas; learning-rate schedules in `lr_scheduler`."""

from . import lr_scheduler as lr_scheduler
from . import swa_utils as swa_utils
from .adagrad import Adagrad as Adagrad
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .optimizer import Optimizer as Optimizer
from .rmsprop import RMSprop as RMSprop
from .sgd import SGD as SGD
