"""Copies are copies: whatever is copied, in whatever way, goes on as the original would and shares nothing with it."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tinygrad_np import Tensor, nn, optim
from tinygrad_np.data import DataLoader, TensorDataset
from tinygrad_np.optim import lr_scheduler as lr
from tinygrad_np.optim.swa_utils import AveragedModel

WAYS = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda thing: pickle.loads(pickle.dumps(thing))}
TOGETHER = {name: way for name, way in WAYS.items() if name != "copy"}  # a copied tuple has the same entries

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": lambda p: optim.Adam(p, lr=0.1, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.1),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.1),
    "adadelta": lambda p: optim.Adadelta(p),
    "adamax": lambda p: optim.Adamax(p, lr=0.1),
    "nadam": lambda p: optim.NAdam(p, lr=0.1),
    "radam": lambda p: optim.RAdam(p, lr=0.1),
    "lion": lambda p: optim.Lion(p, lr=0.01),
    "muon": lambda p: optim.Muon([q for q in p if q.ndim == 2], lr=0.1),
    "lbfgs": lambda p: optim.LBFGS(p, max_iter=2, line_search_fn="strong_wolfe"),
}
SCHEDULERS = {
    "step": lambda o: lr.StepLR(o, 2, 0.5),
    "one_cycle": lambda o: lr.OneCycleLR(o, 0.2, total_steps=20, cycle_momentum="betas" in o.param_groups[0]),
    "sequential": lambda o: lr.SequentialLR(o, [lr.LinearLR(o, 0.1, total_iters=2), lr.StepLR(o, 1)], [2]),
    "chained": lambda o: lr.ChainedScheduler([lr.ConstantLR(o, 0.5, 3), lr.ExponentialLR(o, 0.9)]),
    "plateau": lambda o: lr.ReduceLROnPlateau(o, patience=0, factor=0.5),
}
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(32, 6)).astype(np.float32), RNG.integers(0, 3, 32)


class Trainer:
    """A model and all that trains it; a step is one pass of the loader's next batch."""

    def __init__(self, kind: str, schedule: str | None = None, wrap=lambda f: f):
        self.wrap = wrap
        rng = np.random.default_rng(1)
        self.model = nn.Sequential(
            nn.Linear(6, 5, generator=0),
            nn.BatchNorm1d(5),
            nn.Dropout(0.3, generator=rng),
            nn.Linear(5, 3, generator=1),
        )
        self.optimizer = OPTIMIZERS[kind](self.model.parameters())
        self.schedule = SCHEDULERS[schedule](self.optimizer) if schedule else None
        self.loader = DataLoader(TensorDataset(X.copy(), Y.copy()), 16, shuffle=True, generator=3)
        self.averaged = AveragedModel(self.model)

    def parts(self) -> tuple:
        return self.model, self.optimizer, self.schedule, self.loader, self.averaged

    @classmethod
    def of(cls, parts: tuple, wrap=lambda f: f) -> Trainer:
        trainer = object.__new__(cls)
        trainer.wrap = wrap
        trainer.model, trainer.optimizer, trainer.schedule, trainer.loader, trainer.averaged = parts
        return trainer

    def train(self, epochs: int) -> list[bytes]:
        """Train, and tell all that can be seen."""
        model, optimizer = self.model, self.optimizer
        lbfgs = isinstance(optimizer, optim.LBFGS)

        def step(x, y):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            if not lbfgs:
                optimizer.step()
            return loss

        if not hasattr(self, "steps"):
            self.steps = self.wrap(step)
        seen = []
        for _ in range(epochs):
            for x, y in self.loader:
                loss = optimizer.step(lambda x=x, y=y: self.steps(x, y)) if lbfgs else self.steps(x, y)
                seen.append(loss.numpy().tobytes())
            self.averaged.update_parameters(model)
            if self.schedule is not None:
                self.schedule.step(*([1.0] if isinstance(self.schedule, lr.ReduceLROnPlateau) else []))
                seen.append(repr(self.schedule.get_last_lr()).encode())
        return seen + [a.tobytes() for _, a in sorted(memory(self.parts()))]


def memory(thing, name="", found=None, seen=None) -> list[tuple[str, np.ndarray]]:
    """(path, array) of all numbers that a thing holds."""
    found, seen = ([] if found is None else found), (set() if seen is None else seen)
    if id(thing) in seen:
        return found
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        found.append((name, thing))
    elif isinstance(thing, Tensor):
        found.append((name, thing._array))
        if thing.grad is not None:
            found.append((f"{name}.grad", thing.grad))
    elif isinstance(thing, dict):
        for k, v in thing.items():
            memory(v, f"{name}.{k}", found, seen)
    elif isinstance(thing, (list, tuple)):
        for k, v in enumerate(thing):
            memory(v, f"{name}.{k}", found, seen)
    elif isinstance(thing, (nn.Module, optim.Optimizer, lr.LRScheduler, DataLoader, TensorDataset)):
        own = {k: v for k, v in vars(thing).items() if k not in ("_blocks", "_settled", "params")}
        memory(own, name, found, seen)
    return found


def shares_nothing(a, b) -> bool:
    return not any(np.shares_memory(x, y) for _, x in memory(a) for _, y in memory(b) if x.size and y.size)


@pytest.mark.parametrize("way", TOGETHER)
@pytest.mark.parametrize("epochs", [0, 2])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_all_together(kind, epochs, way):
    original, expected = Trainer(kind, "step"), Trainer(kind, "step")
    original.train(epochs)
    expected.train(epochs)
    other = Trainer.of(TOGETHER[way](original.parts()))
    assert shares_nothing(other.parts(), original.parts())
    wanted = expected.train(2)
    assert other.train(2) == wanted, "the copy"
    assert original.train(2) == wanted, "the original, after its copy was trained"


