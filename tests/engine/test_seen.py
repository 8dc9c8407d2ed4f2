"""What a node notes for pictures: small values, cotangents that backward has freed, arguments; and no large array."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.engine.seen import given_to, is_plain
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


@pytest.mark.parametrize("other", [2.0, np.arange(3.0), np.ones(100), np.arange(6.0)[::2], [1.0, 2.0, 3.0]])
def test_the_constant_of_two_operands_is_found_on_either_side(other):
    """A node keeps the one that is constant, whether a compiled form made it or the general one."""
    x = tg.Tensor(np.ones(np.shape(other) or 3), requires_grad=True)
    for given, place in ((given_to(np.add(other, x)._node), 0), (given_to(np.add(x, other)._node), 1)):
        found = given[place]
        assert given[1 - place] is None
        if isinstance(other, float):
            assert found == other
        else:
            assert found.shape == x.shape and (found.copy is None) == (x.size > SMALL)
            assert found.copy is None or found.copy.tolist() == list(other)
    assert given_to((x * x)._node) is None


def test_plain_arguments_stay_as_they_are_and_others_are_copied():
    x = tg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    index = (slice(0, 2), -1)
    assert x[index]._node.saved[0][1] is index and given_to(x[index]._node)[1] == index
    rows = [0, 2]
    y = x[rows]
    rows[0] = 1
    assert y._node.saved[0][1] == [0, 2]
    y.sum().backward()
    assert x.grad.sum(axis=1).tolist() == [4, 0, 4]
    assert is_plain(slice(1, None)) and is_plain((1, slice(2), None, ...)) and is_plain(())
    for other in ([1], (1, [2]), slice(np.arange(2)), ((1,),), tuple(range(9)), np.arange(2), None):
        assert not is_plain(other)


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


@pytest.mark.parametrize("size", [3, SMALL, SMALL + 1])
def test_of_an_array_its_shape_and_dtype_are_told(size):
    """Of one that is kept and of one that is not, alone and in a list of operands."""
    x = tg.Tensor(np.ones((1, size)), requires_grad=True)
    constant = np.full((2, size), 2, np.float32)
    for given in (given_to((x * constant)._node)[1], given_to(np.concatenate([x, constant])._node)[0][1]):
        assert (given.shape, given.dtype) == ((2, size), np.float32)
        assert (given.copy is None) == (constant.size > SMALL)
    for operands in ([x, constant], [constant, x]):
        found = given_to(np.concatenate(operands)._node)[0]
        assert [f is None for f in found] == [o is x for o in operands]


def test_of_a_view_that_a_call_was_given_the_values_are_kept():
    """What is written into the array that it is a view of comes too late."""
    x = tg.Tensor(np.ones((3, 2)), requires_grad=True)
    whole = np.arange(12.0).reshape(6, 2)
    joined, product = np.concatenate([x, whole[::2]]), x * whole[::2]
    whole[:] = -1
    assert given_to(joined._node)[0][1].copy.tolist() == [[0, 1], [4, 5], [8, 9]]
    assert given_to(product._node)[1].copy.tolist() == [[0, 1], [4, 5], [8, 9]]
