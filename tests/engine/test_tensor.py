"""Tensor: what it holds, how it leaves the tape, NumPy's dtypes, methods, options and errors."""

import copy
import math
import pickle

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor
from tinygrad_np.engine.facts import NOTHING
from tinygrad_np.engine.table import facts_of


def leaf(*values, **kw):
    return Tensor(list(values), requires_grad=True, **kw)


def test_repr_can_be_read_back():
    for t in (leaf(1.0, 2.0), Tensor([1, 2]), Tensor(1.5, dtype=np.float32, name="a"), Tensor([[True]])):
        again = eval(repr(t), {"Tensor": Tensor, "array": np.array, "float32": np.float32})
        np.testing.assert_array_equal(again.numpy(), t.numpy())
        assert (again.dtype, again.requires_grad, again.name) == (t.dtype, t.requires_grad, t.name)
    assert repr(np.exp(leaf(0.0))) == "Tensor([1.], computed by exp)"


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        np.array,
        lambda t: np.array([t, t]),
        lambda t: np.r_[t, 1.0],
        np.ascontiguousarray,
        lambda t: np.full(3, t),
        lambda t: np.random.default_rng(0).permutation(t),
    ],
)
def test_a_tracked_tensor_is_not_converted_by_accident(convert):
    with pytest.raises((TypeError, ValueError)):
        convert(leaf(1.0, 2.0))
    with pytest.raises((TypeError, ValueError)):
        convert(leaf(1.0, 2.0)[0])


def test_leaving_the_tape_by_name():
    x = leaf(1.0, 2.0)
    assert type(x.numpy()) is np.ndarray and x.sum().item() == float(x.sum()) == 3.0 and f"{x.sum():.2f}" == "3.00"
    assert not x.detach().requires_grad and x.tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(np.asarray(x.detach()), [1, 2])
    np.testing.assert_array_equal(np.frombuffer(x.tobytes()), [1, 2])
    assert math.sin(x[0]) == math.sin(1.0) and int(x[1]) == 2 and bool(x[0]) and [1, 2, 3][Tensor(1)] == 2


@pytest.mark.parametrize(
    "whole", [int, math.floor, math.ceil, math.trunc, np.int64, np.bool_, lambda t: np.asarray(t, np.int32), bool]
)
def test_whole_numbers_have_no_gradient_to_lose(whole):
    """Code that interpolates finds the place by int(x), and goes on with x."""
    for value in (2.75, -2.75):
        g = tg.grad(lambda x: (x - whole(x)) * x)(value)
        np.testing.assert_allclose(g, 2 * value - int(whole(value)))
        assert whole(leaf(value)[0]) == whole(value)


def test_a_tensor_is_not_cut_short_by_an_array_of_whole_numbers():
    counts = np.zeros(2, int)
    with pytest.raises(TypeError, match="would cut"):
        counts[0] = leaf(1.5)[0]


def test_nested_lists_of_tensors_are_joined():
    x = leaf(1.0, 2.0)
    y = Tensor([[x[0], 3.0], [x[1], x[0]]])
    np.testing.assert_array_equal(y.numpy(), [[1, 3], [2, 1]])
    y.backward(np.array([[1.0, 10.0], [100.0, 1000.0]]))
    np.testing.assert_array_equal(x.grad, [1001, 100])


DTYPES = [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_follow_numpys_promotion_and_gradients_their_parents(dtype):
    a = np.array([0.5, 0.25], dtype)
    for f in (
        lambda x: x * 2.0 + 1,
        lambda x: np.exp(x) / 3,
        lambda x: x**2 - 1.5,
        lambda x: x.mean() * x,
        lambda x: x * np.float32(2),
        lambda x: np.where(np.array([True, False]), x, 0.0),
        lambda x: np.concatenate([x, x]),
        lambda x: x @ x,
        lambda x: np.cumprod(x),
    ):
        x = Tensor(a, requires_grad=True)
        y = f(x)
        assert y.dtype == f(a).dtype
        y.backward(np.ones(y.shape))
        assert x.grad.dtype == dtype and x.grad.shape == a.shape


def test_mixed_precision():
    x, y = Tensor([1.0], dtype=np.float32, requires_grad=True), leaf(2.0)
    z = x * y
    assert z.dtype == np.float64
    z.backward(np.ones(1))
    assert x.grad.dtype == np.float32 and y.grad.dtype == np.float64


def test_accumulation_and_retain_graph():
    x = leaf(3.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad, [12])
    x.grad = None
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [2])


