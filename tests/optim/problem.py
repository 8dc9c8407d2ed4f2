"""One problem that both frameworks are given: parameters, and a gradient for each place and step."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

STEPS = 200

# label: (optimizer, options), for PyTorch and for us alike
CASES = {
    "sgd": ("SGD", dict(lr=0.05)),
    "sgd_defaults": ("SGD", dict()),
    "sgd_momentum": ("SGD", dict(lr=0.02, momentum=0.9)),
    "sgd_dampening": ("SGD", dict(lr=0.02, momentum=0.8, dampening=0.3)),
    "sgd_nesterov_decay": ("SGD", dict(lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.01)),
    "sgd_maximize": ("SGD", dict(lr=0.001, momentum=0.5, weight_decay=0.1, maximize=True)),
    "adam": ("Adam", dict()),
    "adam_options": ("Adam", dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6)),
    "adam_l2": ("Adam", dict(lr=0.01, weight_decay=0.1)),
    "adam_amsgrad": ("Adam", dict(lr=0.01, amsgrad=True)),
    "adam_maximize": ("Adam", dict(lr=0.001, weight_decay=0.1, maximize=True)),
    "adamw": ("AdamW", dict()),
    "adamw_decay": ("AdamW", dict(lr=0.01, weight_decay=0.3)),
    "adamw_amsgrad": ("AdamW", dict(lr=0.01, weight_decay=0.1, amsgrad=True)),
    "rmsprop": ("RMSprop", dict()),
    "rmsprop_momentum_decay": ("RMSprop", dict(lr=0.003, momentum=0.9, weight_decay=0.05)),
    "rmsprop_centered": ("RMSprop", dict(lr=0.003, alpha=0.9, centered=True)),
    "rmsprop_all": ("RMSprop", dict(lr=0.002, alpha=0.95, eps=1e-5, momentum=0.5, centered=True, weight_decay=0.02)),
    "sgd_decay": ("SGD", dict(lr=0.05, weight_decay=0.1)),
    "sgd_maximize_alone": ("SGD", dict(lr=0.001, maximize=True)),
    "adamw_maximize": ("AdamW", dict(lr=0.002, maximize=True)),
    "rmsprop_maximize": ("RMSprop", dict(lr=0.001, maximize=True, weight_decay=0.1)),
    "adagrad_maximize": ("Adagrad", dict(maximize=True, weight_decay=0.1)),
    "adadelta": ("Adadelta", dict()),
    "adadelta_options": ("Adadelta", dict(lr=0.5, rho=0.8, eps=1e-5, weight_decay=0.1)),
    "adadelta_maximize": ("Adadelta", dict(maximize=True, weight_decay=0.1)),
    "adamax": ("Adamax", dict()),
    "adamax_options": ("Adamax", dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1)),
    "adamax_maximize": ("Adamax", dict(maximize=True)),
    "nadam": ("NAdam", dict()),
    "nadam_l2": ("NAdam", dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1)),
    "nadam_decoupled": ("NAdam", dict(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)),
    "nadam_maximize": ("NAdam", dict(momentum_decay=0.1, maximize=True)),
    "radam": ("RAdam", dict()),
    "radam_l2": ("RAdam", dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1)),
    "radam_decoupled": ("RAdam", dict(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)),
    "radam_never_rectified": ("RAdam", dict(lr=0.01, betas=(0.9, 0.6))),
    "radam_maximize": ("RAdam", dict(maximize=True)),
    "adagrad": ("Adagrad", dict()),
    "adagrad_options": ("Adagrad", dict(lr=0.1, lr_decay=0.05, weight_decay=0.02, initial_accumulator_value=0.1)),
}

SGD, ADAM = ("SGD", dict(lr=0.1, momentum=0.9)), ("Adam", dict(lr=0.1))
SCHEDULE_STEPS = 60
METRICS = (np.abs(np.random.default_rng(2).normal(size=SCHEDULE_STEPS)) * np.linspace(2, 1, SCHEDULE_STEPS)).tolist()


def alone(name: str, optimizer=SGD, /, **options):
    """One scheduler of a name."""
    return lambda lr, swa, opt: [getattr(lr, name)(opt, **options)], optimizer


def several(build, optimizer=SGD):
    """Schedulers of one optimizer, stepped in turn."""
    return lambda lr, swa, opt: build(lr, swa, opt), optimizer


# label: (what makes schedulers from lr_scheduler, swa_utils and an optimizer of either library, the optimizer)
SCHEDULES = {
    "constant": alone("ConstantLR", factor=0.2, total_iters=7),
    "constant_defaults": alone("ConstantLR"),
    "step": alone("StepLR", step_size=7, gamma=0.3),
    "step_defaults": alone("StepLR", step_size=30),
    "multi_step": alone("MultiStepLR", milestones=[30, 5, 5, 12], gamma=0.5),
    "exponential": alone("ExponentialLR", gamma=0.9),
    "polynomial": alone("PolynomialLR", total_iters=33, power=2.5),
    "polynomial_defaults": alone("PolynomialLR"),
    "lambda": alone("LambdaLR", lr_lambda=lambda t: 1 / (1 + t)),
    "lambdas": alone("LambdaLR", lr_lambda=[lambda t: 1 / (1 + t), lambda t: 0.9**t]),
    "cosine": alone("CosineAnnealingLR", T_max=40),
    "cosine_restart": alone("CosineAnnealingLR", T_max=12, eta_min=0.01),
    "warm_restarts": alone("CosineAnnealingWarmRestarts", T_0=7),
    "warm_restarts_longer": alone("CosineAnnealingWarmRestarts", T_0=5, T_mult=2, eta_min=0.01),
    "linear": alone("LinearLR"),
    "linear_down": alone("LinearLR", start_factor=1.0, end_factor=0.1, total_iters=25),
    "one_cycle": alone("OneCycleLR", max_lr=0.5, total_steps=60),
    "one_cycle_adam": alone("OneCycleLR", ADAM, max_lr=[0.5, 0.7], epochs=6, steps_per_epoch=10),
    "one_cycle_linear": alone(
        "OneCycleLR",
        max_lr=0.5,
        total_steps=65,
        anneal_strategy="linear",
        pct_start=0.4,
        div_factor=10.0,
        final_div_factor=50.0,
    ),
    "one_cycle_three": alone("OneCycleLR", ADAM, max_lr=0.5, total_steps=61, three_phase=True, base_momentum=0.7),
    "one_cycle_plain": alone("OneCycleLR", max_lr=0.5, total_steps=60, cycle_momentum=False),
    "plateau": alone("ReduceLROnPlateau", factor=0.5, patience=3),
    "plateau_options": alone(
        "ReduceLROnPlateau",
        mode="max",
        factor=0.5,
        patience=2,
        threshold=0.05,
        threshold_mode="abs",
        cooldown=2,
        min_lr=[1e-3, 1e-2],
    ),
    "plateau_max": alone("ReduceLROnPlateau", mode="max", patience=2, threshold=0.02, cooldown=1, eps=1e-3),
    "plateau_abs": alone("ReduceLROnPlateau", patience=0, threshold_mode="abs", factor=0.7, min_lr=1e-2),
    "sequential": several(
        lambda lr, swa, opt: [
            lr.SequentialLR(
                opt,
                [
                    lr.LinearLR(opt, 0.1, total_iters=10),
                    lr.CosineAnnealingLR(opt, 20),
                    lr.ExponentialLR(opt, 0.9),
                ],
                [10, 30],
            )
        ]
    ),
    "sequential_cycle": several(
        lambda lr, swa, opt: [
            lr.SequentialLR(opt, [lr.OneCycleLR(opt, [0.5, 0.7], total_steps=30), lr.StepLR(opt, 4, 0.5)], [20])
        ]
    ),
    "chained": several(
        lambda lr, swa, opt: [lr.ChainedScheduler([lr.ConstantLR(opt, 0.1, 5), lr.ExponentialLR(opt, 0.9)])]
    ),
    "chained_three": several(
        lambda lr, swa, opt: [
            lr.ChainedScheduler(
                [
                    lr.LinearLR(opt, 0.1, total_iters=5),
                    lr.MultiStepLR(opt, [8, 20], 0.3),
                    lr.CosineAnnealingLR(opt, 40, 1e-4),
                ]
            )
        ]
    ),
    "two_in_turn": several(lambda lr, swa, opt: [lr.ExponentialLR(opt, 0.9), lr.StepLR(opt, 5, 0.5)]),
    "swa": several(lambda lr, swa, opt: [swa.SWALR(opt, 0.05)]),
    "swa_linear": several(lambda lr, swa, opt: [swa.SWALR(opt, 0.1, 5, "linear")]),
    "swa_at_once": several(lambda lr, swa, opt: [swa.SWALR(opt, 0.05, 0)]),
    "swa_after_a_decay": several(lambda lr, swa, opt: [lr.ExponentialLR(opt, 0.97), swa.SWALR(opt, 0.1, 20)]),
}


ARRANGEMENTS = ["plain", "groups", "frozen"]
SHAPES = ((3, 4), (5,), (), (0, 2))


def first_parameters(dtype=np.float32) -> list[np.ndarray]:
    """A matrix, a vector, a scalar and an empty array, some entries exactly 0."""
    rng = np.random.default_rng(1)
    params = [np.asarray(rng.normal(size=shape), dtype) for shape in SHAPES]
    params[0][1] = 0
    return params


def arranged(params: list, arrangement: str, options: dict) -> list:
    """What an optimizer is given: the parameters, or groups of them with options of their own."""
    if arrangement != "groups":
        return params
    lr = options.get("lr", 0.01)
    return [{"params": params[:1]}, {"params": params[1:], "lr": lr / 2, "weight_decay": 0.05}]


@lru_cache(maxsize=2 * STEPS)
def noise(t: int, dtype=np.float32) -> list[np.ndarray]:
    """What is random in the gradients of step t."""
    rng = np.random.default_rng(1000 + t)
    return [np.asarray(0.5 * rng.normal(size=shape), dtype) for shape in SHAPES]


def gradients(t: int, params: list[np.ndarray]) -> list[np.ndarray]:
    """The gradient at step t of a noisy quadratic bowl: depends on where the parameters are; some entries are 0."""
    grads = [np.asarray(0.3 * p + e, p.dtype) for p, e in zip(params, noise(t, params[0].dtype), strict=True)]
    grads[1] *= moving(t, params[0].dtype)
    return grads


def moving(t: int, dtype=np.float32) -> np.ndarray:
    """1 for the entries of the vector that have a gradient at step t, 0 for those that have none at first."""
    return np.array([1, 1, t >= 50, 1, 1], dtype)