RECORDED = [(kind, way) for kind in ("sgd", "momentum", "adam", "nadam", "muon", "lbfgs") for way in TOGETHER]
SAMPLE = [("adam", "pickle"), ("lbfgs", "deepcopy")]


@pytest.mark.parametrize(
    "kind, way", [case if case in SAMPLE else pytest.param(*case, marks=pytest.mark.slow) for case in RECORDED]
)
def test_all_together_jitted(kind, way):
    original, expected, anew = (Trainer(kind, "step", tg.jit) for _ in range(3))
    for trainer in (original, expected, anew):
        trainer.train(1)
    other = Trainer.of(TOGETHER[way](original.parts()), tg.jit)
    del anew.steps  # a copy records for itself, and the call that records may round in another order
    assert other.train(2) == anew.train(2), "the copy"
    assert original.train(2) == expected.train(2), "the original, after its copy was trained"


@pytest.mark.parametrize("way", TOGETHER)
@pytest.mark.parametrize("schedule", SCHEDULERS)
@pytest.mark.parametrize("kind", ["momentum", "adam"])
def test_schedules_move_the_copy(kind, schedule, way):
    original, expected = Trainer(kind, schedule), Trainer(kind, schedule)
    original.train(1)
    expected.train(1)
    other = Trainer.of(TOGETHER[way](original.parts()))
    wanted = expected.train(3)
    assert other.train(3) == wanted and original.train(3) == wanted


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("kind", [kind for kind in OPTIMIZERS if kind != "lbfgs"])
def test_an_optimizer_alone_has_parameters_of_its_own(kind, steps, way):
    rng = np.random.default_rng(2)
    params = [nn.Parameter(rng.normal(size=shape)) for shape in ((3, 2), (4, 4))]
    original = OPTIMIZERS[kind](params)

    def move(optimizer, seed):
        rng = np.random.default_rng(seed)
        for p in optimizer.params:
            p.grad = rng.normal(size=p.shape)
        optimizer.step()
        return [p.numpy().tobytes() for p in optimizer.params]

    for seed in range(steps):
        move(original, seed)
    other = WAYS[way](original)
    assert type(other) is type(original) and shares_nothing(other, original)
    before = [p.numpy().copy() for p in params]
    moved = [move(other, seed) for seed in (10, 11)]
    assert all(np.array_equal(p.numpy(), b) for p, b in zip(params, before, strict=True))
    assert moved == [move(original, seed) for seed in (10, 11)]
    other.param_groups[0]["lr"] = 0.5
    assert original.param_groups[0]["lr"] != 0.5


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("schedule", SCHEDULERS)
def test_a_schedule_alone_has_an_optimizer_of_its_own(schedule, way):
    original = SCHEDULERS[schedule](optim.Adam([nn.Parameter(np.ones(2))], lr=0.1))

    def move(schedule):
        schedule.step(*([1.0] if isinstance(schedule, lr.ReduceLROnPlateau) else []))
        return schedule.get_last_lr()

    move(original)
    other, before = WAYS[way](original), original.get_last_lr()
    assert other.optimizer is not original.optimizer and shares_nothing(other, original)
    moved = [move(other) for _ in range(4)]
    assert original.get_last_lr() == before and moved == [move(original) for _ in range(4)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "make",
    [nn.Parameter, lambda a: Tensor(a, requires_grad=True, name="w"), Tensor],
    ids=["parameter", "leaf", "constant"],
)
@pytest.mark.parametrize("moved", [False, True])
def test_tensors(make, way, moved):
    p = make(np.arange(6.0).reshape(2, 3).T)
    if moved and p.requires_grad:
        optimizer = optim.SGD([p], lr=0.1)
        (p * p).sum().backward()
        optimizer.step()
    q = WAYS[way](p)
    assert type(q) is type(p) and q.requires_grad == p.requires_grad and q.is_leaf and q.name == p.name
    assert np.array_equal(q.numpy(), p.numpy()) and shares_nothing(q, p)
    assert (q.grad is None) == (p.grad is None) and (p.grad is None or np.array_equal(p.grad, q.grad))
    if p.requires_grad:
        before = None if p.grad is None else p.grad.copy()
        (q * 3).sum().backward()
        assert (p.grad is None) if before is None else np.array_equal(p.grad, before)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("epochs", [0, 1])
def test_a_module_alone(way, epochs):
    original = Trainer("adam")
    original.train(epochs)
    model, other = original.model, WAYS[way](original.model)
    assert shares_nothing(model, other) and repr(model) == repr(other)
    before = model.state_dict()
    a = other(X).numpy()
    assert all(np.array_equal(v, before[k]) for k, v in model.state_dict().items()), "running means of the original"
    assert np.array_equal(a, model(X).numpy()), "the same masks are drawn"
    averaged = WAYS[way](original.averaged)
    averaged.update_parameters(model)
    assert averaged.n_averaged == epochs + 1 and original.averaged.n_averaged == epochs


def test_what_two_things_share_their_copies_share():
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    for way in TOGETHER.values():
        other, optimizer = way((model, optim.SGD(model.parameters())))
        assert len(list(other.parameters())) == 2 and len(other.state_dict()) == 4
        assert [id(p) for p in optimizer.params] == [id(p) for p in other.parameters()]
