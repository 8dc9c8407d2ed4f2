"""Mistakes in a value: its sign, a factor, the point it is taken at, a branch."""

import numpy as np

from tinygrad_np.testing import failures as F

from .entry import A, B, V, op, species


@species(None, F.GradientMismatch, "SIGN")
def sign_flipped():
    return op(lambda x: np.cos(x), lambda ct, x: ct * np.sin(x))


@species(None, F.GradientMismatch, "CONSTANT FACTOR: yours is 1/2")
def factor_two_forgotten():
    return op(lambda x: x * x, lambda ct, x: ct * x)


@species(None, F.GradientMismatch, "log 2")
def log_of_the_base_forgotten():
    return op(lambda x: 2.0**x, lambda ct, out: ct * out)


@species(None, F.GradientMismatch, "INEXACT CONSTANT")
def pi_rounded():
    return op(lambda x: np.sin(np.pi * x), lambda ct, x: ct * 3.14159 * np.cos(np.pi * x))


@species(None, F.GradientMismatch, "LOCAL DERIVATIVE FORGOTTEN")
def derivative_forgotten():
    return op(lambda x: np.exp(x), lambda ct: ct)


@species(None, F.GradientMismatch, "FACTOR MISSING")
def a_factor_forgotten():
    return op(lambda x: x**3 + x, lambda ct, x: ct * (3 * x + 1 / x))


@species(None, F.GradientMismatch, "FACTOR TOO MANY")
def one_factor_too_many():
    return op(lambda x: np.sinh(x), lambda ct, x: ct * x * np.cosh(x))


@species(None, F.GradientMismatch, "EVALUATED AT THE OUTPUT")
def out_for_x():
    return op(lambda x: np.sin(x), lambda ct, out: ct * np.cos(out))


@species(None, F.GradientMismatch, "EVALUATED AT -x")
def minus_inside():
    return op(lambda x: np.logaddexp(x, 0), lambda ct, x: ct / (1 + np.exp(x)))


@species(None, F.GradientMismatch, "SQUARED")
def derivative_squared():
    return op(lambda x: np.tanh(x), lambda ct, out: ct * (1 - out * out) ** 2)


@species(None, F.GradientMismatch, "INVERTED")
def reciprocal_of_the_derivative():
    return op(lambda x: np.exp(x), lambda ct, out: ct / out)


@species(None, F.GradientMismatch, "ABSOLUTE VALUE")
def sign_of_the_derivative_lost():
    return op(lambda x: x * x, lambda ct, x: ct * 2 * np.abs(x))


@species(None, F.GradientMismatch, "NO GRADIENT")
def gradient_zero():
    return op(lambda x: np.sin(x), lambda ct: ct * 0)


@species(None, F.GradientMismatch, "BRANCH FORGOTTEN")
def branch_forgotten():
    return op(lambda x: np.where(x > 0, x, 0.25 * x), lambda ct, x: ct * (x > 0), kinks=lambda x: x)


@species(None, F.GradientMismatch, "CONSTANT TERM")
def constant_term_forgotten():
    return op(lambda x: x**3 + x, lambda ct, x: ct * 3 * x * x)


@species(None, F.GradientMismatch, "a factor (1 - out) is missing")
def sigmoid_with_a_factor_forgotten():
    return op(lambda x: 1 / (1 + np.exp(-x)), lambda ct, out: ct * out)


@species(None, F.GradientMismatch, "(1 - x²) stands where (1 - out²) belongs")
def tanh_at_the_input():
    return op(lambda x: np.tanh(x), lambda ct, x: ct * (1 - x * x))


@species([(np.abs(A) + 0.6, B)], F.GradientMismatch, "a factor log(x) is missing")
def power_without_the_logarithm():
    return op(lambda x, y: x**y, lambda ct, x, y: ct * y * x ** (y - 1), lambda ct, out: ct * out)


@species([(V,), (V[:3],)], F.GradientMismatch, "a factor exp(out) too many")
def logsumexp_without_the_division():
    return op(lambda x: np.log(np.exp(x).sum()), lambda ct, x: ct * np.exp(x))


@species([(np.array([0.0, 1.0, -1.0]),)], F.GradientMismatch, "AT A KINK")
def no_slope_of_either_side():
    return op(lambda x: np.maximum(x, 0), lambda ct, x: ct * np.where(x == 0, 2.0, x > 0))


@species(None, F.GradientMismatch, "a factor 2·x is missing")
def inner_derivative_forgotten():
    return op(lambda x: np.log(1 + x * x), lambda ct, x: ct / (1 + x * x))


@species(None, F.GradientMismatch, "x(1 - x) stands where out(1 - out) belongs")
def sigmoid_at_the_input():
    return op(lambda x: 1 / (1 + np.exp(-x)), lambda ct, x: ct * x * (1 - x))


@species(None, F.GradientMismatch, "the term x·g'(x) is missing")
def first_term_of_a_product_alone():
    return op(lambda x: x / (1 + np.exp(-x)), lambda ct, x: ct / (1 + np.exp(-x)))


@species([(V,)], F.GradientMismatch, "the term g(x), which is out / x, is missing")
def second_term_of_a_product_alone():
    return op(lambda x: x * np.cos(x), lambda ct, x: -ct * x * np.sin(x))


@species(None, F.GradientMismatch, "EPS ADDED: 1e-07 is added to out")
def eps_in_the_denominator():
    return op(lambda x: np.sqrt(x), lambda ct, out: ct * 0.5 / (out + 1e-7))


@species(None, F.GradientMismatch)
def clip_with_its_mask_inverted():
    return op(lambda x: np.clip(x, -1, 1), lambda ct, x: ct * (np.abs(x) > 1))


@species(None, F.GradientMismatch, "BRANCH FORGOTTEN (x < 0)")
def branch_forgotten_whose_smallest_input_is_a_kink():
    return op(lambda x: np.where(x > 0, x, 0.1 * x), lambda ct, x: ct * (x > 0))


@species([(V * 1e-15,)], F.GradientMismatch, "CONSTANT FACTOR: yours is 2 times")
def factor_of_tiny_derivatives():
    return op(lambda x: np.square(x), lambda ct, x: 4 * x * ct)


@species(None, F.GradientMismatch, "NEARLY RIGHT: yours is off by 1e-06")
def eps_deep_inside():
    return op(lambda x: x / np.sqrt(x * x + 1), lambda ct, x: ct / (x * x + 1 + 1e-6) ** 1.5)


@species(None, F.GradientMismatch, "ABSOLUTE VALUE")
def sign_of_a_negative_derivative_lost():
    return op(lambda x: np.cos(x), lambda ct, x: -ct * np.abs(np.sin(x)))
