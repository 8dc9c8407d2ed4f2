"""Mistakes in sums and means: a divisor, a term that is subtracted, terms between elements, ties."""

import numpy as np

from tinygrad_np.testing import failures as F

from .entry import A, V, op, species


@species([(A,), (A[:, :2],)], F.GradientMismatch, "SUM FOR MEAN")
def mean_without_the_division():
    return op(lambda x: x.mean(1), lambda ct, x_shape: np.broadcast_to(ct[:, None], x_shape))


@species([(A,), (A[:, :2],)], F.GradientMismatch, "MEAN FOR SUM")
def sum_with_a_division():
    return op(lambda x: x.sum(1), lambda ct, x_shape: np.broadcast_to(ct[:, None], x_shape) / x_shape[1])


@species([(V,), (V[:3],)], F.GradientMismatch, "DDOF")
def variance_with_the_other_ddof():
    return op(lambda x: x.var(ddof=1), lambda ct, x: ct * 2 * (x - x.mean()) / x.size)


@species([(V,), (V[:3],)], F.GradientMismatch, "MEAN NOT SUBTRACTED")
def variance_not_centered():
    return op(lambda x: x.var(), lambda ct, x: ct * 2 * x / x.size)


@species([(V,)], F.GradientMismatch, "DIAGONAL ONLY")
def softmax_as_if_elementwise():
    return op(lambda x: np.exp(x) / np.exp(x).sum(), lambda ct, out: ct * out * (1 - out))


@species([(V,)], F.GradientMismatch, "LARGEST ONLY")
def logsumexp_as_max():
    return op(lambda x: np.log(np.exp(x).sum()), lambda ct, x: ct * (x == x.max()) * np.exp(x) / np.exp(x).sum())


@species([(np.array([1.0, 2.0, 2.0]),)], F.GradientMismatch, "SHARES DO NOT ADD UP")
def ties_counted_twice():
    return op(lambda x: x.max(), lambda ct, x: ct * (x == x.max()))


@species([(A,)], F.GradientMismatch, "SUM OF THE COTANGENT")
def log_softmax_with_a_mean():
    return op(
        lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
        lambda ct, out: ct - np.exp(out) * ct.mean(-1, keepdims=True),
    )


@species([(A,)], F.GradientMismatch, "DIAGONAL ONLY")
def normalization_as_if_elementwise():
    return op(
        lambda x: (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True),
        lambda ct, x: ct / x.std(-1, keepdims=True),
    )


@species([(V,)], F.GradientMismatch, "PROJECTION MISSING")
def norm_held_constant():
    return op(lambda x: x / np.sqrt((x * x).sum()), lambda ct, x: ct / np.sqrt((x * x).sum()))
