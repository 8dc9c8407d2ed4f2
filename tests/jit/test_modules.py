"""Every module of nn replays, in training and not: what it gives, its gradients, and what it leaves behind."""

import inspect

import numpy as np
import pytest

import tinygrad_np as tg
from tests.nn.modules import CONTAINERS, MODULES, RANDOM, STACKS, x
from tinygrad_np import nn

OTHERS = {  # built from others, or with a stream of their own
    "Sequential": lambda: nn.Sequential(nn.Linear(6, 3), nn.Tanh()),
    "TransformerEncoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0), 2),
    "TransformerDecoder": lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(6, 2, 8, dropout=0.0), 1),
    "Dropout": lambda: nn.Dropout(0.5),
    "AlphaDropout": lambda: nn.AlphaDropout(0.5),
    "FeatureAlphaDropout": lambda: nn.FeatureAlphaDropout(0.5),
    "RReLU": lambda: nn.RReLU(),
    "FractionalMaxPool2d": lambda: nn.FractionalMaxPool2d(2, 3),
    "FractionalMaxPool3d": lambda: nn.FractionalMaxPool3d(2, 3),
}
GIVEN = {"2d": (x(2, 6, 6, 6),), "3d": (x(2, 6, 6, 6, 6),), "er": (x(5, 2, 6), x(5, 2, 6, seed=1))}
REFUSED = {"FractionalMaxPool2d", "FractionalMaxPool3d"}  # draw the places of their windows as Python numbers
LONG = {"LSTM", "GRU", "RNN", "Transformer"}  # thousands of calls: in test_library.py, two of them are shorter
HOLD = CONTAINERS - {"Sequential"}  # and compute nothing


def test_every_module_is_enrolled():
    public = {name for name in dir(nn) if inspect.isclass(getattr(nn, name))}
    assert public == {*MODULES} | {*OTHERS} | HOLD and {*OTHERS} == RANDOM | STACKS | {"Sequential"}


def made(name):
    if name in OTHERS:
        args = GIVEN.get(name[-2:], (x(4, 6),))
        return OTHERS[name](), args[:1] if name == "TransformerEncoder" else args
    positional, options, args = MODULES[name]
    return getattr(nn, name)(*positional, **options), args


def flat(out) -> list:
    if isinstance(out, (tuple, list)):
        return [array for part in out for array in flat(part)]
    return [] if out is None else [np.asarray(out.numpy() if isinstance(out, tg.Tensor) else out)]


def trained(name, wrap, training) -> tuple:
    """What three calls give, the gradients of the last, and the state that is left."""
    nn.init.manual_seed(0)
    module, args = made(name)
    module.train(training)

    def step(*args):
        module.zero_grad()
        out = module(*args)
        total = 0
        for k, part in enumerate(out if isinstance(out, (tuple, list)) else [out]):
            if getattr(part, "requires_grad", False):
                total = total + (part * np.cos(np.arange(part.size, dtype="f") + k).reshape(part.shape)).sum()
        if isinstance(total, tg.Tensor):
            total.backward()
        return out

    step, found = wrap(step), []
    for turn in range(3):
        scaled = [a * a.dtype.type(1 - turn / 8) if a.dtype.kind == "f" else a for a in args]
        found += flat(step(*scaled))
    found += [p.grad for p in module.parameters()] + list(module.state_dict().values())
    return found, step


@pytest.mark.filterwarnings("error:jit. .* is run as it is|.* was run as it is")
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in sorted({*MODULES, *OTHERS} - REFUSED)],
)
def test_a_module_replays(name):
    for training in (True, False):
        (mine, step), (theirs, _) = trained(name, tg.jit, training), trained(name, lambda f: f, training)
        assert step.programs[0].calls >= 2, "run by itself"
        for a, b in zip(mine, theirs, strict=True):
            if a is None or b is None:
                assert a is b
                continue
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * max(1, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_draws_places_is_refused(name):
    with pytest.raises(tg.NotReplayable, match="value as a Python number"):
        trained(name, tg.jit, True)
