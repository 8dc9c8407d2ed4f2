"""What a node notes for pictures: small values, cotangents that backward has freed, arguments; and no large array."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.engine.seen import given_to
from tinygrad_np.engine.tape import SMALL


def test_any_tensor_may_be_named():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = np.sin(x)
    assert y.name is None
    y.name = "angle"
    assert y.name == "angle" and x.name is None and "name='angle'" in repr(y)
    constant = np.cos(tg.Tensor([1.0]))  # computed, and on no tape
    constant.name = "c"
    assert constant.name == "c" and np.cos(tg.Tensor([1.0])).name is None
    first, second = np.linalg.qr(tg.Tensor(np.eye(2), requires_grad=True))
    first.name = "Q"
    assert (first.name, second.name) == ("Q", None)
    y.name = None
    assert y.name is None
    with pytest.raises(TypeError, match="expected a str"):
        y.name = 3


def test_what_a_call_was_given_outlives_backward():
    x = tg.Tensor(2.0, requires_grad=True)
    y = 1 - x
    z = y**3
    z.backward()
    assert given_to(y._node)[0] == 1 and given_to(z._node)[1] == 3


def test_no_value_and_no_cotangent_is_kept_that_can_be_had_again():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = x + 1
    z = y + x
    nodes, array = [y._node, z._node], weakref.ref(y._array)
    out = z.sum()
    del y, z
    assert array() is None
    out.backward()
    assert not any(hasattr(node, "value") or hasattr(node, "cotangent") for node in nodes)


def test_of_a_users_function_and_below_several_operands_they_are_kept():
    @tg.primitive
    def double(x):
        return 2 * x

    double.defvjp(lambda ct: 2 * ct)
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = double(x)
    z = np.concatenate([y, x])
    z.sum().backward()
    assert y._node.value.tolist() == [2, 4] and z._node.value.tolist() == [2, 4, 1, 2]
    assert z._node.cotangent.tolist() == [1, 1, 1, 1] and y._node.cotangent.tolist() == [1, 1]


def test_a_large_array_is_kept_by_nothing():
    x = tg.Tensor(np.ones(SMALL + 1), requires_grad=True)
    mask = np.ones(SMALL + 1)
    y = x + mask
    array, constant = weakref.ref(y._array), weakref.ref(mask)
    part = y[:2]  # small, and a view of what is large
    assert given_to(y._node)[1].owner is constant
    node = part._node
    del y, mask, part
    gc.collect()
    assert array() is None and constant() is None and not hasattr(node, "value")


def test_an_assignment_does_not_reach_what_was_seen():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[0] = 5.0
    first = y._node
    y[1] = 7.0
    assert first.value.tolist() == [5, 2] and y._node.value.tolist() == [5, 7]
    assert y.graph()["multiply#0"].value.numbers == (1, 2)
