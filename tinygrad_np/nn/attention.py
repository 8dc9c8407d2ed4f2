"""Attention: values, averaged with weights that queries and keys decide; with heads, several such averages at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.arrays import array_of
from ..engine.tensor import Tensor
from .arguments import array, floating, in_single
from .cross_entropy import softmax
from .init import Seed
from .linear import linear
from .masks import dropout

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


@in_single
def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: Any = None, enable_gqa: Any = False, *,
                                 generator: Any = None) -> Tensor:  # fmt: skip
    """softmax(Q Kᵀ scale + mask) V of (..., L, E), (..., S, E) and (..., S, Ev); scale is 1 / √E unless given.

    A boolean mask says which keys count, a floating one is added. `is_causal` lets query i see keys up to i. With
    `enable_gqa` each head of keys and values, axis -3, serves several of queries. Where no key counts the result is 0.

    >>> scaled_dot_product_attention(np.zeros((1, 2)), np.zeros((2, 2)), np.array([[1.0], [3.0]]))
    array([[2.]])
    """
    q, k, v = (floating("scaled_dot_product_attention", x) for x in (query, key, value))
    if is_causal:
        if attn_mask is not None:
            raise ValueError("scaled_dot_product_attention: found a mask and is_causal; expected one of them")
        attn_mask = np.tri(q.shape[-2], k.shape[-2], dtype=bool)
    if enable_gqa:
        k, v = (np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3) for x in (k, v))
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    return _weights(q * scale, k, attn_mask, dropout_p, generator)[1] @ v


def _weights(q, k, mask, dropout_p: float, generator: Seed = None):
    """How much each key counts, before dropout and after."""
    scores: Any = q @ np.swapaxes(k, -1, -2)
    if mask is None:
        weights: Any = softmax(scores)
    else:
        mask = array(mask)
        scores = np.where(mask, scores, -np.inf) if mask.dtype.kind == "b" else scores + mask
        none = (array_of(scores) == -np.inf).all(axis=-1, keepdims=True)
        weights = np.where(none, 0, softmax(np.where(none, 0, scores)))
    return weights, dropout(weights, dropout_p, generator=generator)


def multi_head_attention_forward(query: Any, key: Any, value: Any, embed_dim_to_check: Any, num_heads: Any,
                                 in_proj_weight: Any, in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: Any,
                                 dropout_p: Any, out_proj_weight: Any, out_proj_bias: Any, training: bool = True,
                                 key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
                                 use_separate_proj_weight: Any = False, q_proj_weight: Any = None,
                                 k_proj_weight: Any = None, v_proj_weight: Any = None, static_k: Any = None,
                                 static_v: Any = None, average_attn_weights: bool = True, is_causal: bool = False, *,
                                 generator: Any = None) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """What `nn.MultiheadAttention` computes, of (L, N, E), (S, N, E), (S, N, E) or without N (Vaswani et al., 2017).

    Gives the output (L, N, E) and the weights (N, L, S), averaged over the heads, or (N, heads, L, S), or None. Here a
    boolean mask says which keys do *not* count: `attn_mask` is (L, S) or (N · heads, L, S), `key_padding_mask` (N, S).
    `is_causal` says that `attn_mask` is the causal one, and changes nothing.
    """
    name = "multi_head_attention_forward"
    q, k, v = (floating(name, x) for x in (query, key, value))
    alone = len(q.shape) == 2
    if alone:
        q, k, v = (x[:, None] for x in (q, k, v))
        key_padding_mask = None if key_padding_mask is None else array(key_padding_mask)[None]
    (length, batch, width), heads = q.shape, num_heads
    if width != embed_dim_to_check or width % heads or k.shape[:2] != v.shape[:2] or k.shape[1] != batch:
        raise ValueError(
            f"{name}: found queries, keys and values of shape {query.shape}, {key.shape} and {value.shape}; expected "
            f"(L, N, {embed_dim_to_check}) and (S, N, ...) twice, the width a multiple of {heads} heads"
        )
    if is_causal and attn_mask is None:
        raise ValueError(f"{name}: is_causal says that attn_mask is the causal one, found None; pass the mask too")
    if use_separate_proj_weight:
        maps = [q_proj_weight, k_proj_weight, v_proj_weight]
    else:
        maps = np.split(in_proj_weight, 3)
    biases = [None] * 3 if in_proj_bias is None else np.split(in_proj_bias, 3)
    q, k, v = (linear(x, w, b) for x, w, b in zip((q, k, v), maps, biases))
    more = 0
    if bias_k is not None:
        k, v = (np.concatenate([x, np.broadcast_to(b, (1, *x.shape[1:]))]) for x, b in ((k, bias_k), (v, bias_v)))
        more += 1
    q, k, v = (_by_head(x, heads) for x in (q, k, v))
    k = k if static_k is None else static_k.reshape(batch, heads, *static_k.shape[1:])
    v = v if static_v is None else static_v.reshape(batch, heads, *static_v.shape[1:])
    if add_zero_attn:
        k, v = (np.concatenate([x, np.zeros_like(array_of(x[:, :, :1]))], axis=2) for x in (k, v))
        more += 1
    mask = _added(attn_mask, q.dtype, more)
    mask = mask.reshape(batch, heads, *mask.shape[1:]) if mask is not None and len(mask.shape) == 3 else mask
    if key_padding_mask is not None:
        padding = _added(key_padding_mask, q.dtype, more)[:, None, None]
        mask = padding if mask is None else mask + padding
    weights, dropped = _weights(q / math.sqrt(width // heads), k, mask, dropout_p if training else 0.0, generator)
    out = np.moveaxis(dropped @ v, 2, 0).reshape(length, batch, width)
    out = linear(out, out_proj_weight, out_proj_bias)
    weights = weights.mean(axis=1) if average_attn_weights else weights
    out, weights = (out[:, 0], weights[0]) if alone else (out, weights)
    return out, weights if need_weights else None


def _by_head(x, heads: int):
    """(L, N, E) as (N, heads, L, E / heads)."""
    length, batch, width = x.shape
    return np.moveaxis(x.reshape(length, batch, heads, width // heads), 0, 2)


def _added(mask: Any, dtype, more: int):
    """A mask as numbers to be added, with room for `more` keys that always count."""
    if mask is None:
        return None
    mask = array(mask)
    if mask.dtype.kind == "b":
        mask = np.where(mask, -np.inf, 0).astype(dtype)
    return np.pad(mask, [(0, 0)] * (len(mask.shape) - 1) + [(0, more)]) if more else mask
