"""Hypothesis strategies for tests of gradients. Import this module only where hypothesis is installed."""

from .inputs.op_inputs import elementwise_inputs as elementwise_inputs
from .inputs.op_inputs import example as example
from .inputs.op_inputs import op_inputs as op_inputs
from .inputs.op_inputs import signature_inputs as signature_inputs
from .inputs.op_inputs import with_options as with_options
from .inputs.values import arrays as arrays
from .inputs.values import broadcastable as broadcastable
from .inputs.values import cotangents as cotangents
from .inputs.values import grid as grid
from .inputs.values import layouts as layouts
from .inputs.values import shapes as shapes
from .inputs.values import tensors as tensors
