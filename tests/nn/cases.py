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


SEQUENCE, VOLUME, POINTS = draw(2, 4, 9), draw(2, 2, 5, 4, 6), draw(9, scale=3.0)
SIGNS = np.where(draw(6, seed=5) > 0, 1.0, -1.0)
GRID = draw(2, 3, 4, 2, scale=0.7)
Q, K, V = draw(2, 3, 4, 6), draw(2, 3, 5, 6, seed=1), draw(2, 3, 5, 2, seed=2)
MASK = draw(4, 5, seed=9) > -0.5


def both(label: str, fun: str, args: tuple, diff: int | tuple[int, ...] = 1, **kwargs) -> dict[str, Case]:
    """A call on a batch and on its first element alone."""
    return {
        label: Case(fun, args, kwargs, diff),
        f"{label}_alone": Case(fun, (args[0][0], *args[1:]), kwargs, diff),
    }


for n, grids in {"1d": SEQUENCE, "2d": IMAGES, "3d": VOLUME}.items():
    c, k = grids.shape[1], grids.ndim - 2
    spread = (2, 1, 2)[:k] if k > 1 else 2
    CASES |= both(
        f"conv{n}_any", f"conv{n}", (grids, draw(6, c // 2, *(2,) * k), draw(6)), 3, stride=spread, padding=1, groups=2
    )
    CASES |= both(
        f"conv_transpose{n}",
        f"conv_transpose{n}",
        (grids, draw(c, 3, *(2,) * k), draw(6)),
        3,
        stride=2,
        padding=1,
        groups=2,
        output_padding=1,
        dilation=2,
    )
    CASES |= {
        f"conv_transpose{n}_far": Case(
            f"conv_transpose{n}", (grids, draw(c, 3, *(2,) * k)), dict(output_padding=1, dilation=3), 2
        )
    }
    for pool in ("max_pool", "avg_pool"):
        CASES |= both(f"{pool}{n}_any", pool + n, (grids, 3), stride=2, padding=1)
        CASES |= both(f"{pool}{n}_ceil", pool + n, (grids, 2), stride=3, ceil_mode=True)
    CASES[f"max_pool{n}_wide"] = Case("max_pool" + n, (grids, 2), dict(dilation=2, stride=1, padding=1, ceil_mode=True))
    CASES[f"avg_pool{n}_inside"] = Case(
        "avg_pool" + n, (grids, 3), dict(padding=1, count_include_pad=False, ceil_mode=True)
    )
    CASES |= both(f"lp_pool{n}", "lp_pool" + n, (np.abs(grids) + 0.1, 3.0, 2), ceil_mode=True)
    for pool in ("adaptive_max_pool", "adaptive_avg_pool"):
        CASES |= both(pool + n, pool + n, (grids, 3))
        CASES[f"{pool}{n}_one"] = Case(pool + n, (grids, 1))
    CASES |= {f"dropout_{n}_rest": Case(f"dropout{n}", (grids,), dict(training=False))}
    CASES[f"instance_norm_{n}"] = Case(
        "instance_norm", (grids, None, None, draw(c, seed=1), draw(c, seed=2)), {}, (0, 3, 4)
    )
    CASES[f"group_norm_{n}"] = Case("group_norm", (grids, 2, draw(c, seed=1), draw(c, seed=2)), {}, (0, 2, 3))
    CASES[f"local_response_norm_{n}"] = Case("local_response_norm", (grids, 3), dict(alpha=0.5, beta=0.6))
    CASES[f"batch_norm_{n}"] = Case("batch_norm", (grids, None, None), dict(training=True))
    for mode in ("nearest", "nearest-exact", "area", {"1d": "linear", "2d": "bilinear", "3d": "trilinear"}[n]):
        CASES[f"interpolate_{mode}_{n}"] = Case("interpolate", (grids,), dict(scale_factor=1.7, mode=mode))
        CASES[f"interpolate_{mode}_{n}_less"] = Case("interpolate", (grids,), dict(size=3, mode=mode))
    CASES[f"interpolate_{n}_twice"] = Case("interpolate", (grids,), dict(scale_factor=2))
    for mode in ("reflect", "replicate", "circular", "constant"):
        CASES[f"pad_{mode}_{n}"] = Case("pad", (grids, (1, 2) * k), dict(mode=mode))

CASES |= {
    "avg_pool2d_divisor": Case("avg_pool2d", (IMAGES, 2), dict(divisor_override=3)),
    "interpolate_bicubic": Case("interpolate", (IMAGES,), dict(scale_factor=(1.5, 2.0), mode="bicubic")),
    "interpolate_bicubic_corners": Case(
        "interpolate", (IMAGES,), dict(size=(9, 4), mode="bicubic", align_corners=True)
    ),
    "interpolate_corners": Case("interpolate", (IMAGES,), dict(size=(9, 4), mode="bilinear", align_corners=True)),
    "interpolate_smooth": Case("interpolate", (IMAGES,), dict(size=(3, 4), mode="bilinear", antialias=True)),
    "interpolate_bicubic_smooth": Case("interpolate", (IMAGES,), dict(size=(3, 4), mode="bicubic", antialias=True)),
    "pad_cut": Case("pad", (IMAGES, (-1, 2, 1, -2)), dict(value=0.5)),
    "pad_cut_replicate": Case("pad", (IMAGES, (-1, 2, 1, -2)), dict(mode="replicate")),
    "unfold": Case("unfold", (IMAGES, (3, 2)), dict(dilation=2, padding=1, stride=2)),
    "fold": Case("fold", (draw(2, 12, 20), (6, 5), (2, 3)), dict(stride=(2, 1), padding=(1, 1))),
    "pixel_shuffle": Case("pixel_shuffle", (draw(2, 8, 3, 2), 2)),
    "pixel_unshuffle": Case("pixel_unshuffle", (draw(2, 2, 4, 6), 2)),
    "channel_shuffle": Case("channel_shuffle", (draw(2, 6, 3, 2), 3)),
    "affine_grid": Case("affine_grid", (draw(2, 2, 3), (2, 1, 3, 4)), dict(align_corners=False)),
    "affine_grid_volume": Case("affine_grid", (draw(2, 3, 4), (2, 1, 3, 4, 2)), dict(align_corners=True)),
    "grid_sample_volume": Case("grid_sample", (VOLUME, draw(2, 2, 3, 2, 3, scale=0.6)), dict(align_corners=False), 2),
}
for mode in ("bilinear", "nearest", "bicubic"):
    for outside in ("zeros", "border", "reflection"):
        CASES[f"grid_sample_{mode}_{outside}"] = Case(
            "grid_sample", (IMAGES, GRID), dict(mode=mode, padding_mode=outside, align_corners=outside == "border"), 2
        )

CASES |= {
    f"{name}_any": Case(name, (POINTS,))
    for name in "relu6 elu celu selu mish hardswish hardsigmoid hardtanh softsign hardshrink softshrink tanhshrink "
    "logsigmoid rrelu".split()
} | {
    "elu_alpha": Case("elu", (POINTS, 0.5)),
    "celu_alpha": Case("celu", (POINTS, 0.5)),
    "hardtanh_limits": Case("hardtanh", (POINTS, -0.5, 2.0)),
    "hardshrink_limit": Case("hardshrink", (POINTS, 1.5)),
    "softshrink_limit": Case("softshrink", (POINTS, 1.5)),
    "threshold": Case("threshold", (POINTS, 0.5, -2.0)),
    "softplus_options": Case("softplus", (POINTS,), dict(beta=3.0, threshold=4.0)),
    "logsigmoid_edges": Case("logsigmoid", (EDGES,)),
    "mish_edges": Case("mish", (EDGES,)),
    "prelu": Case("prelu", (draw(3, 4, 2), draw(4, seed=1)), {}, 2),
    "prelu_one": Case("prelu", (POINTS, np.array([0.3])), {}, 2),
    "glu": Case("glu", (draw(3, 4, 2), 1)),
    "softmin": Case("softmin", (draw(3, 4),), dict(dim=1)),
    "normalize": Case("normalize", (draw(3, 4),), dict(p=3.0, dim=0)),
    "rms_norm": Case("rms_norm", (draw(3, 5, 4), (5, 4), draw(5, 4, seed=1)), dict(eps=0.1), (0, 2)),
    "rms_norm_usual": Case("rms_norm", (draw(3, 4), (4,))),
    "instance_norm_running": Case(
        "instance_norm", (IMAGES, draw(4, seed=3), draw(4, seed=4) ** 2), dict(use_input_stats=False)
    ),
    "bilinear": Case("bilinear", (draw(5, 3), draw(5, 4, seed=1), draw(2, 3, 4), draw(2)), {}, 4),
    "cosine_similarity": Case("cosine_similarity", (draw(3, 4), draw(3, 4, seed=1)), dict(dim=1), 2),
    "pairwise_distance": Case("pairwise_distance", (draw(3, 4), draw(3, 4, seed=1)), dict(p=3.0, keepdim=True), 2),
    "pdist": Case("pdist", (draw(5, 3),)),
    "embedding_padding": Case("embedding", (labels(3, 2, classes=6), draw(6, 4), 2), {}, (1,)),
    "embedding_frequency": Case("embedding", (labels(7, classes=3), draw(6, 4)), dict(scale_grad_by_freq=True), (1,)),
    "attention": Case("scaled_dot_product_attention", (Q, K, V), {}, 3),
    "attention_mask": Case("scaled_dot_product_attention", (Q, K, V, MASK), {}, 3),
    "attention_added": Case("scaled_dot_product_attention", (Q, K, V, draw(4, 5)), dict(scale=0.3), (0, 1, 2, 3)),
    "attention_causal": Case("scaled_dot_product_attention", (Q, Q, V[:, :, :4]), dict(is_causal=True), 3),
    "attention_shared": Case("scaled_dot_product_attention", (draw(2, 6, 4, 6), K, V), dict(enable_gqa=True), 3),
    "cross_entropy_smooth_zero_weight": Case(
        "cross_entropy", (draw(6, 5), IGNORED), dict(label_smoothing=0.2, weight=W5 * [1, 0, 1, 0, 1])
    ),
    "cross_entropy_all_ignored_empty": Case("cross_entropy", (draw(2, 3), np.array([-100, -100])), dict(weight=W5[:3])),
}

TWO, PROBABLE = (draw(6, 5), draw(6, 5, seed=1)), 0.2 + 0.6 * np.random.default_rng(4).random((6, 5))
MULTI = np.array(
    [[3, 0, -1, 1, 2], [1, -1, 4, 4, 4], [0, 1, 2, 3, 4], [-1, 0, 0, 0, 0], [2, 4, -1, 0, 0], [4, 3, 2, -1, 1]]
)
LOSSES = {
    "huber_loss": (*TWO,),
    "smooth_l1_loss": (*TWO,),
    "mse_loss": (*TWO,),
    "binary_cross_entropy": (PROBABLE, probabilities(6, 5, seed=1)),
    "kl_div": (np.log(PROBABLE), probabilities(6, 5, seed=1)),
    "poisson_nll_loss": (draw(6, 5), np.abs(draw(6, 5, seed=1)) * 3),
    "gaussian_nll_loss": (*TWO, draw(6, 5, seed=2) ** 2 + 0.1),
    "soft_margin_loss": (draw(6), SIGNS),
    "hinge_embedding_loss": (draw(6), SIGNS),
    "margin_ranking_loss": (draw(6), draw(6, seed=1), SIGNS),
    "cosine_embedding_loss": (*TWO, SIGNS),
    "triplet_margin_loss": (*TWO, draw(6, 5, seed=2)),
    "triplet_margin_with_distance_loss": (*TWO, draw(6, 5, seed=2)),
    "multi_margin_loss": (draw(6, 5), labels(6, classes=5)),
    "multilabel_margin_loss": (draw(6, 5), MULTI),
    "multilabel_soft_margin_loss": (draw(6, 5), labels(6, 5, classes=2) * 1.0),
}
DIFFERENTIABLE = {
    "mse_loss": 2,
    "huber_loss": 2,
    "smooth_l1_loss": 2,
    "kl_div": 2,
    "gaussian_nll_loss": 3,
    "margin_ranking_loss": 2,
    "cosine_embedding_loss": 2,
    "triplet_margin_loss": 3,
    "triplet_margin_with_distance_loss": 3,
}
for loss, args in LOSSES.items():
    for reduction in ("mean", "sum", "none"):
        CASES[f"{loss}_by_{reduction}"] = Case(loss, args, dict(reduction=reduction), DIFFERENTIABLE.get(loss, 1))
CASES |= {
    "huber_loss_delta": Case("huber_loss", TWO, dict(delta=0.3), 2),
    "smooth_l1_loss_beta": Case("smooth_l1_loss", TWO, dict(beta=0.3), 2),
    "mse_loss_weight": Case("mse_loss", TWO, dict(weight=PROBABLE), 2),
    "l1_loss_weight": Case("l1_loss", TWO, dict(weight=PROBABLE, reduction="sum"), 2),
    "kl_div_batchmean": Case("kl_div", LOSSES["kl_div"], dict(reduction="batchmean"), 2),
    "kl_div_log": Case("kl_div", (np.log(PROBABLE), np.log(PROBABLE[::-1].copy())), dict(log_target=True), 2),
    "poisson_nll_loss_full": Case("poisson_nll_loss", (PROBABLE, LOSSES["poisson_nll_loss"][1], False, True)),
    "gaussian_nll_loss_full": Case("gaussian_nll_loss", (*TWO, draw(6, 1) ** 2 + 0.1, True), {}, 3),
    "gaussian_nll_loss_row": Case("gaussian_nll_loss", (*TWO, draw(1, 5) ** 2 + 0.1), {}, 3),
    "lp_pool1d_kink": Case("lp_pool1d", (np.maximum(SEQUENCE, 0), 2.0, 2)),
    "lp_pool2d_kink": Case("lp_pool2d", (np.maximum(IMAGES, 0), 1.5, 2)),
    "binary_cross_entropy_huge": Case(
        "binary_cross_entropy",
        (np.array([0.5, 1e-30, 0.0]), np.array([0.0, 1.0, 1.0])),
        dict(reduction="none"),
    ),
    "multi_margin_loss_options": Case(
        "multi_margin_loss", LOSSES["multi_margin_loss"], dict(p=2, margin=0.5, weight=W5)
    ),
    "triplet_margin_loss_swap": Case("triplet_margin_loss", LOSSES["triplet_margin_loss"], dict(swap=True, p=3.0), 3),
    "margin_ranking_loss_margin": Case("margin_ranking_loss", LOSSES["margin_ranking_loss"], dict(margin=0.5), 2),
    "cosine_embedding_loss_margin": Case("cosine_embedding_loss", LOSSES["cosine_embedding_loss"], dict(margin=0.2), 2),
    "multilabel_soft_margin_loss_weight": Case(
        "multilabel_soft_margin_loss", LOSSES["multilabel_soft_margin_loss"], dict(weight=W5)
    ),
    "linear_cross_entropy": Case("linear_cross_entropy", (draw(6, 4), draw(5, 4), labels(6, classes=5)), {}, 2),
}


def cotangent(shape: tuple) -> np.ndarray:
    """A random cotangent for an output of this shape."""
    return np.random.default_rng(99).normal(size=shape)