def test_integers_and_booleans_cannot_require_a_gradient():
    for data in ([1, 2], [True]):
        with pytest.raises(TypeError, match="pass dtype=float"):
            Tensor(data, requires_grad=True)
    with pytest.raises(TypeError):
        Tensor([1]).requires_grad = True
    assert not leaf(1.5).astype(int).requires_grad
    with pytest.raises(TypeError, match="expected numbers"):
        Tensor(["a"])


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda x: x.backward(), ValueError, r"shape \(2,\) needs a cotangent"),
        (lambda x: x.backward(np.ones(3)), ValueError, r"shape \(3,\); expected \(2,\)"),
        (lambda x: x.backward(np.ones(2) * 1j), TypeError, "complex"),
        (lambda x: Tensor([1.0]).backward(), ValueError, "requires_grad=True"),
        (lambda x: x + np.ones(3), ValueError, r"add\(\(2,\) float64, \(3,\) float64\)"),
        (lambda x: x @ np.ones((3, 4)), ValueError, r"matmul\(\(2,\) float64, \(3, 4\) float64\)"),
        (lambda x: x.reshape(3), ValueError, r"reshape\(\(2,\) float64"),
        (lambda x: x[5], IndexError, "getitem"),
        (lambda x: np.concatenate([x, np.ones((1, 2))]), ValueError, "concatenate"),
        (lambda x: x + "a", TypeError, "add|multiply|ufunc"),
        (lambda x: (x * 2).__setattr__("requires_grad", True), ValueError, "leaf"),
        (lambda x: setattr(x * 2, "data", np.ones(2)), ValueError, "computed by multiply"),
        (lambda x: setattr(x, "data", np.ones(3)), ValueError, r"expected \(2,\)"),
        (lambda x: setattr(x, "grad", np.ones(3)), ValueError, r"expected \(2,\)"),
        (lambda x: pickle.dumps(x * 2), TypeError, "detach"),
        (lambda x: tg.grad(lambda y: pickle.dumps(y))(1.0), TypeError, "argument of a transform.*detach"),
        (lambda x: np.linalg.solve([[x[0], 0.0], [0.0, 1.0]], x), tg.NotDifferentiable, r"Tensor\(\[...\]\)"),
        (
            lambda x: np.interp(1.0, [0.0, 2.0], [0.0, 1.0], period=x[0]),
            (tg.NotDifferentiable, TypeError),
            "interp|array",
        ),
    ],
)
def test_errors_name_the_operation_and_the_fix(call, error, words):
    with pytest.raises(error, match=words):
        call(leaf(1.0, 2.0))


def test_copies_of_what_is_computed_keep_their_history():
    def f(params):
        twin = copy.deepcopy(params)
        twin["w"][0] = 5.0
        return (twin["w"] * copy.deepcopy(params["w"] * 3) * copy.copy(params["w"])).sum()

    np.testing.assert_allclose(tg.grad(f)({"w": np.array([2.0, 3.0])})["w"], [60, 81])


@pytest.mark.parametrize("convert", [float, complex, lambda x: x.item(), lambda x: x.tolist(), lambda x: x.item(0)])
def test_numbers_without_history_are_refused_in_a_transform(convert):
    with pytest.raises(TypeError, match="detach"):
        tg.grad(lambda x: x * convert(x))(2.0)
    assert tg.grad(lambda x: (x * convert(x.detach())).real)(2.0) == 2
    assert convert(tg.Tensor(2.0, requires_grad=True) * 1) == 2


