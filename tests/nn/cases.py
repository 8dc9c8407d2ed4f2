"""Calls of `nn.functional` that both frameworks are given: the name, the arguments, and which are differentiated."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One call: `fun(*args, **kwargs)`; the first `diff` arguments, or those at the positions `diff`, get gradients."""

    fun: str
    args: tuple
    kwargs: dict[str, Any] = {}
    diff: int | tuple[int, ...] = 1

    @property
    def positions(self) -> tuple[int, ...]:
        return self.diff if isinstance(self.diff, tuple) else tuple(range(self.diff))

    def primals(self) -> list[np.ndarray]:
        """The arguments that get gradients."""
        return [self.args[i] for i in self.positions]

    def with_primals(self, values) -> list:
        """All arguments, these in the place of those that get gradients."""
        args = list(self.args)
        for i, value in zip(self.positions, values, strict=True):
            args[i] = value
        return args


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).normal(scale=scale, size=shape)


def labels(*shape: int, classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).integers(0, classes, shape)


def probabilities(*shape: int, seed: int = 0) -> np.ndarray:
    p = np.random.default_rng((seed, *shape)).random(shape)
    return p / p.sum(axis=1, keepdims=True)


IGNORED = labels(6, classes=5, seed=3)
IGNORED[2] = -100
HUGE = np.array([[800.0, -800.0, 0.0], [-800.0, -800.0, -800.0], [1.0, 2.0, 800.0]])
EDGES = np.array([-800.0, -30.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 1.0, 3.0, 30.0, 800.0])
W5 = np.array([0.5, 1.0, 2.0, 0.25, 3.0])

IMAGES, KERNELS = draw(2, 4, 7, 6), draw(6, 4, 3, 2, seed=1)

