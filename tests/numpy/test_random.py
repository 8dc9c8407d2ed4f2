"""tinygrad_np.numpy.random: NumPy's streams and values; real numbers come as tensors, so that X.dot(w) is recorded."""

import copy
import pickle

import numpy
import pytest

import tinygrad_np as tg
from tinygrad_np import Tensor
from tinygrad_np import numpy as np

STREAMS = {
    "default_rng": lambda np: np.random.default_rng(3),
    "RandomState": lambda np: np.random.RandomState(3),
    "global": lambda np: np.random.seed(3) or np.random,
}


DRAWS = (
    lambda r: r.normal(size=(3, 2)),
    lambda r: r.uniform(-1, 1, 4),
    lambda r: r.dirichlet([1.0, 2.0], 2),
    lambda r: r.choice([1.0, 2.5, 3.0], 2),
    lambda r: r.permutation(5),
    lambda r: r.poisson(3.0, 4),
    lambda r: r.normal(),
    lambda r: r.random((2, 2)),
    lambda r: r.multivariate_normal([0.0, 1.0], [[2.0, 0.3], [0.3, 1.0]]),
)


@pytest.mark.parametrize("name", STREAMS)
def test_streams_are_numpys(name):
    ours, theirs = ([draw(stream) for draw in DRAWS] for stream in map(STREAMS[name], (np, numpy)))
    for made, expected in zip(ours, theirs, strict=True):
        numpy.testing.assert_array_equal(made, expected)
        real = isinstance(expected, numpy.ndarray) and expected.dtype.kind == "f"
        assert type(made) is (Tensor if real else type(expected))


@pytest.mark.parametrize("shape", [(7,), (5, 2)])
@pytest.mark.parametrize("name", STREAMS)
def test_tensors_are_shuffled_as_arrays_are(name, shape):
    x = numpy.arange(numpy.prod(shape)).reshape(shape) * 1.0
    mixed, expected = Tensor(x), x.copy()
    for module, array in ((np, mixed), (numpy, expected)):
        STREAMS[name](module).shuffle(array)
    numpy.testing.assert_array_equal(mixed, expected)

    def first(x):
        y = x * x
        return np.sum(np.random.RandomState(1).permutation(y)[0])

    at = numpy.random.RandomState(1).permutation(x)[0]
    numpy.testing.assert_allclose(tg.grad(first)(x), 2 * x * numpy.isin(x, at))


def test_what_is_drawn_multiplies_a_tensor():
    """ndarray.dot is a method in C that asks no protocol; a tensor's is recorded, in a replay too."""

    def loss(w, rng):
        return rng.normal(size=(4, 3)).dot(w).sum()

    w, theirs = numpy.ones(3), numpy.random.default_rng(0)
    for f in (tg.grad(loss), tg.jit(tg.grad(loss))):
        ours = np.random.default_rng(0)
        theirs = numpy.random.default_rng(0)
        for _ in range(3):
            numpy.testing.assert_allclose(f(w, ours), theirs.normal(size=(4, 3)).sum(0))


def test_streams_are_copied_and_saved():
    for stream in (np.random.default_rng(1), np.random.RandomState(1)):
        again = [copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))]
        expected = stream.normal(size=2)
        for other in again:
            assert type(other) is type(stream)
            numpy.testing.assert_array_equal(other.normal(size=2), expected)
