"""L-BFGS makes PyTorch's iterations, evaluation for evaluation; its closure may be jitted; its state travels."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn, optim
from tinygrad_np.io import load, save
from tinygrad_np.optim.lbfgs import Point, cubic, strong_wolfe

OPTIONS = [
    dict(line_search_fn="strong_wolfe"),
    dict(lr=1e-3),
    dict(lr=0.5, max_iter=4, history_size=3, line_search_fn="strong_wolfe"),
    dict(max_iter=5, max_eval=6, line_search_fn="strong_wolfe"),
    dict(lr=1e-3, history_size=2, max_iter=7),
]


def rosenbrock(x, b):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum() + (b - 2) ** 2


def bowl(x, b):
    return ((x - 1) ** 2 * 3).sum() + (b * b + x[0]) ** 2


def start(dtype):
    return [np.linspace(-1, 1.2, 6).astype(dtype), np.asarray(0.5, dtype)]


def descend(function, dtype, options, steps=5, wrap=lambda f: f, library=optim, make=nn.Parameter):
    params = [make(p) for p in start(dtype)]
    optimizer = library.LBFGS(params, **options)
    calls = []

    def body():
        optimizer.zero_grad()
        loss = function(*params)
        loss.backward()
        return loss

    body = wrap(body)

    def closure():
        calls.append(1)
        return body()

    losses = [optimizer.step(closure).item() for _ in range(steps)]
    return losses, [p.detach().numpy() for p in params], len(calls)


# In single precision rounding decides when a bowl is flat enough to stop.
@pytest.mark.parametrize(
    "function, dtype, rtol", [(rosenbrock, "float64", 1e-9), (bowl, "float64", 1e-9), (rosenbrock, "float32", 2e-3)]
)
@pytest.mark.parametrize("options", OPTIONS)
def test_equals_pytorch(function, options, dtype, rtol):
    torch = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
    theirs = descend(
        function, dtype, options, library=torch.optim, make=lambda p: torch.nn.Parameter(torch.from_numpy(p))
    )
    ours = descend(function, dtype, options)
    assert ours[2] == theirs[2], "evaluations"
    np.testing.assert_allclose(ours[0], theirs[0], rtol=rtol, atol=1e-9)
    for a, b in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-9)


# Of PyTorch 2.13: how many evaluations, and the losses before each of five steps.
RECORDED = {
    (rosenbrock, 0): (60, [363.939984, 3.08806273, 0.0224271022, 0.0, 0.0]),
    (rosenbrock, 1): (100, [363.939984, 354.40177, 340.39916, 307.492272, 256.179751]),
    (rosenbrock, 2): (25, [363.939984, 74.0863726, 17.2651734, 7.06110277, 6.58647604]),
    (rosenbrock, 3): (32, [363.939984, 26.6579571, 6.32136354, 4.45127784, 3.08806273]),
    (rosenbrock, 4): (35, [363.939984, 360.926483, 357.440456, 352.592592, 328.86976]),
    (bowl, 0): (13, [25.3065, 0.75, 0.75, 0.75, 0.75]),
    (bowl, 1): (100, [25.3065, 701.088091, 682.023249, 663.242698, 644.913346]),
    (bowl, 2): (24, [25.3065, 0.976644234, 0.752404248, 0.750005684, 0.750000012]),
    (bowl, 3): (13, [25.3065, 0.751302575, 0.75, 0.75, 0.75]),
    (bowl, 4): (35, [25.3065, 24.9831425, 20.8262139, 17.1558002, 16.2384405]),
}


@pytest.mark.parametrize("function, i", RECORDED)
def test_equals_what_pytorch_was_seen_to_do(function, i):
    evaluations, expected = RECORDED[function, i]
    losses, _, calls = descend(function, "float64", OPTIONS[i])
    assert calls == evaluations
    np.testing.assert_allclose(losses, expected, rtol=1e-7, atol=1e-9)


def test_it_finds_the_minimum_in_a_few_evaluations():
    losses, params, calls = descend(rosenbrock, "float64", OPTIONS[0], steps=8)
    np.testing.assert_allclose(params[0], 1, rtol=1e-5)
    np.testing.assert_allclose(params[1], 2, rtol=1e-5)
    assert calls < 100


@pytest.mark.parametrize("options", OPTIONS[:2])
def test_a_jitted_closure_gives_the_same(options):
    eager, jitted = (descend(rosenbrock, "float64", options, wrap=wrap) for wrap in (lambda f: f, tg.jit))
    assert eager[2] == jitted[2]
    np.testing.assert_allclose(eager[0], jitted[0], rtol=1e-12)


def test_the_step_itself_is_not_recorded():
    w = nn.Parameter(np.ones(2))
    optimizer = optim.LBFGS([w])

    @tg.jit
    def step():
        return optimizer.step(lambda: (w * w).sum())

    with pytest.raises(tg.NotReplayable):
        step()
    assert w.data.tolist() == [1, 1]


def closure_of(optimizer, params):
    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(*params)
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_continues_bit_for_bit_from_a_file(steps, tmp_path):
    params = [nn.Parameter(p) for p in start("float64")]
    optimizer = optim.LBFGS(params, max_iter=3, history_size=4, line_search_fn="strong_wolfe")
    for _ in range(steps):
        optimizer.step(closure_of(optimizer, params))
    save(tmp_path / "state.npz", optimizer.state_dict())
    others = [nn.Parameter(p.numpy()) for p in params]
    again = optim.LBFGS(others)
    again.load_state_dict(load(tmp_path / "state.npz"))
    for _ in range(3):
        optimizer.step(closure_of(optimizer, params))
        again.step(closure_of(again, others))
    assert all(p.numpy().tobytes() == q.numpy().tobytes() for p, q in zip(params, others, strict=True))


def test_mixed_and_complex_parameters():
    a, b = nn.Parameter(np.ones(2, np.float32)), nn.Parameter(np.array([1 + 1j, 2.0]))
    optimizer = optim.LBFGS([a, b], line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = ((a - 3) ** 2).sum() + (np.abs(b - 2j) ** 2).sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    assert a.dtype == np.float32 and b.dtype == complex
    np.testing.assert_allclose(a.data, 3, rtol=1e-5)
    np.testing.assert_allclose(b.data, 2j, atol=1e-5)


def test_the_line_search_keeps_its_promises(rng):
    """Sufficient decrease and curvature hold on random smooth functions of one number."""
    for _ in range(100):
        c = rng.normal(size=4)

        def f(t, c=c):
            return Point(
                t,
                float(np.sin(3 * c[0] * t) + c[1] * t + (0.1 + c[2] ** 2) * t**2),
                np.zeros(1),
                float(3 * c[0] * np.cos(3 * c[0] * t) + c[1] + 2 * (0.1 + c[2] ** 2) * t),
            )

        begin = f(0.0)
        if begin.slope >= -1e-3:
            continue
        found, evals = strong_wolfe(f, begin, 10.0 ** rng.uniform(-2, 1), 1.0, 25)
        assert evals <= 26 and found.loss <= begin.loss + 1e-4 * found.step * begin.slope
        assert abs(found.slope) <= 0.9 * abs(begin.slope) + 1e-12


def test_the_line_search_is_pytorchs_step_for_step():
    """On 208 functions of one number and first steps of all sizes; the sums were those of PyTorch 2.13's own search."""
    rng, evaluations, logarithms = np.random.default_rng(5), 0, 0.0
    for _ in range(400):
        a, b, c, d, w = rng.normal(size=5) * [1, 3, 1, 0.3, 4.0]
        c, d, first = 0.01 + c**2, abs(d), 10.0 ** rng.uniform(-3, 2)

        def f(t, a=a, b=b, c=c, d=d, w=w):
            value = float(a * np.sin(w * t) + b * t + c * t**2 + d * t**4)
            return Point(t, value, None, float(a * w * np.cos(w * t) + b + 2 * c * t + 4 * d * t**3))

        if f(0.0).slope < -1e-3:
            found, evals = strong_wolfe(f, f(0.0), first, 1.0, 25)
            evaluations, logarithms = evaluations + evals, logarithms + np.log(found.step)
    assert evaluations == 570
    np.testing.assert_allclose(logarithms, -191.29308634301063, rtol=1e-9)