def test_pickle_and_deepcopy_of_leaves():
    x = leaf(1.0, 2.0, name="x")
    (x * x).sum().backward()
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (y.name, y.requires_grad) == ("x", True)
        np.testing.assert_array_equal(y.grad, x.grad)
        np.testing.assert_array_equal(y.data, x.data)
        assert not np.shares_memory(y.data, x.data)


METHODS = [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "cumsum",
    "cumprod",
    "ravel",
    "flatten",
    "transpose",
    "diagonal",
    "trace",
    "squeeze",
    "copy",
    "conj",
    "conjugate",
    "round",
]


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_numpys(name):
    a = np.arange(6.0).reshape(2, 3) + 1
    x = Tensor(a, requires_grad=True)
    y = getattr(x, name)()
    np.testing.assert_allclose(y.numpy(), getattr(a, name)())
    assert y.requires_grad
    if name in ("sum", "prod", "mean", "var", "std", "max", "min"):
        np.testing.assert_allclose(
            getattr(x, name)(axis=-1, keepdims=True).numpy(), getattr(a, name)(axis=-1, keepdims=True)
        )


def test_every_method_of_ndarray_that_makes_sense_is_there():
    without = {
        "byteswap",
        "ctypes",
        "dump",
        "dumps",
        "flags",
        "getfield",
        "resize",
        "setfield",
        "setflags",
        "tofile",
        "base",
    }
    removed = {"itemset", "newbyteorder", "ptp", "tostring"}  # which NumPy 2.0 still lists and no longer has
    assert {n for n in dir(np.ndarray) if not n.startswith("_") and not hasattr(Tensor, n)} - removed == without


def test_operators_of_both_sides():
    a = np.array([2.0, 5.0])
    x = Tensor(a, requires_grad=True)
    for f in (
        lambda t: 2 - t,
        lambda t: 2 / t,
        lambda t: 2**t,
        lambda t: 7 % t,
        lambda t: a @ t,
        lambda t: -t,
        lambda t: +t,
        lambda t: abs(t),
        lambda t: divmod(t, 2)[1],
        lambda t: divmod(7, t)[1],
        lambda t: t // 2,
        lambda t: a + t,
        lambda t: a * t,
        lambda t: t**2,
    ):
        np.testing.assert_allclose(raw(f(x)), f(a))
        assert f(x).requires_grad
    for f in (lambda t: t > 3, lambda t: 3 >= t, lambda t: t == a, lambda t: t != 2, lambda t: a < t):
        assert type(f(x)) is np.ndarray
        np.testing.assert_array_equal(f(x), f(a))


def raw(t):
    return t.numpy()


def test_iteration_membership_and_length():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert len(x) == 2 and 3.0 in x and [row.tolist() for row in x] == [[1, 2], [3, 4]]
    a, b = x
    (a * b).sum().backward()
    np.testing.assert_array_equal(x.grad, [[3, 4], [1, 2]])
    with pytest.raises(TypeError):
        iter(Tensor(1.0)).__next__()


UFUNC_USES = [
    lambda x: np.add.reduce(x * x),
    lambda x: np.add.reduce(x, axis=None, keepdims=True),
    lambda x: np.multiply.reduce(x, axis=-1),
    lambda x: np.maximum.reduce(x, axis=1, initial=0.5),
    lambda x: np.logaddexp.reduce(x, axis=0),
    lambda x: np.subtract.reduce(x, axis=1),
    lambda x: np.add.accumulate(x, axis=1),
    lambda x: np.multiply.accumulate(x),
    lambda x: np.logaddexp.accumulate(x, 1),
    lambda x: np.multiply.outer(x[0], x),
    lambda x: np.subtract.outer(x, np.ones(2)),
    lambda x: np.add.reduceat(x, [0, 2, 1], axis=1),
    lambda x: np.multiply.reduceat(x[0], [0, 2]),
    lambda x: np.exp(x, dtype=np.float64),
    lambda x: np.add(x, 1, out=np.zeros_like(x)),
    lambda x: np.log(x, where=x > 1, out=x * 1),
    lambda x: np.add.reduce(x, where=np.array([True, False, True])),
    lambda x: np.sum(x, 0, None, np.zeros_like(x[0])),
    lambda x: np.take(x, [1, 0], 0, out=np.zeros_like(x)),
    lambda x: np.trace(x, 0, 0, 1, None),
    lambda x: np.cumsum(x, 1, out=np.zeros_like(x)),
    lambda x: np.hypot.reduce(x, axis=(0, 1)),
    lambda x: np.matmul(x, x.T, out=np.zeros_like(x @ x.T)),
]


