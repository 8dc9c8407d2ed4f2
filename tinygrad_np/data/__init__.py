"""Batches of examples, in an order that a seed decides, whoever loads them; image transforms on whole batches.

dataset.py what is indexed, loader.py what iterates, warp.py images sampled at other places, transforms.py what is
drawn anew for each image. The names are those of `torch.utils.data` and `torchvision.transforms.v2`.
"""

from ..engine.public import public_names
from . import transforms as transforms
from .dataset import ConcatDataset as ConcatDataset
from .dataset import Dataset as Dataset
from .dataset import Subset as Subset
from .dataset import TensorDataset as TensorDataset
from .dataset import random_split as random_split
from .loader import DataLoader as DataLoader
from .loader import default_collate as default_collate


def __dir__() -> list[str]:
    return public_names(globals(), "transforms")
