"""One problem that both frameworks are given: parameters, and a gradient for each place and step."""

from __future__ import annotations

import numpy as np

STEPS = 100

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
    "adagrad": ("Adagrad", dict()),
    "adagrad_options": ("Adagrad", dict(lr=0.1, lr_decay=0.05, weight_decay=0.02, initial_accumulator_value=0.1)),
}

SGD, ADAM = ("SGD", dict(lr=0.1, momentum=0.9)), ("Adam", dict(lr=0.1))

# label: (scheduler, options, optimizer, its options)
SCHEDULES = {
    "step": ("StepLR", dict(step_size=7, gamma=0.3), *SGD),
    "step_defaults": ("StepLR", dict(step_size=30), *SGD),
    "cosine": ("CosineAnnealingLR", dict(T_max=40), *SGD),
    "cosine_restart": ("CosineAnnealingLR", dict(T_max=12, eta_min=0.01), *SGD),
    "linear": ("LinearLR", dict(), *SGD),
    "linear_down": ("LinearLR", dict(start_factor=1.0, end_factor=0.1, total_iters=25), *SGD),
    "one_cycle": ("OneCycleLR", dict(max_lr=0.5, total_steps=40), *SGD),
    "one_cycle_adam": ("OneCycleLR", dict(max_lr=0.5, epochs=4, steps_per_epoch=10), *ADAM),
    "one_cycle_linear": (
        "OneCycleLR",
        dict(
            max_lr=0.5, total_steps=45, anneal_strategy="linear", pct_start=0.4, div_factor=10.0, final_div_factor=50.0
        ),
        *SGD,
    ),
    "one_cycle_three": ("OneCycleLR", dict(max_lr=0.5, total_steps=41, three_phase=True, base_momentum=0.7), *ADAM),
    "one_cycle_plain": ("OneCycleLR", dict(max_lr=0.5, total_steps=40, cycle_momentum=False), *SGD),
}


def first_parameters() -> list[np.ndarray]:
    """A matrix, a vector, a scalar and an empty array, float32, some entries exactly 0."""
    rng = np.random.default_rng(1)
    params = [np.asarray(rng.normal(size=shape), np.float32) for shape in ((3, 4), (5,), (), (0, 2))]
    params[0][1] = 0
    return params


def gradients(t: int, params: list[np.ndarray]) -> list[np.ndarray]:
    """The gradient at step t of a noisy quadratic bowl: depends on where the parameters are; some entries are 0."""
    rng = np.random.default_rng(1000 + t)
    grads = [np.asarray(0.3 * p + 0.5 * rng.normal(size=p.shape), np.float32) for p in params]
    grads[1][2] = 0
    return grads
