"""One example of each species of bug that people write, and the sentence by which the report names it."""

import numpy as np
import pytest

from tinygrad_np import primitive, unbroadcast
from tinygrad_np.table import scatter
from tinygrad_np.testing import CheckFailed, check_op, gradcheck
from tinygrad_np.testing import failures as F

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75], [-2.0, 1.0, 0.625]])
B = np.array([[1.25, 0.5, -0.5], [-1.0, 2.0, 0.75], [0.25, -1.5, 1.75]])
V = np.array([0.5, -1.5, 2.0, 1.25])
SPECIES = {}


def species(inputs, kind, says="", **options):
    """A wrong operation, the inputs that it is checked on (None: drawn), the failure, and a word of the
    report.
    """

    def enter(make):
        SPECIES[make.__name__] = make, inputs, kind, says, options
        return make

    return enter


def op(forward, *rules, **options):
    made = primitive(forward)
    made.__name__ = "op"
    made.defvjp(*rules, **options)
    return made


def rows_of(*parts):
    return np.concatenate(parts)


# ---- values, factors, signs ----------------------------------------------------------------------------


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


# ---- several inputs ------------------------------------------------------------------------------------


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


# ---- reductions, places, indices -----------------------------------------------------------------------


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


@species([(A,)], F.GradientMismatch, "TRANSPOSED")
def sum_along_the_other_axis():
    return op(lambda x: x.sum(0), lambda ct, x_shape: np.broadcast_to(ct[:, None], x_shape))


@species([(A, B)], F.GradientMismatch, "TRANSPOSED")
def matmul_transposed():
    return op(lambda x, y: x @ y, lambda ct, y: (ct @ y.T).T, lambda ct, x: x.T @ ct)


@species([(A, B)], F.GradientMismatch, "")
def matmul_factor_not_transposed():
    return op(lambda x, y: x @ y, lambda ct, y: ct @ y, lambda ct, x: x.T @ ct)


@species([(V,)], F.GradientMismatch, "JACOBIAN FOR ITS TRANSPOSE")
def running_sum_the_wrong_way():
    return op(lambda x: np.cumsum(x), lambda ct: np.cumsum(ct))


@species([(V,)], F.GradientMismatch, "OFF BY ONE")
def difference_off_by_one():
    return op(lambda x: x[1:] ** 2, lambda ct, x: rows_of(2 * x[1:] * ct, [0.0]))


@species([(V,)], F.GradientMismatch, "REVERSED")
def flip_not_undone():
    return op(lambda x: np.sin(x)[::-1], lambda ct, x: (ct[::-1] * np.cos(x))[::-1])


@species([(V, np.array([1, 3, 1]))], F.GradientMismatch, "DUPLICATE INDEX OVERWRITTEN")
def last_duplicate_wins():
    def rule(ct, x_shape, index):
        g = np.zeros(x_shape)
        g[index] += ct
        return g

    return op(lambda x, index: x[index], rule)


@species([(A,)], F.GradientMismatch, "WRONG MEMORY ORDER")
def raveled_in_the_wrong_order():
    return op(
        lambda x: x.ravel(order="F") ** 2, lambda ct, x: (2 * ct * x.ravel(order="F")).reshape(x.shape)
    )


@species([(V,)], F.GradientMismatch, "DIAGONAL ONLY")
def softmax_as_if_elementwise():
    return op(lambda x: np.exp(x) / np.exp(x).sum(), lambda ct, out: ct * out * (1 - out))


@species([(A,)], F.GradientMismatch, "ONE TRIANGLE")
def one_triangle():
    return op(lambda x: x @ x, lambda ct, x: np.tril(ct @ x.T + x.T @ ct))


@species([(V,)], F.GradientMismatch, "LARGEST ONLY")
def logsumexp_as_max():
    return op(
        lambda x: np.log(np.exp(x).sum()), lambda ct, x: ct * (x == x.max()) * np.exp(x) / np.exp(x).sum()
    )


@species([(V,)], F.GradientMismatch, "EDGE")
def the_edge_forgotten():
    return op(lambda x: np.diff(x), lambda ct: rows_of(-ct, [0.0]) + rows_of([0.0], ct[:-1], [0.0]))


@species([(np.array([1.0, 2.0, 2.0]),)], F.GradientMismatch, "SHARES DO NOT ADD UP")
def ties_counted_twice():
    return op(lambda x: x.max(), lambda ct, x: ct * (x == x.max()))


# ---- the cotangent -------------------------------------------------------------------------------------


@species([(V,)], F.NotLinear, "IGNORES THE COTANGENT")
def cotangent_ignored():
    return op(lambda x: np.sin(x), lambda ct, x: np.cos(x))


