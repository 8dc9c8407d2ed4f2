"""The losses as modules: a function of `nn.functional` with its options set."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .module import Layer


class CrossEntropyLoss(Layer):
    """-log softmax(x)[target] of logits (N, C) and class indices or probabilities, averaged.

    >>> import numpy as np
    >>> CrossEntropyLoss()(np.zeros((2, 4)), np.array([0, 3])).item()
    1.3862943611198906
    """

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ):
        self.weight, self.ignore_index = weight, ignore_index
        self.reduction, self.label_smoothing = reduction, label_smoothing

    def forward(self, input, target):
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(Layer):
    """-x[target] of log-probabilities (N, C) and class indices, averaged.

    >>> import numpy as np
    >>> NLLLoss()(np.log([[0.25, 0.75], [0.5, 0.5]]), np.array([1, 0])).item()
    0.4904146265058631
    """

    def __init__(self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"):
        self.weight, self.ignore_index, self.reduction = weight, ignore_index, reduction

    def forward(self, input, target):
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class MSELoss(Layer):
    """(x - y)², averaged.

    >>> import numpy as np
    >>> MSELoss()(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    2.0
    """

    def __init__(self, reduction: str = "mean"):
        self.reduction = reduction

    def forward(self, input, target):
        return F.mse_loss(input, target, self.reduction)


class L1Loss(Layer):
    """|x - y|, averaged.

    >>> import numpy as np
    >>> L1Loss()(np.array([1.0, 2.0]), np.array([1.0, 4.0])).item()
    1.0
    """

    def __init__(self, reduction: str = "mean"):
        self.reduction = reduction

    def forward(self, input, target):
        return F.l1_loss(input, target, self.reduction)


class BCEWithLogitsLoss(Layer):
    """-y log σ(x) - (1 - y) log σ(-x) of logits x and labels or probabilities y, averaged.

    >>> import numpy as np
    >>> round(BCEWithLogitsLoss()(np.array([-800.0, 0.0]), np.array([0.0, 1.0])).item(), 4)
    0.3466
    """

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None):
        self.weight, self.reduction, self.pos_weight = weight, reduction, pos_weight

    def forward(self, input, target):
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)