def test_the_cubic_is_exact_for_cubics(rng):
    for _ in range(50):
        roots = np.sort(rng.normal(size=2))  # of the slope: a maximum, then a minimum
        a, b = roots[1] - rng.uniform(0, 0.4) * (roots[1] - roots[0]), roots[1] + 1.0

        def at(t, roots=roots):
            poly = np.polyint(np.poly(roots))
            return Point(t, float(np.polyval(poly, t)), None, float(np.polyval(np.poly(roots), t)))

        assert cubic(at(a), at(b), a, b) == pytest.approx(roots[1], rel=1e-6, abs=1e-9)
        assert cubic(at(b), at(a), a, b) == pytest.approx(roots[1], rel=1e-6, abs=1e-9)


def test_bad_arguments_are_refused():
    w = nn.Parameter(np.ones(2))
    with pytest.raises(ValueError, match="one group of parameters, found 2"):
        optim.LBFGS([{"params": [w]}, {"params": [nn.Parameter(np.ones(1))]}])
    with pytest.raises(ValueError, match="line_search_fn: expected 'strong_wolfe' or None, found 'armijo'"):
        optim.LBFGS([w], line_search_fn="armijo")
    with pytest.raises(ValueError, match="max_iter: expected a whole number >= 1, found 0"):
        optim.LBFGS([w], max_iter=0)
    optimizer = optim.LBFGS([w])
    with pytest.raises(TypeError, match="expected a closure"):
        optimizer.step()
    with pytest.raises(ValueError, match="one group"):
        optimizer.add_param_group({"params": [nn.Parameter(np.ones(1))]})
    for change, words in [(dict(moves=np.ones((1, 3))), "'moves' is for 3 numbers, expected 2"), (dict(x=1), "has")]:
        state = optimizer.state_dict()
        state["state"] = {"0": {"func_evals": np.array(1), "n_iter": np.array(1), **change}}
        with pytest.raises(ValueError, match=words):
            optimizer.load_state_dict(state)


def test_a_loss_that_falls_without_end_lengthens_the_step_tenfold():
    """The cubic through two points of a line has no minimum: as in PyTorch the bound is taken, not a division by 0."""
    assert cubic(Point(0.0, 0.0, None, -1.0), Point(1.0, -1.0, None, -1.0), 1.01, 10.0) == 10.0
    w = tg.Tensor(np.zeros(4), requires_grad=True)
    optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe", max_iter=2)

    def closure():
        optimizer.zero_grad()
        loss = -w.sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert w.data.tolist() == [2.5] * 4  # ten times the first step, along a direction of ones


def test_the_line_search_has_a_tolerance_of_its_own():
    """`tolerance_change` ends the iterations alone, as in PyTorch."""
    evaluations = [descend(rosenbrock, "float64", dict(OPTIONS[0], tolerance_change=t), 1)[2] for t in (1e-9, 1e-2)]
    assert evaluations[0] >= evaluations[1] > 5
