"""Optimizers as functions of nested parameters: nothing is changed in place, so that they can be differentiated too.

Each runs a whole descent, as `adam(grad, params, steps=100)`, and is a pure pair besides: `adam.init(params)` makes its
state, `adam.update(params, gradients, state)` returns new parameters and a new state.

>>> params = adam(lambda p: {"x": 2 * p["x"]}, {"x": np.array([1.0, -2.0])}, steps=300, step_size=0.1)
>>> bool(np.abs(params["x"]).max() < 1e-3)
True
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..transforms.ravel import ravel

AnyFunction = Callable[..., Any]
Vectors = tuple[Any, ...]
Moved = tuple[Any, list[Any]]  # what is taken from the parameters, and the new state


class Descent:
    """An optimizer: how a step and a new state follow from a gradient, all of them vectors."""

    def __init__(self, step: AnyFunction):
        self.__name__, self.__doc__, self.step = step.__name__, step.__doc__, step
        _, _, *parameters = inspect.signature(step).parameters.values()
        self.states = sum(p.default is p.empty for p in parameters)  # vectors, which start from zeros
        self.options = {p.name: p.default for p in parameters[self.states :]}

    def __repr__(self) -> str:
        return f"<optimizer {self.__name__}({', '.join(f'{k}={v}' for k, v in self.options.items())})>"

    def __call__(self, grad: AnyFunction, params: Any, callback: AnyFunction | None = None, steps: int = 100,
                 *settings: float, num_iters: int | None = None, **options: float) -> Any:  # fmt: skip
        """The parameters after `steps` steps along grad(params, i), or grad(params), from `params`.

        `callback(params, i, gradient)` is called before each step. Options are by name, or in order after `steps`.
        `num_iters` is another name of `steps`.
        """
        options = self.settled(dict(zip(self.options, settings)) | options)
        call = with_number(grad)
        state = self.init(params)
        for i in range(steps if num_iters is None else num_iters):
            gradient = call(params, i)
            if callback is not None:
                callback(params, i, gradient)
            params, state = self.update(params, gradient, state, **options)
        return params

    def init(self, params: Any) -> Vectors:
        """The state before the first step: its number, and vectors of zeros."""
        flat = ravel(params)[0]
        return (0, *(np.zeros_like(flat, dtype=np.result_type(flat.dtype, np.float16)) for _ in range(self.states)))

    def update(
        self, params: Any, gradients: Any, state: tuple[Any, ...], **options: float
    ) -> tuple[Any, tuple[Any, ...]]:
        """(new parameters, new state) after one step; what is given stays as it is."""
        options = self.settled(options)
        flat, unravel = ravel(params)
        gradient = ravel(gradients)[0]
        if gradient.shape != flat.shape:
            raise ValueError(
                f"{self.__name__}: the gradient has {gradient.size} numbers; expected {flat.size}, as the parameters"
            )
        number, *vectors = state
        step, vectors = self.step(gradient, number, *vectors, **options)
        return unravel(flat - step), (number + 1, *vectors)

    def settled(self, options: dict[str, float]) -> dict[str, float]:
        unknown = [name for name in options if name not in self.options]
        if unknown:
            raise TypeError(f"{self.__name__}: found the option {unknown[0]!r}; expected {', '.join(self.options)}")
        return self.options | options


def with_number(grad: AnyFunction) -> AnyFunction:
    """A gradient as a function of the parameters and the number of the step, whether it asks for that or not."""
    try:
        parameters = inspect.signature(grad).parameters.values()
    except (TypeError, ValueError):
        return grad
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    starred = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return grad if starred or len(places) > 1 else lambda params, i: grad(params)


@Descent
def sgd(g: Any, number: int, velocity: Any, step_size: float = 0.1, mass: float = 0.9) -> Moved:
    """Gradient descent with momentum: the step is a running mean of gradients."""
    velocity = mass * velocity + (1 - mass) * g
    return step_size * velocity, [velocity]


@Descent
def rmsprop(g: Any, number: int, square: Any, step_size: float = 0.1, gamma: float = 0.9, eps: float = 1e-8) -> Moved:
    """Steps scaled by the root of a running mean of squares (Tieleman and Hinton 2012)."""
    square = gamma * square + (1 - gamma) * g * g
    return step_size * g / (np.sqrt(square) + eps), [square]


@Descent
def adam(g: Any, number: int, mean: Any, square: Any, step_size: float = 0.001, b1: float = 0.9, b2: float = 0.999,
         eps: float = 1e-8) -> Moved:  # fmt: skip
    """Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980)."""
    mean = b1 * mean + (1 - b1) * g
    square = b2 * square + (1 - b2) * g * g
    unbiased = mean / (1 - b1 ** (number + 1))
    return step_size * unbiased / (np.sqrt(square / (1 - b2 ** (number + 1))) + eps), [mean, square]


def __dir__() -> list[str]:
    return ["adam", "rmsprop", "sgd"]