CASES = {
    "conv2d": Case("conv2d", (IMAGES, KERNELS, draw(6, seed=2)), diff=3),
    "conv2d_options": Case(
        "conv2d", (IMAGES, KERNELS, draw(6, seed=2)), dict(stride=(2, 1), padding=(1, 2), dilation=(1, 2)), 3
    ),
    "conv2d_leftover": Case("conv2d", (IMAGES, KERNELS), dict(stride=3, padding=1), 2),
    "conv2d_groups": Case("conv2d", (IMAGES, draw(6, 2, 3, 2)), dict(groups=2, padding=1), 2),
    "conv2d_same": Case(
        "conv2d", (IMAGES, draw(6, 4, 3, 3), draw(6, seed=2)), dict(padding="same", dilation=(1, 2)), 3
    ),
    "conv2d_valid": Case("conv2d", (IMAGES, KERNELS), dict(padding="valid", stride=(2, 3)), 2),
    "conv2d_depthwise": Case("conv2d", (IMAGES, draw(8, 1, 2, 2)), dict(groups=4, dilation=2, padding=(0, 3)), 2),
    "max_pool2d": Case("max_pool2d", (IMAGES, 2)),
    "max_pool2d_options": Case("max_pool2d", (IMAGES, (3, 2)), dict(stride=(1, 2), padding=1)),
    "max_pool2d_dilation": Case("max_pool2d", (IMAGES, 2), dict(stride=1, dilation=2)),
    "max_pool2d_ties_kink": Case("max_pool2d", (np.ones((1, 2, 4, 4)), 3), dict(stride=1)),
    "avg_pool2d": Case("avg_pool2d", (IMAGES, 2)),
    "avg_pool2d_options": Case("avg_pool2d", (IMAGES, (3, 2)), dict(stride=(1, 2), padding=1)),
    "layer_norm": Case("layer_norm", (draw(3, 5, 4), (4,), draw(4, seed=1), draw(4, seed=2)), diff=(0, 2, 3)),
    "layer_norm_two_axes": Case("layer_norm", (draw(3, 5, 4), (5, 4)), dict(eps=0.1)),
    "batch_norm": Case("batch_norm", (draw(6, 5), None, None), dict(training=True)),
    "batch_norm_images": Case(
        "batch_norm", (IMAGES, None, None, draw(4, seed=1), draw(4, seed=2)), dict(training=True, eps=0.1), (0, 3, 4)
    ),
    "batch_norm_eval": Case(
        "batch_norm", (IMAGES, draw(4, seed=3), draw(4, seed=4) ** 2, draw(4, seed=1)), diff=(0, 3)
    ),
    "embedding": Case("embedding", (labels(3, 2, classes=6), draw(6, 4)), diff=(1,)),
    "linear": Case("linear", (draw(6, 4), draw(3, 4, seed=1), draw(3, seed=2)), diff=3),
    "linear_without_bias": Case("linear", (draw(6, 4), draw(3, 4, seed=1)), diff=2),
    "linear_vector": Case("linear", (draw(4), draw(3, 4, seed=1), draw(3, seed=2)), diff=3),
    "linear_batches": Case("linear", (draw(2, 5, 4), draw(3, 4, seed=1), draw(3, seed=2)), diff=3),
    "linear_empty": Case("linear", (draw(0, 4), draw(3, 4, seed=1), draw(3, seed=2)), diff=3),
    "relu": Case("relu", (draw(9),)),
    "relu_kink": Case("relu", (np.append(draw(9), 0.0),)),
    "leaky_relu": Case("leaky_relu", (draw(9),), dict(negative_slope=0.2)),
    "leaky_relu_kink": Case("leaky_relu", (np.append(draw(9), 0.0),), dict(negative_slope=0.2)),
    "sigmoid": Case("sigmoid", (EDGES,)),
    "tanh": Case("tanh", (EDGES,)),
    "silu": Case("silu", (EDGES,)),
    "softplus": Case("softplus", (draw(9, scale=5.0),)),
    "gelu": Case("gelu", (EDGES,)),
    "gelu_tanh": Case("gelu", (EDGES,), dict(approximate="tanh")),
    "softmax": Case("softmax", (draw(6, 5),), dict(dim=-1)),
    "softmax_first_axis": Case("softmax", (draw(6, 5, 2),), dict(dim=0)),
    "softmax_wide": Case("softmax", (draw(3, 80, scale=4.0),), dict(dim=1)),
    "softmax_huge": Case("softmax", (HUGE,), dict(dim=-1)),
    "log_softmax": Case("log_softmax", (draw(6, 5),), dict(dim=1)),
    "log_softmax_middle_axis": Case("log_softmax", (draw(3, 5, 2),), dict(dim=1)),
    "log_softmax_huge": Case("log_softmax", (HUGE,), dict(dim=-1)),
    "cross_entropy": Case("cross_entropy", (draw(6, 5), labels(6, classes=5))),
    "cross_entropy_wide": Case("cross_entropy", (draw(4, 90), labels(4, classes=90))),
    "cross_entropy_huge": Case("cross_entropy", (HUGE, np.array([1, 0, 2]))),
    "cross_entropy_sum": Case("cross_entropy", (draw(6, 5), labels(6, classes=5)), dict(reduction="sum")),
    "cross_entropy_none": Case("cross_entropy", (draw(6, 5), labels(6, classes=5)), dict(reduction="none")),
    "cross_entropy_weight": Case("cross_entropy", (draw(6, 5), labels(6, classes=5)), dict(weight=W5)),
    "cross_entropy_weight_none": Case("cross_entropy", (draw(6, 5), IGNORED), dict(weight=W5, reduction="none")),
    "cross_entropy_ignored": Case("cross_entropy", (draw(6, 5), IGNORED)),
    "cross_entropy_ignored_class": Case(
        "cross_entropy", (draw(6, 5), labels(6, classes=5)), dict(ignore_index=1, weight=W5)
    ),
    "cross_entropy_smooth": Case("cross_entropy", (draw(6, 5), IGNORED), dict(label_smoothing=0.2)),
    "cross_entropy_smooth_weight": Case("cross_entropy", (draw(6, 5), IGNORED), dict(label_smoothing=0.2, weight=W5)),
    "cross_entropy_smooth_none": Case(
        "cross_entropy", (draw(6, 5), IGNORED), dict(label_smoothing=0.2, weight=W5, reduction="none")
    ),
    "cross_entropy_one_row": Case("cross_entropy", (draw(5), np.array(3))),
    "cross_entropy_images": Case("cross_entropy", (draw(2, 5, 3, 4), labels(2, 3, 4, classes=5))),
    "cross_entropy_images_none": Case(
        "cross_entropy", (draw(2, 5, 3), labels(2, 3, classes=5)), dict(reduction="none")
    ),
    "cross_entropy_soft": Case("cross_entropy", (draw(6, 5), probabilities(6, 5)), diff=2),
    "cross_entropy_soft_all": Case(
        "cross_entropy", (draw(6, 5), probabilities(6, 5)), dict(label_smoothing=0.1, weight=W5), diff=2
    ),
    "cross_entropy_soft_none": Case("cross_entropy", (draw(6, 5), probabilities(6, 5)), dict(reduction="none"), 2),
    "cross_entropy_soft_images": Case("cross_entropy", (draw(2, 5, 3), probabilities(2, 5, 3)), diff=2),
    "nll_loss": Case("nll_loss", (draw(6, 5), labels(6, classes=5))),
    "nll_loss_weight_ignored": Case("nll_loss", (draw(6, 5), IGNORED), dict(weight=W5)),
    "nll_loss_none": Case("nll_loss", (draw(2, 5, 3), labels(2, 3, classes=5)), dict(reduction="none")),
    "nll_loss_sum": Case("nll_loss", (draw(6, 5), labels(6, classes=5)), dict(reduction="sum")),
    "mse_loss": Case("mse_loss", (draw(6, 5), draw(6, 5, seed=1)), diff=2),
    "mse_loss_sum": Case("mse_loss", (draw(6, 5), draw(6, 5, seed=1)), dict(reduction="sum"), 2),
    "mse_loss_none": Case("mse_loss", (draw(6, 5), draw(6, 5, seed=1)), dict(reduction="none"), 2),
    "l1_loss": Case("l1_loss", (draw(6, 5), draw(6, 5, seed=1)), diff=2),
    "bce": Case("binary_cross_entropy_with_logits", (EDGES, probabilities(1, 11)[0]), diff=1),
    "bce_sum": Case(
        "binary_cross_entropy_with_logits", (draw(6, 5), labels(6, 5, classes=2) * 1.0), dict(reduction="sum")
    ),
    "bce_weights": Case(
        "binary_cross_entropy_with_logits",
        (draw(6, 5), probabilities(6, 5)),
        dict(weight=W5, pos_weight=W5[::-1].copy(), reduction="none"),
    ),
}


def cotangent(shape: tuple) -> np.ndarray:
    """A random cotangent for an output of this shape."""
    return np.random.default_rng(99).normal(size=shape)
