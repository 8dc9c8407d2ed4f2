"""The second derivative, forward mode, the value itself, and checks of nothing."""

import numpy as np

from tinygrad_np.testing import failures as F

from .entry import A, V, op, species


@species([(A,)], F.NotAdjoint, "jvp")
def forward_rule_off_by_a_billionth():
    made = op(lambda x: np.sinh(x), lambda ct, x: ct * np.cosh(x))
    made.defjvp(lambda t, x: t * np.cosh(x) * (1 + 1e-9))
    return made


@species([(V,)], F.SecondOrderMismatch, "constant")
def a_residual_kept_as_a_constant():
    cube = op(lambda x, c: x**3, lambda ct, c: ct * 3 * c**2)

    def made(x):
        return cube(x, getattr(x, "_array", x).copy())

    return made


@species([(V,)], F.SecondOrderMismatch, "cannot be differentiated")
def a_rule_in_raw_numpy():
    import math

    return op(lambda x: np.sin(x[0]), lambda ct, x: ct * np.array([math.cos(x[0]), 0, 0, 0]))


@species([(V,)], F.NotAdjoint, "jvp")
def forward_rule_wrong():
    made = op(lambda x: np.sin(x), lambda ct, x: ct * np.cos(x))
    made.defjvp(lambda t, x: t * np.sin(x))
    return made


@species([(V,)], F.ForwardMismatch, "reference", ref=lambda x: np.log1p(np.exp(x)))
def the_value_is_another_function():
    return op(lambda x: np.log(np.exp(x)), lambda ct: ct * 1.0)


@species([(-(V**2),)], F.VacuousCheck, "every derivative compared is 0")
def nothing_but_the_flat_side():
    return op(lambda x: np.maximum(x, 0), lambda ct: ct * 0)


@species([(np.array([1, 2]),)], F.VacuousCheck, "")
def integers_alone():
    return op(lambda x: x * 2, lambda ct: ct * 2)
