"""What the library has replays: functions of nn, layers, optimizers, schedulers; what is new must be enrolled."""

import inspect

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tests.nn.cases import CASES
from tests.optim.problem import CASES as UPDATES
from tests.optim.problem import SCHEDULES
from tinygrad_np import nn, optim
from tinygrad_np.optim import lr_scheduler, swa_utils

from .examples import normal

RANDOM = "alpha_dropout dropout feature_alpha_dropout fractional_max_pool2d fractional_max_pool3d gumbel_softmax rrelu"
LATER = {  # those whose gradient is no function of the arguments that cases.py gives
    **dict.fromkeys(RANDOM.split(), "draws numbers: a layer below"),
    "multi_head_attention_forward": "MultiheadAttention below",
    "one_hot": "has no gradient: below",
    **dict.fromkeys(("upsample", "upsample_bilinear", "upsample_nearest"), "other names of interpolate"),
}
PUBLIC = [name for name in dir(F) if name[0] != "_" and inspect.isfunction(getattr(F, name))]
SAMPLE = {CASES[label].fun: label for label in reversed(CASES)}  # the first of each function


def test_every_function_is_enrolled():
    assert not {*PUBLIC} - {*SAMPLE} - {*LATER}


def weighted(out):
    if isinstance(out, (tuple, list)):
        return sum(map(weighted, out))
    return (out * np.cos(np.arange(out.size)).reshape(out.shape)).sum() if out.dtype.kind == "f" else 0


def close(a, b):
    for x, y in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6, equal_nan=True)


def leaves(tree) -> list:
    if isinstance(tree, (tuple, list)):
        return [x for part in tree for x in leaves(part)]
    if isinstance(tree, dict):
        return leaves([tree[k] for k in tree])
    return [] if tree is None else [tree.numpy() if isinstance(tree, tg.Tensor) else np.asarray(tree)]


def replays(f, *arguments):
    """Whether a jitted function gives what the function gives, from one program."""
    jitted = tg.jit(f)
    with np.errstate(all="ignore"):
        for given in arguments * 2:
            close(jitted(*given), f(*given))
    assert jitted.recordings == len(jitted.programs) == 1


def levels(case, order: int):
    """A function's value, its gradient, and that of a sum of those, and a tangent."""

    def value(*xs):
        return getattr(F, case.fun)(*case.with_primals(xs), **case.kwargs)

    def loss(*xs):
        return weighted(value(*xs))

    numbers = tuple(range(len(case.positions)))
    first = tg.grad(loss, argnums=numbers)

    def every(*xs):
        found = [value(*xs), list(first(*xs)), tg.jvp(loss, xs, tuple(np.ones_like(x) for x in xs))[1]]
        if order > 1:
            found.append(list(tg.grad(lambda *xs: weighted(list(first(*xs))), argnums=numbers)(*xs)))
        return found

    return every


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (i % 3 > 0)) for i, n in enumerate(SAMPLE)]
)
def test_functions_of_nn_replay(name):
    """A third of them in a quick run: the rows that they are made of are all tried in it, one by one."""
    case = CASES[SAMPLE[name]]
    replays(levels(case, 1), case.primals(), [x * 0.75 for x in case.primals()])


@pytest.mark.slow
@pytest.mark.parametrize("label", CASES)
def test_all_of_their_cases_replay_to_second_order(label):
    case = CASES[label]
    try:
        levels(case, 2)(*case.primals())
    except tg.NotDifferentiable as refusal:
        pytest.skip(f"has no second derivative: {refusal}")
    replays(levels(case, 2), case.primals(), [x * 0.75 for x in case.primals()])


