"""Strategies: shapes, values in a domain, layouts, cotangents, and hypothesis knows what a Tensor is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np import Tensor
from tinygrad_np.engine.table import TABLE
from tinygrad_np.testing import register, strategies
from tinygrad_np.testing.inputs.layouts import MEMORY_LAYOUTS

FEW = settings(max_examples=30, deadline=None, derandomize=True, database=None)
register.register()


@FEW
@given(st.from_type(Tensor))
def test_hypothesis_draws_tensors(x):
    assert isinstance(x, Tensor) and x.requires_grad and x.dtype == np.float64


@FEW
@given(
    st.data(),
    st.sampled_from([(-np.inf, np.inf), (0.0, np.inf), (-1.0, 1.0), (1.0, np.inf), (-np.inf, 3.0), (-1.5, 1.5)]),
)
def test_values_lie_inside_their_domain_on_a_grid(data, domain):
    x = data.draw(strategies.arrays(domain=domain))
    assert ((x > domain[0]) & (x < domain[1])).all()
    assert np.array_equal(x * 64, np.rint(x * 64)) or np.isfinite(domain).all()


@FEW
@given(st.data(), strategies.layouts(), strategies.arrays())
def test_a_layout_keeps_the_values(data, name, x):
    laid_out = MEMORY_LAYOUTS[name](x)
    np.testing.assert_array_equal(laid_out, x)
    assert laid_out.shape == x.shape and laid_out.dtype == x.dtype and not np.may_share_memory(laid_out, x)


def test_layouts_are_what_they_say():
    x = np.arange(6.0).reshape(2, 3)
    assert MEMORY_LAYOUTS["F"](x).flags.f_contiguous and MEMORY_LAYOUTS["reversed"](x).strides == (-24, -8)
    assert not MEMORY_LAYOUTS["strided"](x).flags.contiguous and not MEMORY_LAYOUTS["read-only"](x).flags.writeable


@FEW
@given(st.data(), strategies.arrays())
def test_cotangents_have_the_shape_and_dtype(data, x):
    ct = data.draw(strategies.cotangents(x))
    assert ct.shape == x.shape and ct.dtype == x.dtype


@FEW
@given(strategies.op_inputs(np.matmul))
def test_inputs_of_a_row_are_accepted_by_it(found):
    args, kwargs = found
    assert np.matmul(*args, **kwargs) is not None


@FEW
@given(strategies.op_inputs(np.maximum))
def test_inputs_keep_away_from_declared_kinks(found):
    x, y = found[0]
    assert (np.abs(x - y) > 1e-4).all()


@FEW
@given(strategies.op_inputs(np.clip, kwargs={"a_min": -1.0}), st.just(0))
def test_options_are_added(found, _):
    assert found[1]["a_min"] == -1.0


@FEW
@given(strategies.signature_inputs("(...,m,n),(n)"))
def test_a_signature_ties_dimensions(found):
    (a, v), _ = found
    assert a.shape[-1] == v.shape[0] and v.ndim == 1 and a.ndim >= 2


def test_shapes_broadcast():
    seen = set()

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(strategies.broadcastable(2))
    def look(found):
        np.broadcast_shapes(*found)
        seen.add((found[0] == found[1], any(0 in shape for shape in found), found[0] == ()))

    look()
    assert {(True, False, True), (False, False, False), (False, True, False)} <= seen


@pytest.mark.parametrize("fun", [np.exp, np.matmul, np.concatenate, np.max], ids=lambda f: f.__name__)
def test_every_kind_of_row_has_inputs(fun):
    assert fun in TABLE and strategies.op_inputs(fun) is not None and tg.Tensor is Tensor
