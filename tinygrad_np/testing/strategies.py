"""Hypothesis strategies for tests of gradients. Import this module only where hypothesis is installed."""

from .op_inputs import elementwise_inputs as elementwise_inputs
from .op_inputs import example as example
from .op_inputs import op_inputs as op_inputs
from .op_inputs import signature_inputs as signature_inputs
from .op_inputs import with_options as with_options
from .values import arrays as arrays
from .values import broadcastable as broadcastable
from .values import cotangents as cotangents
from .values import grid as grid
from .values import layouts as layouts
from .values import shapes as shapes
from .values import tensors as tensors
