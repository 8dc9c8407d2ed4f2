"""gradcheck: what it varies, what it leaves alone, what it says, and that it needs nothing that is not
installed.
"""

import subprocess
import sys
import textwrap
from dataclasses import dataclass

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor, nn
from tinygrad_np.testing import CheckFailed, GradientMismatch, VacuousCheck, WrongDtype, gradcheck, gradgradcheck


def test_tensors_that_require_a_gradient_vary_and_others_do_not():
    x, y = Tensor([0.5, 2.0], requires_grad=True), Tensor([1.5, -1.0])
    assert gradcheck(lambda x, y: x * np.floor(y), x, y).compared == 4
    assert gradcheck(lambda x, y: x * y, x.detach(), y).compared == 8


def test_nothing_is_changed():
    x = Tensor([0.5, 2.0], requires_grad=True)
    x.grad = np.array([7.0, 7.0])
    array, node = x._array, x._node
    gradcheck(lambda x: x**3, x, order=2)
    assert x._array is array and x._node is node and x.grad.tolist() == [7, 7] and x._array.tolist() == [0.5, 2.0]


def test_it_is_all_put_back_when_the_function_raises():
    x = Tensor([0.5, 2.0], requires_grad=True)
    array, node = x._array, x._node
    with pytest.raises(CheckFailed):
        gradcheck(lambda x: [][0], x)
    assert x._array is array and x._node is node


def test_a_closure_over_tensors_is_checked():
    w = Tensor([[0.5, 2.0], [1.0, -1.0]], requires_grad=True)
    assert gradcheck(lambda _: (w @ w).sum(), w).nonzero


