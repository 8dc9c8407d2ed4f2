"""Layers of attention: several heads, and the encoder and decoder layers of a transformer (Vaswani et al., 2017)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import functional as F
from . import init
from .arguments import array, probability, whole_number
from .containers import ModuleList
from .dense_layers import Linear
from .layers import Dropout
from .module import Layer, Module, Parameter
from .norm_layers import LayerNorm

__all__ = ["MultiheadAttention", "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer"]  # fmt: skip


class MultiheadAttention(Module):
    """Attention of `num_heads` heads on (L, N, E), or (N, L, E) with `batch_first`; gives (output, weights or None).

    The arguments of a call are those of `nn.functional.multi_head_attention_forward`: a boolean mask says which keys
    do not count.

    >>> x = np.zeros((5, 2, 8), np.float32)
    >>> out, weights = MultiheadAttention(8, 2)(x, x, x)
    >>> out.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))
    """

    def __init__(self, embed_dim: Any, num_heads: Any, dropout: float = 0.0, bias: bool = True,
                 add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: Any = None, vdim: Any = None,
                 batch_first: bool = False, *, dtype: Any = np.float32, generator: Any = None) -> None:  # fmt: skip
        name, rng = "MultiheadAttention", init.as_generator(generator)
        self.embed_dim = whole_number(name, "embed_dim", embed_dim, 1)
        self.num_heads = whole_number(name, "num_heads", num_heads, 1)
        if embed_dim % num_heads:
            raise ValueError(f"{name}: num_heads: {num_heads} does not divide embed_dim {embed_dim}")
        self.dropout, self.batch_first = probability(name, "dropout", dropout), bool(batch_first)
        self.add_zero_attn = bool(add_zero_attn)
        self.generator = rng if generator is not None else rng.spawn(1)[0]
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        shapes = {"in_proj_weight": (3 * embed_dim, embed_dim)}
        if self.kdim != embed_dim or self.vdim != embed_dim:
            widths = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
            shapes = {f"{part}_proj_weight": (embed_dim, width) for part, width in widths.items()}
        self.in_proj_weight = self.q_proj_weight = self.k_proj_weight = self.v_proj_weight = None
        for weight, shape in shapes.items():
            setattr(self, weight, init.xavier_uniform_(Parameter(np.empty(shape, dtype)), generator=rng))
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype, generator=rng)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k, self.bias_v = (
                init.normal_(Parameter(np.empty((1, 1, embed_dim), dtype)), std=math.sqrt(1 / embed_dim), generator=rng)
                for _ in range(2)
            )

    def forward(self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
                attn_mask: Any = None, average_attn_weights: bool = True,
                is_causal: bool = False) -> Any:  # fmt: skip
        turned = self.batch_first and np.ndim(query) == 3
        if turned:
            query, key, value = (np.swapaxes(array(x), 0, 1) for x in (query, key, value))
        out, weights = F.multi_head_attention_forward(query, key, value, self.embed_dim, self.num_heads,
                                                      self.in_proj_weight, self.in_proj_bias, self.bias_k, self.bias_v,
                                                      self.add_zero_attn, self.dropout, self.out_proj.weight,
                                                      self.out_proj.bias, training=self.training,
                                                      key_padding_mask=key_padding_mask, need_weights=need_weights,
                                                      attn_mask=attn_mask,
                                                      use_separate_proj_weight=self.in_proj_weight is None,
                                                      q_proj_weight=self.q_proj_weight,
                                                      k_proj_weight=self.k_proj_weight,
                                                      v_proj_weight=self.v_proj_weight,
                                                      average_attn_weights=average_attn_weights, is_causal=is_causal,
                                                      generator=self.generator)  # fmt: skip
        return np.swapaxes(out, 0, 1) if turned else out, weights

    def extra_repr(self) -> str:
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


class _TransformerLayer(Layer):
    """Attention and two linear maps, each added to its input and normalized, before or after."""

    def __init__(self, d_model: Any, nhead: Any, dim_feedforward: Any = 2048, dropout: float = 0.1,
                 activation: Any = "relu", layer_norm_eps: float = 1e-05, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, *, dtype: Any = np.float32,
                 generator: Any = None) -> None:  # fmt: skip
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            name = type(self).__name__
            raise ValueError(f"{name}: activation: expected 'relu', 'gelu' or a function, found {activation!r}")
        rng = init.as_generator(generator)
        masks = {} if generator is None else {"generator": rng}
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        self.norm_first, self.p = bool(norm_first), dropout
        attentions = ("self_attn", "multihead_attn")[: self.attentions]
        for attention in attentions:
            made = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype, generator=rng if masks else None
            )
            setattr(self, attention, made)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype, generator=rng)
        self.dropout = Dropout(dropout, **masks)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype, generator=rng)
        for i in range(1, self.attentions + 2):
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for i in range(1, self.attentions + 2):
            setattr(self, f"dropout{i}", Dropout(dropout, **masks))

    attentions = 1
    self_attn: MultiheadAttention
    linear1: Linear
    linear2: Linear
    dropout: Dropout

    def _added(self, number: int, x, part: Callable):
        """x plus what `part` makes of it, normalized before it or after the sum."""
        norm, dropout = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        if self.norm_first:
            return x + dropout(part(norm(x)))
        return norm(x + dropout(part(x)))

    def _feed_forward(self, x):
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_TransformerLayer):
    """Self-attention and two linear maps of (L, N, E), or (N, L, E) with `batch_first`.

    >>> TransformerEncoderLayer(8, 2, 16)(np.zeros((5, 3, 8), np.float32)).shape
    (5, 3, 8)
    """

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        def attend(x):
            return self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0]

        return self._added(2, self._added(1, array(src), attend), self._feed_forward)


class TransformerDecoderLayer(_TransformerLayer):
    """Self-attention, attention to `memory`, and two linear maps of (L, N, E), or (N, L, E) with `batch_first`.

    >>> TransformerDecoderLayer(8, 2, 16)(np.zeros((5, 3, 8), np.float32), np.zeros((4, 3, 8), np.float32)).shape
    (5, 3, 8)
    """

    attentions = 2
    multihead_attn: MultiheadAttention

    def forward(self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
                tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, tgt_is_causal: Any = False,
                memory_is_causal: Any = False) -> Any:  # fmt: skip
        def attend(x):
            return self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)[0]

        def look(x):
            return self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, False, memory_mask, is_causal=memory_is_causal
            )[0]

        return self._added(3, self._added(2, self._added(1, array(tgt), attend), look), self._feed_forward)


class _Stack(Layer):
    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None):
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def _through(self, x, *args: Any, **kwargs: Any):
        for layer in self.layers:
            x = layer(x, *args, **kwargs)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """Copies of an encoder layer, one after another, then a norm if given.

    >>> TransformerEncoder(TransformerEncoderLayer(8, 2, 16), 2)(np.zeros((5, 3, 8), np.float32)).shape
    (5, 3, 8)
    """

    def __init__(self, encoder_layer: Any, num_layers: Any, norm: Any = None, enable_nested_tensor: Any = True,
                 mask_check: Any = True) -> None:  # fmt: skip
        super().__init__(encoder_layer, num_layers, norm)

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: Any = None) -> Any:
        return self._through(src, mask, src_key_padding_mask, bool(is_causal))


class TransformerDecoder(_Stack):
    """Copies of a decoder layer, one after another, then a norm if given.

    >>> x, layer = np.zeros((5, 3, 8), np.float32), TransformerDecoderLayer(8, 2, 16)
    >>> TransformerDecoder(layer, 2)(x, x).shape
    (5, 3, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
                tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, tgt_is_causal: Any = None,
                memory_is_causal: Any = False) -> Any:  # fmt: skip
        return self._through(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                             bool(tgt_is_causal), memory_is_causal)  # fmt: skip