@pytest.mark.parametrize("i", range(len(UFUNC_USES)))
def test_options_and_methods_of_ufuncs(i):
    f = UFUNC_USES[i]
    rng = np.random.default_rng(i)
    a, u = rng.uniform(0.5, 2, (2, 3)), rng.normal(size=(2, 3))
    out, pull = tg.vjp(f, a)
    np.testing.assert_allclose(out, f(a), rtol=1e-12)
    ct, step = rng.normal(size=out.shape), 1e-6
    numeric = (f(a + step * u) - f(a - step * u)) / (2 * step)
    np.testing.assert_allclose((pull(ct)[0] * u).sum(), (ct * numeric).sum(), rtol=1e-7, atol=1e-9)


def test_the_array_api_namespace():
    x = leaf(1.0, 4.0)
    xp = x.__array_namespace__()
    y = xp.sqrt(xp.asarray(x)) * xp.ones(2) + xp.zeros_like(x) + xp.linalg.vector_norm(xp.concat([x, xp.arange(2.0)]))
    y.backward(np.array([1.0, 2.0]))
    expected = np.array([0.5, 0.5]) + 3 * np.array([1, 4]) / np.sqrt(1 + 16 + 1)
    np.testing.assert_allclose(x.grad, expected)
    assert xp.asarray(x) is x and x.device == "cpu" and x.to_device("cpu") is x
    assert isinstance(xp.asarray([1.0]), Tensor) and xp.float32 is np.float32
    with pytest.raises(ValueError, match="cpu"):
        x.to_device("gpu")


def test_a_rule_with_a_wrong_shape_is_never_repaired():
    @tg.primitive
    def twice(x, y):
        return 2 * x + y

    twice.defvjp(lambda ct: 2 * ct, lambda ct: ct)
    y = twice(Tensor(np.ones((2, 3)), requires_grad=True), leaf(1.0, 1.0, 1.0))
    with pytest.raises(
        ValueError, match=r"twice: a rule returned shape \(2, 3\) where \(3,\) is expected.*unbroadcast"
    ):
        y.backward(np.ones((2, 3)))


def test_primitive_keywords_jvp_and_misuse():
    @tg.primitive
    def scaled(x, k=2.0):
        return x * k

    with pytest.raises(tg.NotDifferentiable, match=r"scaled is a primitive without a derivative; .*scaled\.defvjp"):
        scaled(leaf(1.0))
    scaled.defvjp(lambda ct, k: ct * k)
    assert tg.grad(lambda x: scaled(x, k=5.0))(2.0) == 5
    assert tg.jvp(lambda x: scaled(x), (np.array(1.0),), (np.array(3.0),))[1] == 6
    scaled.defjvp(lambda t, k: t * k * 100)
    assert tg.jvp(lambda x: scaled(x, 3.0), (np.array(1.0),), (np.array(1.0),))[1] == 300
    for rules, found in (((), "none"), ((5,), "int")):
        with pytest.raises(TypeError, match=f"scaled: defvjp: found {found}; expected one function a differentiable"):
            scaled.defvjp(*rules)
    for wrong, found in (((lambda ct: None), "NoneType"), ((lambda ct: 1.0), "float")):
        bad = tg.primitive(lambda x: x * x)
        bad.defvjp(wrong)
        with pytest.raises(ValueError, match=rf"a rule returned a {found}; expected an array of shape \(2,\)"):
            tg.grad(lambda x, f=bad: f(x).sum())(np.ones(2))
    with pytest.raises(TypeError, match="found 2 jvp rules; expected 1"):
        scaled.defjvp(lambda t: t, lambda t: t)
    with pytest.raises(tg.NotDifferentiable, match="'k'"):
        scaled(1.0, k=leaf(2.0))
    with pytest.raises(TypeError, match="zzz"):
        bad = tg.primitive(lambda x: x)
        bad.defvjp(lambda ct, zzz: ct)
        bad(leaf(1.0))
    assert scaled(3.0) == 6.0