def test_modules_dicts_lists_and_dataclasses():
    @dataclass
    class Pair:
        a: object
        b: object

    model = nn.Linear(3, 2)
    x = Tensor(np.ones((4, 3)))
    assert gradcheck(lambda m, x: np.tanh(m(x)), model, x).compared == 8 * (6 + 2)
    assert gradcheck(lambda p: p.a * p.b, Pair(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    assert gradcheck(lambda t: {"u": t["x"][0] * 2, "v": np.exp(t["x"][1])}, {"x": [np.array(1.0), np.array([2.0])]})


def test_integers_and_options_do_not_vary():
    assert gradcheck(lambda x, index, eps: x[index] + eps, np.array([1.0, 2.0]), np.array([1, 1]), 0.5).compared == 4


def test_names_in_a_report_are_the_parameters():
    @tg.primitive
    def scaled(weight, by):
        return weight * by

    scaled.defvjp(lambda ct, by: ct * by, lambda ct, weight: 2 * ct * weight)
    report = gradcheck(scaled, np.array([1.0, 2.0]), np.array([3.0, 4.0]), raise_on_fail=False)
    assert not report and report.verdict == "fail" and report.failure == "GradientMismatch"
    assert "d out[1] / d by[1]" in report.text and "yours     4" in report.text and "expected  2 ±" in report.text
    assert report.entry.yours == 4 and abs(report.entry.expected - 2) < 1e-9
    assert "CONSTANT FACTOR" in report.diagnosis[0] or "FACTOR" in report.diagnosis[0]


def test_the_reproducer_fails_in_the_same_way():
    report = gradcheck(wrong_cube, np.array([0.5, 1.0]), raise_on_fail=False)
    scope = {}
    source = report.reproducer()
    assert f"from {__name__} import wrong_cube" in source
    exec(textwrap.dedent(source), scope)
    with pytest.raises(GradientMismatch):
        scope["test_wrong_cube"]()


@tg.primitive
def wrong_cube(x):
    return x**3


wrong_cube.defvjp(lambda ct, x: -3 * ct * x * x)


TINY = {
    "cube": lambda x: x**3,
    "fifth power": lambda x: x**5,
    "1e-30 x": lambda x: 1e-30 * x,
    "1e-200 sin x": lambda x: 1e-200 * np.sin(x),
}


@pytest.mark.parametrize("at", [1e-3, 1e-6, 1.0, 1e5])
def test_a_flipped_sign_is_found_at_any_scale(at):
    with pytest.raises(GradientMismatch, match="SIGN"):
        gradcheck(wrong_cube, np.array([at]))


@pytest.mark.parametrize("at", [[1e-3], [1e-3, 1.0], [0.0, 1e-3], [1e-3, 1e3]])
@pytest.mark.parametrize("factor", [-1, 1 + 1e-6])
@pytest.mark.parametrize("name, f", TINY.items())
def test_a_wrong_derivative_of_tiny_values_is_found(name, f, factor, at):
    slope = tg.grad(lambda x: f(x).sum())
    op = tg.primitive(f)
    op.defvjp(lambda ct, x: factor * ct * slope(x))
    with pytest.raises(GradientMismatch):
        gradcheck(op, np.array(at))


def test_the_rounding_of_a_derivative_that_is_zero_is_no_mistake():
    rng = np.random.default_rng(0)
    for k in range(6):
        n = 2 + k % 4
        rank = rng.integers(0, n)
        a = rng.integers(-8, 9, (n, rank)) / 8 @ rng.integers(-8, 9, (rank, n)) * 10.0 ** rng.integers(-3, 4)
        report = gradcheck(np.linalg.det, a, order=2, raise_on_fail=False)
        assert report or report.failure == "VacuousCheck", report
    for a in (np.full((3, 3), 0.5), np.outer([1.0, 2, 3], [0.3, -1, 2]), np.full((5, 5), 0.1)):
        with pytest.raises(VacuousCheck, match="every derivative is 0"):
            gradcheck(np.linalg.det, a)


def test_one_flipped_entry_of_a_sparse_jacobian_is_found_and_located():
    n = 1000
    signs = np.ones(n)

    @tg.primitive
    def diagonal(x):
        return 2 * x

    wrong = signs.copy()
    wrong[613] = -1
    diagonal.defvjp(lambda ct: 2 * ct * wrong)
    report = gradcheck(diagonal, np.linspace(-1, 1, n), raise_on_fail=False)
    assert (report.entry.row, report.entry.column) == (613, 613)
    assert "d out[613] / d x[613]" in report.text


@pytest.mark.slow
def test_one_wrong_entry_of_a_dense_jacobian_is_located():
    matrix = np.random.default_rng(0).normal(size=(1000, 1000))
    wrong = matrix.copy()
    wrong[123, 456] *= -1

    @tg.primitive
    def product(x):
        return matrix @ x

    product.defvjp(lambda ct: wrong.T @ ct)
    report = gradcheck(product, np.random.default_rng(1).normal(size=1000), raise_on_fail=False)
    assert (report.entry.row, report.entry.column) == (123, 456)


def test_two_swapped_entries_of_a_large_jacobian_are_found():
    order = np.arange(2000)
    order[[17, 1500]] = 1500, 17

    @tg.primitive
    def identity(x):
        return x * 1.0

    identity.defvjp(lambda ct: ct[order])
    with pytest.raises(GradientMismatch):
        gradcheck(identity, np.linspace(0, 1, 2000))


def test_a_subgradient_passes_and_anything_else_at_a_kink_does_not():
    def absolute(slope):
        @tg.primitive
        def f(x):
            return np.abs(x)

        f.defvjp(lambda ct, x: ct * np.where(x == 0, slope, np.sign(x)))
        return f

    for slope in (-1, 0, 0.5, 1):
        report = gradcheck(absolute(slope), np.array([0.0, 1.0]))
        assert report.verdict == "kink" and report.kinks == 1
    with pytest.raises(GradientMismatch, match="between -1 and 1"):
        gradcheck(absolute(1.5), np.array([0.0, 1.0]))


def test_a_pass_states_its_strength():
    report = gradcheck(np.sin, np.array([0.5, 1.0]))
    assert report.sensitivity < 1e-7 and "would detect any relative error above 1e-8" in str(report)
    rough = gradcheck(lambda x: (np.sin(x) + 1e9) - 1e9, np.array([0.5]))
    assert rough and rough.sensitivity > 1e-7


def test_what_compares_nothing_fails():
    for f, x in (
        (lambda x: np.maximum(x, 0), np.array([-1.0, -2.0])),
        (np.floor, np.array([0.3])),
        (lambda x: 3.0, np.array([1.0])),
        (np.argmax, np.array([1.0, 2.0])),
        (lambda x: x, np.array([1, 2])),
        (np.sin, "text"),
    ):
        with pytest.raises(VacuousCheck):
            gradcheck(f, x)


def test_noise_is_not_called_a_wrong_gradient():
    rng = np.random.default_rng(0)

    @tg.primitive
    def noisy(x):
        return x * x + 1e-7 * rng.random(x.shape)

    noisy.defvjp(lambda ct, x: 2 * ct * x)
    assert gradcheck(noisy, np.array([0.5, 1.5])).sensitivity > 1e-7


def test_the_order_of_float32_is_its_own():
    @tg.primitive
    def f(x):
        return x * x

    f.defvjp(lambda ct, x: 2 * ct * x if x.dtype == np.float64 else ct * x)
    assert gradcheck(f, np.array([0.5, 1.5]))
    with pytest.raises(WrongDtype, match="float32"):
        gradcheck(f, np.array([0.5, 1.5], np.float32))


def test_second_order():
    assert gradgradcheck(lambda x, y: (x * y).sum() ** 2, np.array([1.0, 2.0]), np.array([0.5, -1.0])).order == 2


def test_tolerances_can_be_widened():
    @tg.primitive
    def f(x):
        return x * 1.0

    f.defvjp(lambda ct: 1.001 * ct)
    x = np.array([1.0, 2.0])
    assert not gradcheck(f, x, raise_on_fail=False)
    assert gradcheck(f, x, rtol=0.01)
    assert gradcheck(f, x, atol=0.01).ok


def test_the_import_is_light_and_gradcheck_needs_no_hypothesis():
    code = (
        "import sys\nimport tinygrad_np\nassert not {'hypothesis', 'pytest', 'tinygrad_np.testing'} & "
        "set(sys.modules)\n"
        "sys.modules['hypothesis'] = None\nimport numpy as np\nfrom tinygrad_np.testing import "
        "gradcheck, check_op\n"
        "assert gradcheck(np.sin, np.array([0.5]))\nassert check_op(np.sin, [(np.array([0.5]),)])\n"
        "try:\n    check_op(np.sin)\nexcept ModuleNotFoundError as error:\n    assert "
        "'tinygrad_np[testing]' in str(error)\n"
        "else:\n    raise SystemExit('no error')\nassert 'pytest' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_output_that_is_rounding_alone_says_nothing_of_the_others():
    a = np.random.default_rng(3).normal(size=(2, 3, 3))

    def inverse_of_hermitian(a):  # the imaginary part of its diagonal is rounding
        low = np.tril(a, -1)
        return np.linalg.inv(low + np.conj(low.T) + np.eye(3) * np.real(a))

    assert gradcheck(inverse_of_hermitian, a[0] + 1j * a[1], order=2)
