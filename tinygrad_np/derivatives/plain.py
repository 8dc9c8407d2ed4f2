"""Functions without a derivative by nature: comparisons, tests, positions and counts answer with plain arrays."""

import numpy as np

from ..engine.facts import ANY
from ..engine.table import Creation, plain

plain("a comparison", np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isclose,
      np.allclose, np.array_equal, np.array_equiv)
plain("a test", np.isnan, np.isinf, np.isfinite, np.signbit, np.isposinf, np.isneginf, np.iscomplex, np.isreal,
      np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.isin)
plain("a test", np.any, reduces=np.logical_or)
plain("a test", np.all, reduces=np.logical_and)
plain("a test", np.iscomplexobj, np.isrealobj, describes=True)
plain("a position", np.argmax, np.argmin, np.argsort, np.argpartition, np.searchsorted, np.lexsort, np.nanargmax,
      np.nanargmin, np.digitize)
plain("a position", np.argwhere, np.nonzero, np.flatnonzero, shape_from=ANY)
plain("a count or a description", np.count_nonzero, np.array_repr, np.array_str, np.array2string)
plain("a count or a description", np.shape, np.ndim, np.size, np.result_type, np.min_scalar_type, np.can_cast,
      np.common_type, np.may_share_memory, np.shares_memory, np.broadcast_shapes, describes=True)
plain("an integer", np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift, np.gcd,
      np.lcm, np.bitwise_count, np.packbits, np.unpackbits)
plain("a distance between floating numbers", np.spacing)
plain("a count or a description", np.einsum_path, np.tril_indices_from,
      np.triu_indices_from, np.diag_indices_from, np.ix_, np.unravel_index, np.ravel_multi_index,
      np.iterable, np.isscalar, np.isfortran)
plain("a new array", np.zeros_like, np.ones_like, np.empty_like, kind=Creation)