def test_a_jvp_may_read_other_residuals_than_the_vjp():
    @tg.primitive
    def power(x, n):
        return x**n

    power.defvjp(lambda ct, x, n: ct * n * x ** (n - 1), diff=("x",))
    power.defjvp(lambda t, out, n, x: t * n * out / x)
    x = np.array([1.5, -2.0])
    assert np.allclose(tg.grad(lambda x: (power(x, 3) * [1, 2]).sum())(x), 3 * x**2 * [1, 2], rtol=1e-15)
    assert np.allclose(tg.jvp(lambda x: power(x, 3), (x,), (np.array([2.0, 5.0]),))[1], 3 * x**2 * [2, 5], rtol=1e-15)


def test_an_aux_is_saved_at_first_order_and_computed_anew_at_the_next():
    calls = []

    def both(x):
        e = np.exp(x)
        return e * x, e

    def recompute(x):
        calls.append(1)
        return np.exp(x)

    @tg.primitive
    def xexp(x):
        return both(x)[0]

    xexp.defvjp(lambda ct, aux, x: ct * aux * (1 + x), aux=(both, recompute))
    x, v = np.array([0.5, -1.0]), np.array([0.3, 2.0])
    assert np.array_equal(xexp(x), np.exp(x) * x)
    for spelled in (xexp, lambda x: xexp(x=x)):
        g = tg.grad(lambda x, spelled=spelled: (spelled(x) * v).sum())(x)
        assert np.allclose(g, v * np.exp(x) * (1 + x), rtol=1e-15)
    assert not calls
    assert np.allclose(tg.hvp(lambda x: xexp(x).sum(), (x,), (v,)), v * np.exp(x) * (2 + x), rtol=1e-14) and calls
    third = tg.grad(lambda x: tg.grad(lambda x: tg.grad(lambda x: xexp(x).sum())(x).sum())(x) @ v)
    assert np.allclose(third(x), v * np.exp(x) * (3 + x), rtol=1e-14)


def test_a_result_whose_memory_is_no_arrays():
    """Such as some of SciPy's: its base is a capsule, which has no size."""

    @tg.primitive
    def borrowed(x):
        return np.frombuffer(bytearray(x.tobytes()))  # its base is a bytearray

    borrowed.defvjp(lambda ct: ct)
    assert np.array_equal(tg.grad(lambda x: borrowed(x).sum())(np.ones(3)), np.ones(3))
    assert np.array_equal(tg.grad(lambda x: borrowed(x=x).sum())(np.ones(3)), np.ones(3))


@pytest.mark.parametrize("first", [lambda: tg.tensor, lambda: __import__("tinygrad_np.tensor")])
def test_pickles_of_older_versions_still_load(first):
    """They name `tinygrad_np.tensor._restore` and `tinygrad_np.tensor.Tensor`."""
    first()
    x = Tensor([1.0, 2.0], requires_grad=True, name="w")
    now = pickle.dumps(x, protocol=0)
    old = now.replace(b"ctinygrad_np.engine.tensor\n", b"ctinygrad_np.tensor\n")
    assert old != now
    loaded = pickle.loads(old)
    assert (
        type(loaded) is Tensor and loaded.requires_grad and loaded.name == "w" and np.array_equal(loaded.data, [1, 2])
    )
    assert callable(tg.tensor) and tg.tensor([1.0]).shape == (1,)