@species([(V,)], F.GradientMismatch, "IGNORES THE COTANGENT")
def cotangent_summed():
    return op(lambda x: np.sin(x), lambda ct, x: ct.sum() * np.cos(x))


@species([(V,)], F.NotLinear, "squared")
def cotangent_squared():
    return op(lambda x: np.sin(x), lambda ct, x: ct * np.abs(ct) * ct / np.abs(ct) * np.cos(x))


@species([(V,)], F.NotLinear, "zeros")
def a_term_without_the_cotangent():
    return op(lambda x: x * x, lambda ct, x: 2 * x * ct + 0.01 * x)


# ---- memory, state, chance -----------------------------------------------------------------------------


@species([(V,)], F.MutatedInput, "calling the operation changed x")
def input_changed_by_the_call():
    def forward(x):
        x += 1
        return x * 1.0

    return op(forward, lambda ct: ct)


@species([(V,)], F.MutatedInput, "derivative changed the input x")
def input_changed_by_the_rule():
    def rule(ct, x):
        np.multiply(x, 2, out=x)
        return ct * x

    return op(lambda x: x * x, rule)


@species([(V,)], F.MutatedInput, "output")
def output_changed_by_the_rule():
    def rule(ct, out):
        np.negative(out, out=out)
        return -ct * out

    return op(lambda x: np.exp(x), rule)


@species([(V,)], F.MutatedCotangent, "test_species.py")
def cotangent_changed():
    def rule(ct, x):
        ct *= np.cos(x)
        return ct

    return op(lambda x: np.sin(x), rule)


@species([(V,)], F.SharedMemory, "buffer")
def output_is_a_buffer():
    buffer = np.zeros(4)
    return op(lambda x: np.sin(x, out=buffer), lambda ct, x: ct * np.cos(x))


@species([(V,)], F.SharedMemory, "buffer")
def gradient_is_a_buffer():
    buffer = np.zeros(4)
    return op(lambda x: np.sin(x), lambda ct, x: np.multiply(ct, np.cos(x), out=buffer))


@species([(V,)], F.HiddenState, "later call overwrites")
def input_kept_on_the_function():
    kept = {}

    def forward(x):
        kept["x"] = np.array(x)
        return np.sin(x)

    return op(forward, lambda ct: ct * np.cos(kept["x"]))


@species([(V,)], F.HiddenState, "keeps")
def backward_uses_up_what_it_keeps():
    kept = {}

    def forward(x):
        kept["cos"] = np.cos(x)
        return np.sin(x)

    def rule(ct):
        slope = kept["cos"]
        kept["cos"] = np.zeros(4)
        return ct * slope

    return op(forward, rule)


@species([(V,)], F.NonDeterministic, "random")
def noise_in_the_forward():
    return op(lambda x: x + 1e-6 * np.random.rand(*x.shape), lambda ct: ct)


@species([(V,)], F.NonDeterministic, "random")
def noise_in_the_rule():
    return op(lambda x: x * 1.0, lambda ct: ct * (1 + 1e-6 * np.random.rand()))


# ---- layouts, shapes, dtypes ---------------------------------------------------------------------------


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


# ---- what a corpus of other bugs taught ----------------------------------------------------------------


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


@species([(A,)], F.GradientMismatch, "ONE OF TWO TERMS")
def gram_matrix_with_one_term():
    return op(lambda x: x @ x.T, lambda ct, x: ct @ x)


@species([(A,)], F.GradientMismatch, "MASK FORGOTTEN")
def lower_triangle_without_its_mask():
    return op(lambda x: np.tril(x), lambda ct: ct * 1.0)


@species([(V,)], F.GradientMismatch, "OFF BY ONE: the cotangent")
def padding_cropped_on_the_wrong_side():
    return op(lambda x: np.pad(x, (1, 2)), lambda ct: ct[2:-1])


@species([(np.arange(6.0) ** 2, V[:3])], F.GradientMismatch, "KERNEL NOT FLIPPED")
def convolution_with_the_kernel_not_flipped():
    return op(
        lambda x, w: np.convolve(x, w[::-1], "valid"),
        lambda ct, w: np.convolve(ct, w[::-1], "full"),
        lambda ct, x: np.convolve(x, ct[::-1], "valid"),
    )


@species([(np.array([1.0, 3.0, 2.0, 0.5]),)], F.GradientMismatch, "SHARED EQUALLY")
def pooling_that_shares():
    return op(lambda x: x.reshape(-1, 2).max(1), lambda ct: np.repeat(ct, 2) / 2)


