"""Arrays of other libraries beside tensors: the right gradient, or a refusal of one line; never a silent zero."""

import array
import operator

import numpy as np
import pytest

import tinygrad_np as tg

BASE = np.array([1.5, 2.0, 3.0])


def made_by(library: str, make):
    """A maker of arrays of a library, or a skip where it is not installed."""

    def of(values):
        return make(pytest.importorskip(library), values)

    return of


CLASSES = {
    "DataArray": made_by("xarray", lambda xr, a: xr.DataArray(a, dims="t", coords={"t": [10, 20, 30]})),
    "Variable": made_by("xarray", lambda xr, a: xr.Variable("t", a)),
    "Dataset": made_by("xarray", lambda xr, a: xr.Dataset({"u": ("t", a)})),
    "Series": made_by("pandas", lambda pd, a: pd.Series(a, index=list("abc"))),
    "DataFrame": made_by("pandas", lambda pd, a: pd.DataFrame(a[None], columns=list("abc"))),
    "dask": made_by("dask.array", lambda da, a: da.from_array(a)),
    "sparse": made_by("scipy.sparse", lambda sp, a: sp.csr_array(np.diag(a))),
    "spmatrix": made_by("scipy.sparse", lambda sp, a: sp.csr_matrix(np.diag(a))),
    "torch": made_by("torch", lambda torch, a: torch.tensor(a)),
    "jax": made_by("jax", lambda jax, a: jax.numpy.asarray(a)),
    "masked": lambda a: np.ma.array(a, mask=[False, True, False]),
    "matrix": np.matrix,
    "memoryview": memoryview,
    "array.array": lambda a: array.array("d", a),
    "list": list,
    "ndarray": np.array,
}
OPERATORS = {
    name: getattr(operator, name)
    for name in ("add", "sub", "mul", "truediv", "pow", "mod", "floordiv", "matmul", "iadd", "imul", "lt", "eq")
}
OPERATORS |= {f"np.{name}": getattr(np, name) for name in ("multiply", "arctan2", "maximum", "hypot", "matmul")}
OPERATORS |= {
    "np.multiply.outer": np.multiply.outer,
    "np.where": lambda a, b: np.where(np.array([True, False, True]), a, b),
    "np.concatenate": lambda a, b: np.concatenate([a, b]),
    "np.stack": lambda a, b: np.stack([a, b]),
    "np.dot": np.dot,
    "np.outer": np.outer,
    "np.clip": lambda a, b: np.clip(a, b, None),
    "np.interp": lambda a, b: np.interp(a, np.arange(3.0), b),
    "np.copyto": lambda a, b: np.copyto(a, b),
    "assignment": lambda a, b: operator.setitem(a, slice(None), b),
    "np.add, out": lambda a, b: np.add(a, b, out=b),
}
REFUSALS = (TypeError, ValueError, NotImplementedError, AttributeError)


def numbers(result):
    """The numbers of what an operator gave, whatever holds them, as something that np.sum takes."""
    for name in ("data_vars", "data"):
        inside = getattr(result, name, None)
        if name == "data_vars" and inside is not None:
            return sum(np.sum(numbers(v)) for v in inside.values())
        if type(result).__module__.partition(".")[0] == "xarray" and name == "data":
            return inside
    return result


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("kind", CLASSES)
def test_never_a_silent_zero(kind, name):
    op = OPERATORS[name]
    CLASSES[kind](BASE)  # or a skip, where it is not installed

    for swapped in (False, True):

        def f(x, swapped=swapped):
            other = CLASSES[kind](BASE.copy())  # which an operator in place may change
            result = op(other, x * 1.0) if swapped else op(x * 1.0, other)
            return np.sum(np.sin(numbers(result)))

        def value(x, f=f):
            return float(np.asarray(numbers(f(tg.Tensor(x)))))

        x = np.array([0.7, 1.9, 2.6])
        try:
            gradient = tg.grad(f)(x)
        except REFUSALS as refusal:
            said = str(refusal)
            assert said and not (isinstance(refusal, AttributeError) and "NotImplemented" in said), said
            continue
        h = 1e-6
        expected = [(value(x + h * e) - value(x - h * e)) / (2 * h) for e in np.eye(3)]
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("convert", [np.asarray, np.array, list, float, bytes, memoryview, array.array, np.float64])
def test_conversions_do_not_cut(convert):
    def f(x):
        y = x * 2
        converted = convert("d", y) if convert is array.array else convert(y)
        return np.sum(np.asarray(converted, dtype=object)) if convert is not list else converted[0]

    try:
        gradient = tg.grad(lambda x: f(x))(np.array([1.5]))
    except (TypeError, ValueError, BufferError):
        return
    np.testing.assert_allclose(gradient, [2.0])


def test_labels_are_kept():
    xr = pytest.importorskip("xarray")
    data = CLASSES["DataArray"](BASE)
    value, g = tg.value_and_grad(lambda a: (a**2).sum().data)(data)
    assert isinstance(g, xr.DataArray) and g.dims == ("t",) and list(g.t) == [10, 20, 30]
    np.testing.assert_allclose(g, 2 * BASE)
    out, pullback = tg.vjp(lambda a: a * 3, data)
    assert isinstance(out, xr.DataArray)
    np.testing.assert_allclose(pullback(out)[0], 9 * BASE)
    set_ = xr.Dataset({"u": data, "v": data + 1})
    g = tg.grad(lambda s: (s["u"] * s["v"]).sum())(set_)
    assert isinstance(g, xr.Dataset) and list(g.t) == [10, 20, 30]
    np.testing.assert_allclose(g["u"], BASE + 1)
    np.testing.assert_allclose(tg.grad(lambda x: np.sum((x * data).data))(2.0), BASE.sum())
    assert isinstance(tg.Tensor(2.0) * data, xr.DataArray)


def test_pandas_keeps_its_index_or_is_refused():
    pd = pytest.importorskip("pandas")
    series = CLASSES["Series"](BASE)
    for product in (tg.Tensor(2.0) * series, series * tg.Tensor(2.0)):
        assert isinstance(product, pd.Series) and list(product.index) == ["a", "b", "c"]
    with pytest.raises(TypeError, match="pandas Series"):
        tg.grad(lambda x: np.sum(x * series))(2.0)
    with pytest.raises(TypeError, match="the argument.* pandas Series.*to_numpy"):
        tg.grad(np.sum)(series)
    with pytest.raises(TypeError, match="the result.* pandas Series"):
        tg.jacobian(lambda x: series)(2.0)
    with pytest.raises(TypeError, match="masked array"):
        tg.grad(np.sum)(CLASSES["masked"](BASE))


def test_an_array_of_objects_holds_tensors_as_a_list_does(rng):
    """NumPy's own loops call each element; what would make one array of it says how to join them."""

    def objects(x):
        held = np.empty(2, object)
        held[0], held[1] = x, x * x
        return held

    for f in (np.sum, lambda a: (3 * a - 2 * a).sum(), lambda a: np.stack(a).sum(), lambda a: a @ np.ones(2)):
        assert tg.grad(lambda x, f=f: f(objects(x)))(2.0) == 5.0
    for f in (lambda x, a: x * a, lambda x, a: a * x, lambda x, a: x + a):
        with pytest.raises(TypeError, match="array of objects that holds tensors.*np.stack"):
            tg.grad(lambda x, f=f: np.sum(f(x, objects(x))))(2.0)