def test_a_public_name_of_a_tensor_is_meant_for_users():
    """What the engine keeps in a tensor has an underscore, so no gradient is lost by it; what is shown is there."""
    x = Tensor([1.0, 2.0], requires_grad=True)
    names = {name for name in dir(x) if name[0] != "_"}
    assert not names & {"array", "node", "views", "public"} and "cuda" not in names
    assert names > {"backward", "grad", "numpy", "sum", "view"}
    assert [name for name in names if not hasattr(type(x), name)] == []


def test_facts_are_those_of_a_function_and_of_the_method_of_its_name_alone():
    def put(a, ind, v):
        """A user's function that is called as NumPy's."""

    assert facts_of(np.put).writes and facts_of(np.ndarray.put).writes
    assert facts_of(put) is NOTHING and facts_of(str.index) is NOTHING


def test_a_rule_too_many_is_refused_unless_one_rule_is_for_all():
    @tg.primitive
    def double(x):
        return 2 * x

    with pytest.raises(TypeError, match="found 2 rules; expected one for each of x"):
        double.defvjp(lambda ct: 2 * ct, lambda ct: ct)


REDUCED = {
    "sum": {"initial": 2.0, "where": True, "dtype": np.float32},
    "prod": {"initial": 2.0, "where": True, "dtype": np.float32},
    "mean": {"where": True, "dtype": np.float32},
    "std": {"where": True, "dtype": np.float32, "ddof": 1},
    "var": {"where": True, "dtype": np.float32, "ddof": 1},
    "min": {"initial": -5.0, "where": True},
    "max": {"initial": 5.0, "where": True},
    "cumsum": {"dtype": np.float32},
    "cumprod": {"dtype": np.float32},
    "all": {"where": True},
    "any": {"where": True},
    "argmin": {},
    "argmax": {},
}


@pytest.mark.parametrize("name", REDUCED)
@pytest.mark.parametrize("tracked", [False, True])
def test_each_option_of_a_reduction_alone_counts(name, tracked, rng):
    """As a method of a tensor and as NumPy's function, against the array's own."""
    a = rng.normal(size=(3, 4))
    x = tg.Tensor(a, requires_grad=tracked)
    mask = a < 0.5
    options = [{}, {"axis": 0}, {"axis": -1}, {"axis": 1, "keepdims": True}, {"keepdims": True}]
    for key, value in REDUCED[name].items():
        options += [{"axis": 1, key: mask if key == "where" else value}, {key: mask if key == "where" else value}]
    for given in options:
        if name in ("cumsum", "cumprod") and "keepdims" in given:
            continue
        if name in ("min", "max") and "where" in given:
            given = given | {"initial": 0.0}
        expected = getattr(a, name)(**given)
        for found in (getattr(x, name)(**given), getattr(np, name)(x, **given)):
            found = found if not isinstance(found, tg.Tensor) else found.detach().numpy()
            assert np.shape(found) == np.shape(expected) and np.asarray(found).dtype == np.asarray(expected).dtype, (
                given
            )
            np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=str(given))
    out = tg.Tensor(np.zeros_like(a.sum(axis=0))) if name not in ("all", "any", "argmin", "argmax") else None
    if out is not None and not name.startswith("cum"):
        getattr(x, name)(axis=0, out=out)
        np.testing.assert_allclose(out.detach().numpy(), getattr(a, name)(axis=0))


def test_a_number_has_no_elements_to_go_through():
    for x in (tg.Tensor(2.0), tg.Tensor(2.0, requires_grad=True)):
        with pytest.raises(TypeError, match="^iteration over a 0-d tensor$"):
            iter(x)
        with pytest.raises(TypeError):
            list(x)


def test_several_results_are_written_into_nothing_of_the_graph():
    x = tg.Tensor([1.5, 2.5], requires_grad=True)
    for ufunc, operands in ((np.modf, (x,)), (np.divmod, (x, 2.0)), (np.frexp, (x,))):
        outs = tg.Tensor(np.zeros(2)), tg.Tensor(np.zeros(2))
        with pytest.raises(tg.NotDifferentiable, match=ufunc.__name__):
            ufunc(*operands, out=outs)
        assert all(not out.numpy().any() for out in outs)
