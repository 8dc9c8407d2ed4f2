"""Layers, losses and initial weights, with PyTorch's names and meanings."""

from . import functional as functional
from . import init as init
from .image_layers import AvgPool2d as AvgPool2d
from .image_layers import BatchNorm1d as BatchNorm1d
from .image_layers import BatchNorm2d as BatchNorm2d
from .image_layers import Conv2d as Conv2d
from .image_layers import MaxPool2d as MaxPool2d
from .init import manual_seed as manual_seed
from .layers import (
    GELU as GELU,
)
from .layers import (
    Dropout as Dropout,
    Embedding as Embedding,
)
from .layers import (
    Flatten as Flatten,
)
from .layers import (
    Identity as Identity,
)
from .layers import (
    LayerNorm as LayerNorm,
    LeakyReLU as LeakyReLU,
)
from .layers import (
    Linear as Linear,
)
from .layers import (
    ReLU as ReLU,
)
from .layers import (
    Sequential as Sequential,
)
from .layers import (
    Sigmoid as Sigmoid,
)
from .layers import (
    Softmax as Softmax,
)
from .layers import (
    Tanh as Tanh,
)
from .losses import (
    BCEWithLogitsLoss as BCEWithLogitsLoss,
)
from .losses import (
    CrossEntropyLoss as CrossEntropyLoss,
)
from .losses import (
    L1Loss as L1Loss,
)
from .losses import (
    MSELoss as MSELoss,
)
from .losses import (
    NLLLoss as NLLLoss,
)
from .module import Module as Module
from .module import Parameter as Parameter