LAYERS = {
    "Dropout": lambda: nn.Dropout(0.5, generator=np.random.default_rng(0)),
    "AlphaDropout": lambda: nn.AlphaDropout(0.5),
    "MultiheadAttention": lambda: nn.MultiheadAttention(6, 2),
    "BatchNorm1d": lambda: nn.BatchNorm1d(6),
    "LSTM": lambda: nn.LSTM(6, 4, 2),
    "GRU": lambda: nn.GRU(6, 4),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(6, 2, 8),
    "one_hot": lambda: lambda x: F.one_hot((x > 0).astype(int), 2) * x[..., None],
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_replay_and_leave_what_they_leave(name):
    def build():
        nn.init.manual_seed(0)
        layer = LAYERS[name]()
        model = nn.Sequential(nn.Linear(6, 6), *([layer] if isinstance(layer, nn.Module) else []))
        call = {"MultiheadAttention": lambda x: layer(x, x, x)[0], "one_hot": lambda x: layer(model(x))}.get(
            name, model
        )

        def step(x):
            for p in model.parameters():
                p.grad = None
            loss = weighted(call(x))
            loss.backward()
            return loss

        return model, step

    drawn = [normal(5, 6) if name == "BatchNorm1d" else normal(5, 3, 6) for _ in range(4)]
    left = []
    for wrap in (tg.jit, lambda f: f):
        model, step = build()
        step = wrap(step)
        losses = [step(x).numpy() for x in drawn]
        left.append([losses, model.state_dict(), [p.grad for p in model.parameters()]])
    close(*left)


def trained(make, schedule=None, wrap=lambda f: f):
    nn.init.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    optimizer = make(model.parameters())
    schedulers = schedule(lr_scheduler, swa_utils, optimizer) if schedule else []

    @wrap
    def step(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    rng, losses = np.random.default_rng(1), []
    for _ in range(8):
        losses.append(step(rng.normal(size=(7, 6)).astype("f")).numpy())
        for scheduler in schedulers:
            given = [float(losses[-1])] if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau) else []
            scheduler.step(*given)
    return [
        losses,
        model.state_dict(),
        [list(group.get("betas", [group["lr"]])) for group in optimizer.param_groups],
    ], step


OTHERS = {"Lion": dict(lr=0.01), "Muon": dict(lr=0.05)}
BY_CLASS = {name: options for name, options in reversed(UPDATES.values())} | OTHERS
REFUSED = {"LBFGS": "branch on the value", "Optimizer": "is no optimizer by itself"}


def test_every_optimizer_and_scheduler_is_enrolled():
    optimizers = {n for n in dir(optim) if n[0] != "_" and inspect.isclass(getattr(optim, n))}
    assert not optimizers - {*BY_CLASS} - {*REFUSED}
    schedulers = {n for n in dir(lr_scheduler) if n[0] != "_" and inspect.isclass(getattr(lr_scheduler, n))}
    built = {type(s).__name__ for make, (name, options) in SCHEDULES.values() for s in some(make, name, options)}
    assert not schedulers - built - {"LRScheduler"}


def some(make, name, options):
    weights = [nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(2))]
    groups = [{"params": [w]} for w in weights]
    return make(lr_scheduler, swa_utils, getattr(optim, name)(groups, **options))


def optimizer_of(name, options):
    def make(parameters):
        chosen = [p for p in parameters if p.ndim == 2 or name != "Muon"]
        half = len(chosen) // 2
        return getattr(optim, name)([{"params": chosen[:half]}, {"params": chosen[half:]}], **options)

    return make


@pytest.mark.parametrize("name", BY_CLASS)
def test_optimizers_replay(name):
    make = optimizer_of(name, BY_CLASS[name])
    (mine, step), (theirs, _) = trained(make, wrap=tg.jit), trained(make)
    close(mine, theirs)
    assert step.programs[0].calls > 2


@pytest.mark.parametrize("label", SCHEDULES)
def test_schedules_between_the_calls_are_followed(label):
    schedule, (name, options) = SCHEDULES[label]
    make = optimizer_of(name, options)
    (mine, step), (theirs, _) = trained(make, schedule, tg.jit), trained(make, schedule)
    close(mine, theirs)
    assert step.recordings < 5


def test_what_searches_along_a_line_is_refused():
    with pytest.raises(tg.NotReplayable):
        nn.init.manual_seed(0)
        model = nn.Linear(3, 1)
        optimizer = optim.LBFGS(model.parameters())

        def closure():
            optimizer.zero_grad()
            loss = (model(np.ones((2, 3), np.float32)) ** 2).sum()
            loss.backward()
            return loss

        tg.jit(lambda: optimizer.step(closure))()
