"""Mistakes between several inputs, or several uses of one: order, broadcasting, conjugates."""

import numpy as np

from tinygrad_np import unbroadcast
from tinygrad_np.testing import failures as F

from .entry import A, B, V, op, species


@species(None, F.GradientMismatch, "ARGUMENTS SWAPPED")
def rules_in_the_wrong_order():
    return op(
        lambda x, y: x * y,
        lambda ct, x, x_shape: unbroadcast(ct * x, x_shape),
        lambda ct, y, y_shape: unbroadcast(ct * y, y_shape),
        domain=(-np.inf, np.inf),
        cases=[lambda f, A: f(A(3), A(3))],
    )


@species([(A, B)], F.GradientMismatch, "")
def second_input_forgotten():
    return op(lambda x, y: x * y, lambda ct, y: ct * y, lambda ct: ct * 0)


@species([(A, V[:3])], F.WrongShape, "unbroadcast")
def broadcast_not_summed():
    return op(lambda x, y: x + y, lambda ct: ct, lambda ct: ct)


@species([(A, V[:3])], F.GradientMismatch, "MISSING SUM")
def broadcast_first_row_only():
    return op(lambda x, y: x + y, lambda ct: ct, lambda ct: ct[0])


@species([(A, V[:3])], F.GradientMismatch, "MEAN INSTEAD OF SUM")
def broadcast_averaged():
    return op(lambda x, y: x + y, lambda ct: ct, lambda ct: ct.mean(0))


@species([(A, A)], F.GradientMismatch, "")
def wrong_when_only_the_second_needs_a_gradient():
    def joint(ct, tracked, parts):
        return [ct[:3], ct[3:] if tracked[0] else 2 * ct[3:]]

    made = op(lambda parts: np.concatenate(parts), joint, diff=("parts",), joint=True)
    return lambda x, y: made([x, y])


@species([(A, A)], F.GradientMismatch, "one tensor")
def wrong_when_one_tensor_is_passed_twice():
    same = op(lambda x: 2 * x, lambda ct: ct)
    right = op(lambda x, y: x + y, lambda ct: ct, lambda ct: ct)
    return lambda x, y: same(x) if x is y else right(x, y)


@species([(A,)], F.GradientMismatch, "ONE OF TWO TERMS")
def gram_matrix_with_one_term():
    return op(lambda x: x @ x.T, lambda ct, x: ct @ x)


@species([(V[:3] + 1j * V[1:], V[1:] * (1 + 0.5j))], F.GradientMismatch, "CONJUGATE")
def complex_product_not_conjugated():
    return op(lambda x, y: x * y, lambda ct, y: ct * y, lambda ct, x: ct * x, conj=False)


@species([(V + 1j * V[::-1],)], F.GradientMismatch, "CONSTANT FACTOR: yours is 1/2")
def complex_modulus_halved():
    return op(lambda z: (z * z.conj()).real, lambda ct, z: ct * z, conj=False)


@species([(A,)], F.GradientMismatch, "SYMMETRIZED")
def symmetric_for_no_reason():
    def rule(ct):
        g = ct * B
        return (g + g.T) / 2

    return op(lambda x: x * B, rule)


@species([(V + 1j * V[::-1],)], F.GradientMismatch, "CONJUGATE")
def complex_rule_with_a_conj_of_its_own():
    return op(lambda z: np.exp(z), lambda ct, out: ct * np.conj(out))


@species([(V[:3], A)], F.GradientMismatch, "SYMMETRY ASSUMED")
def quadratic_form_of_a_matrix_that_is_not_symmetric():
    return op(lambda x, m: x @ m @ x, lambda ct, m, x: 2 * ct * (m @ x), lambda ct, x: ct * np.outer(x, x))
