"""Wrong rules are planted and must be found, by the failure that names them: the checker is itself under
test.
"""

import inspect

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import primitive
from tinygrad_np.testing import CheckFailed, check_op
from tinygrad_np.testing import failures as F

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75], [-2.0, 1.0, 0.625]]) * 1.1
V = np.array([0.5, -1.5, 2.0]) * 1.1
INDEX = np.array([2, 0, 2])

# ---- right operations: (forward, rules, inputs) --------------------------------------------------------

RIGHT = {
    "softplus": (lambda x: np.logaddexp(x, 0), [lambda ct, x: ct / (1 + np.exp(-x))], [(A,), (V,)]),
    "multiply": (
        lambda x, y: x * y,
        [
            lambda ct, y, x_shape: tg.unbroadcast(ct * y, x_shape),
            lambda ct, x, y_shape: tg.unbroadcast(ct * x, y_shape),
        ],
        [(A, V), (A, A + 0.125)],
    ),
    "sum_rows": (
        lambda x: x.sum(1),
        [lambda ct, x_shape: np.broadcast_to(ct[:, None], x_shape)],
        [(A,), (A[:, :2],)],
    ),
    "matmul": (
        lambda x, y: x @ y,
        [lambda ct, y: ct @ y.T, lambda ct, x: x.T @ ct],
        [(A, A[::-1] * 1.5), (A[:2], A[:, :2])],
    ),
    "pick": (lambda x: x[INDEX], [lambda ct, x_shape: add_at(ct, x_shape)], [(V,), (A,)]),
    "running": (lambda x: np.cumsum(x), [lambda ct: np.cumsum(ct[::-1])[::-1]], [(V,), (A[:, 0],)]),
    "softmax": (
        lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
        [lambda ct, out: out * (ct - (ct * out).sum(-1, keepdims=True))],
        [(V,), (A,)],
    ),
    "cube": (lambda x: x**3, [lambda ct, x: 3 * ct * x**2], [(A,), (1e-3 * V,)]),
}


def add_at(ct, shape):
    return np.eye(shape[0])[:, INDEX] @ ct


# ---- ways to break the first rule of any of them: g is what the right rule returns ---------------------

G = F.GradientMismatch
N = F.NotLinear
MUTATIONS = {
    "sign": (lambda g, ct: -g, G),
    "double": (lambda g, ct: 2 * g, G),
    "half": (lambda g, ct: 0.5 * g, G),
    "zero": (lambda g, ct: 0 * g, G),
    "slightly off": (lambda g, ct: g * 1.0001, G),
    "a millionth off": (lambda g, ct: g * 1.000001, G),
    "float16": (lambda g, ct: g.astype(np.float16).astype(float), (G, N)),
    "float32": (lambda g, ct: (g / 3).astype(np.float32).astype(float) * 3, (G, N)),
    "truncated": (lambda g, ct: np.trunc(g), (G, N)),
    "clipped": (lambda g, ct: np.clip(g, -0.3, 0.3), (G, N)),
    "absolute value": (lambda g, ct: np.abs(g), (G, N)),
    "squared": (lambda g, ct: g * np.abs(g), (G, N)),
    "rolled": (lambda g, ct: np.roll(g, 1, 0), G),
    "flipped": (lambda g, ct: g[::-1], G),
    "one entry": (lambda g, ct: g * ((np.arange(g.size) != 1).reshape(g.shape)), G),
    "plus a constant": (lambda g, ct: g + 0.5, N),
    "plus the cotangent": (lambda g, ct: g + ct.sum(), G),
    "normalized": (lambda g, ct: g / np.abs(ct).sum(), (G, N)),
    "of one sign": (lambda g, ct: g * np.sign(ct.sum()), N),
    "mean taken off": (lambda g, ct: g - g.mean(), G),
    "averaged": (lambda g, ct: np.full_like(g, g.mean()), G),
    "NaN": (
        lambda g, ct: np.where(np.arange(g.size).reshape(g.shape) == 1, np.nan, g),
        (G, F.NaNGradient, F.NotAdjoint),
    ),
    "an axis too many": (lambda g, ct: g[None], F.WrongShape),
    "an axis too few": (lambda g, ct: g.sum(0), F.WrongShape),
    "random": (lambda g, ct: g * np.random.rand(), F.NonDeterministic),
}


EQUIVALENT = {("softmax", "mean taken off")}  # that gradient has mean 0


def broken(name, change):
    """The operation with its first rule changed."""
    forward, rules, inputs = RIGHT[name]

    def changed(right):
        names = ", ".join(inspect.signature(right).parameters)
        return eval(f"lambda {names}: change(right({names}), ct)", {"right": right, "change": change})

    op = primitive(forward)
    op.__name__ = name
    op.defvjp(*([changed(rules[0])] + rules[1:] if change else rules))
    return op, inputs


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_rules_pass(name):
    op, inputs = broken(name, None)
    assert check_op(op, inputs)


def every_pair():
    """All operations with all mutations; each mutation of one operation, another for each, is among the quick tests."""
    for i, mutation in enumerate(MUTATIONS):
        for k, name in enumerate(RIGHT):
            quick = k == i % len(RIGHT)
            yield pytest.param(name, mutation, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize("name, mutation", list(every_pair()))
def test_a_mutated_rule_is_found(name, mutation):
    change, kinds = MUTATIONS[mutation]
    op, inputs = broken(name, change)
    if (name, mutation) in EQUIVALENT:
        assert check_op(op, inputs)
        return
    with pytest.raises(CheckFailed) as caught:
        check_op(op, inputs)
    assert isinstance(caught.value, kinds), caught.value
    assert name in str(caught.value)