class Transformer(Layer):
    """An encoder and a decoder, both with a norm at their end; `forward` takes source and target, (L, N, E).

    >>> x = np.zeros((5, 3, 8), np.float32)
    >>> Transformer(8, 2, 1, 1, 16)(x, x).shape
    (5, 3, 8)
    """

    def __init__(self, d_model: Any = 512, nhead: Any = 8, num_encoder_layers: Any = 6, num_decoder_layers: Any = 6,
                 dim_feedforward: Any = 2048, dropout: float = 0.1, activation: Any = "relu",
                 custom_encoder: Any = None, custom_decoder: Any = None, layer_norm_eps: float = 1e-05,
                 batch_first: bool = False, norm_first: bool = False, bias: bool = True, *, dtype: Any = np.float32,
                 generator: Any = None) -> None:  # fmt: skip
        rng = None if generator is None else init.as_generator(generator)
        common = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*common, dtype=dtype, generator=rng), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*common, dtype=dtype, generator=rng), num_decoder_layers, norm()
        )
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter, generator=rng)

    def forward(self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
                src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None,
                memory_key_padding_mask: Any = None, src_is_causal: Any = None, tgt_is_causal: Any = None,
                memory_is_causal: Any = False) -> Any:  # fmt: skip
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                            tgt_is_causal, memory_is_causal)  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int) -> np.ndarray:
        """The causal mask, to be added: 0 for keys up to the query, -inf after it.

        >>> Transformer.generate_square_subsequent_mask(2)
        array([[  0., -inf],
               [  0.,   0.]], dtype=float32)
        """
        return np.where(np.tri(sz, dtype=bool), 0, -np.inf).astype(np.float32)