@species([(A[:2, None] * np.ones((2, 2, 3)),)], F.GradientMismatch, "FIRST ONLY")
def batch_of_one_alone():
    return op(lambda x: x * x, lambda ct, x: ct * 2 * x[:1])


@species([(np.array([2.0, 0.0, 3.0]),)], F.NaNGradient, "NOT FINITE: NaN or infinity where x = 0")
def product_by_division():
    return op(lambda x: np.prod(x), lambda ct, x, out: ct * out / x)


@species([(V[:3] + 1j * V[1:], V[1:] * (1 + 0.5j))], F.GradientMismatch, "CONJUGATE")
def complex_product_not_conjugated():
    return op(lambda x, y: x * y, lambda ct, y: ct * y, lambda ct, x: ct * x, conj=False)


@species([(V + 1j * V[::-1],)], F.GradientMismatch, "CONSTANT FACTOR: yours is 1/2")
def complex_modulus_halved():
    return op(lambda z: (z * z.conj()).real, lambda ct, z: ct * z, conj=False)


@species([(np.array([0.0, 1.0, -1.0]),)], F.GradientMismatch, "AT A KINK")
def no_slope_of_either_side():
    return op(lambda x: np.maximum(x, 0), lambda ct, x: ct * np.where(x == 0, 2.0, x > 0))


@species([(A / 3,)], F.GradientMismatch, "LOW PRECISION: the derivative is computed in float16")
def computed_in_float16():
    return op(lambda x: np.cos(x), lambda ct, x: -ct * np.sin(x).astype(np.float16))


@species([(A,)], F.NotAdjoint, "jvp")
def forward_rule_off_by_a_billionth():
    made = op(lambda x: np.sinh(x), lambda ct, x: ct * np.cosh(x))
    made.defjvp(lambda t, x: t * np.cosh(x) * (1 + 1e-9))
    return made


@species(None, F.GradientMismatch, "all that failed have x without axes, none that passed")
def pattern_of_no_axes():
    return op(lambda x: np.tanh(x), lambda ct, out: ct * (1 - out * out) if out.ndim else ct)


@species(None, F.GradientMismatch, "all that failed have a batch of more than one in x, none that passed")
def pattern_of_a_batch():
    return op(lambda x: np.tanh(x), lambda ct, out: ct * (1 - out * out) * (1 + (out.ndim > 1 and len(out) > 1)))


@species([(V, np.array(index)) for index in ([0, 1], [2, 3, 1], [1, 1])], F.GradientMismatch, "a repeated index")
def pattern_of_a_repeated_index():
    def rule(ct, x_shape, index):
        last = ~(np.triu(index[:, None] == index, 1)).any(axis=1)
        return (np.eye(x_shape[0])[index] * last[:, None]).T @ ct

    return op(lambda x, index: x[index], rule)


# ---- second order, forward mode ------------------------------------------------------------------------


@species([(V,)], F.SecondOrderMismatch, "constant")
def a_residual_kept_as_a_constant():
    cube = op(lambda x, c: x**3, lambda ct, c: ct * 3 * c**2)

    def made(x):
        return cube(x, getattr(x, "array", x).copy())

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


# ---- values --------------------------------------------------------------------------------------------


@species([(V,)], F.ForwardMismatch, "reference", ref=lambda x: np.log1p(np.exp(x)))
def the_value_is_another_function():
    return op(lambda x: np.log(np.exp(x)), lambda ct: ct * 1.0)


@species([(-(V**2),)], F.VacuousCheck, "every derivative compared is 0")
def nothing_but_the_flat_side():
    return op(lambda x: np.maximum(x, 0), lambda ct: ct * 0)


@species([(np.array([1, 2]),)], F.VacuousCheck, "")
def integers_alone():
    return op(lambda x: x * 2, lambda ct: ct * 2)


@pytest.mark.parametrize("name", SPECIES)
def test_is_found_and_named(name):
    make, inputs, kind, says, options = SPECIES[name]
    with pytest.raises(CheckFailed) as caught:
        check_op(make(), inputs, max_examples=30, **options)
    assert isinstance(caught.value, kind), caught.value
    assert says in str(caught.value), caught.value


def test_a_function_cut_off_the_graph_has_no_gradient():
    with pytest.raises(F.GradientMismatch, match="NO GRADIENT"):
        gradcheck(lambda x: np.sin(getattr(x, "array", x)), V)


def test_scatter_is_not_a_getitem():
    made = op(lambda x: x[[0, 0, 1]], lambda ct: scatter(ct, ([0, 0, 1],), (4,)) * 0.5)
    with pytest.raises(F.GradientMismatch, match="1/2"):
        check_op(made, [(V,)])
