"""The mistakes that people make in derivatives, each as the Jacobian that it makes of the right one.

Blocks are (outputs × entries of one input). A mistake yields (NAME, sentence, predicted block), and True
where the block is no evidence for it. Their order is the order of preference where several fit.
"""

from . import local, partial, places, sums, terms, whole
from .block import FIT as FIT
from .block import Block as Block
from .block import block_of as block_of
from .block import off as off

MISTAKES = (
    *whole.FAMILY,
    sums.duplicates,
    terms.forgotten,
    *places.FAMILY,
    places.permutation,
    *sums.FAMILY,
    terms.projection,
    sums.elementwise,
    local.constant,
    local.regularized,
    local.rounded,
    partial.branch,
    whole.passed_through,  # what is more special is said first
    partial.inverted,
    terms.product,
    *local.FAMILY,
    whole.the_function,
    *partial.FAMILY,
    places.permuted,
    places.same_sums,
    partial.masks,
    terms.lost,
    local.nearly,
)
