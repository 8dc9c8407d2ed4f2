"""Mistakes with shapes, layouts and dtypes, and numbers that are not finite."""

import numpy as np

from tinygrad_np.testing import CheckFailed
from tinygrad_np.testing import failures as F

from .entry import A, V, op, species


@species([(A,)], F.LayoutDependence, "layout")
def elements_taken_in_memory_order():
    return op(lambda x: x * x, lambda ct, x: (ct.ravel(order="K") * 2 * x.ravel()).reshape(x.shape))


@species([(A,)], F.LayoutDependence, "zero strides")
def wrong_for_a_constant_cotangent():
    return op(lambda x: 2 * x, lambda ct: 2 * ct if 0 not in ct.strides else ct)


@species(None, CheckFailed, "x = np.array(0.5)")
def wrong_without_axes():
    return op(lambda x: np.sin(x), lambda ct, x: ct * np.cos(x) if x.ndim else ct)


@species([(np.zeros((0, 3)),), (A,)], CheckFailed, "")
def fails_when_empty():
    return op(lambda x: x.sum(0), lambda ct, x: np.broadcast_to(ct, x.shape) * (x[0] == x[0]))


@species([(V,)], F.WrongDtype, "float32")
def wrong_in_float32_alone():
    return op(lambda x: x * x, lambda ct, x: 2 * x * ct if x.dtype == np.float64 else x * ct)


@species([(A / 3,)], (F.GradientMismatch, F.NotLinear), "")
def computed_in_float32():
    return op(lambda x: np.exp(x), lambda ct, out: ct * out.astype(np.float32))


@species([(V,)], F.WrongShape, "shape")
def a_row_for_a_vector():
    return op(lambda x: x * 2, lambda ct: 2 * ct[None])


@species([(np.array([1.0, 2.0]),)], F.NaNGradient, "")
def overflow_for_large_inputs():
    return op(lambda x: np.logaddexp(x, 0), lambda ct, x: ct * np.exp(x) / (1 + np.exp(x)))


@species([(np.array([0.5, 1.0]),)], F.NaNGradient, "")
def division_by_zero_in_the_rule():
    return op(lambda x: x * x, lambda ct, x: ct * 2 * x * (x - 0.5) / (x - 0.5))


@species([(np.array([2.0, 0.0, 3.0]),)], F.NaNGradient, "NOT FINITE: NaN or infinity where x = 0")
def product_by_division():
    return op(lambda x: np.prod(x), lambda ct, x, out: ct * out / x)


@species([(A / 3,)], F.GradientMismatch, "LOW PRECISION: the derivative is computed in float16")
def computed_in_float16():
    return op(lambda x: np.cos(x), lambda ct, x: -ct * np.sin(x).astype(np.float16))


@species(None, F.GradientMismatch, "all that failed have x without axes, none that passed")
def pattern_of_no_axes():
    return op(lambda x: np.tanh(x), lambda ct, out: ct * (1 - out * out) if out.ndim else ct)


@species(None, F.GradientMismatch, "all that failed have a batch of more than one in x, none that passed")
def pattern_of_a_batch():
    return op(lambda x: np.tanh(x), lambda ct, out: ct * (1 - out * out) * (1 + (out.ndim > 1 and len(out) > 1)))


@species([(A / 3,)], (F.WrongDtype, F.GradientMismatch), "in float32")
def gradient_cast_to_float32():
    return op(lambda x: np.exp(x), lambda ct, out: (ct * out).astype(np.float32))
