"""Recurrence: one cell, applied along a sequence, forwards and backwards, layer upon layer.

What is done to the inputs does not wait for the state, so it is one product for the whole sequence.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import functional as F
from . import init
from .arguments import array, floating, probability, whole_number
from .dense_layers import drawn
from .init import Seed
from .linear import linear
from .module import Layer, Parameter

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

# ---- one step: from what came of the input and the last state to the next state -----------------------------


def _rnn_step(activation):
    def step(gates, state, weight, bias):
        return (activation(gates + linear(state[0], weight, bias)),)

    return step


def _lstm_step(gates, state, weight, bias):
    i, f, g, o = np.split(gates + linear(state[0], weight, bias), 4, axis=-1)
    c = F.sigmoid(f) * state[1] + F.sigmoid(i) * np.tanh(g)
    return F.sigmoid(o) * np.tanh(c), c


def _gru_step(gates, state, weight, bias):
    (r, z, n), (hr, hz, hn) = (np.split(a, 3, axis=-1) for a in (gates, linear(state[0], weight, bias)))
    z = F.sigmoid(z + hz)
    n = np.tanh(n + F.sigmoid(r + hr) * hn)
    return (n + z * (state[0] - n),)


CELLS = {
    "tanh": (1, 1, _rnn_step(np.tanh)),
    "relu": (1, 1, _rnn_step(F.relu)),
    "LSTM": (4, 2, _lstm_step),
    "GRU": (3, 1, _gru_step),
}  # gates, parts of a state, the step


def _weights(owner: Any, suffix: str, sizes: tuple[int, int, int], gates: int, bias: bool, dtype, rng, bound=None):
    """The parameters of a cell, by PyTorch's names."""
    inputs, hidden, out = sizes
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates * hidden, inputs), "weight_hh": (gates * hidden, out)}
    shapes |= {"bias_ih": (gates * hidden,), "bias_hh": (gates * hidden,)} if bias else {}
    shapes |= {"weight_hr": (out, hidden)} if out != hidden else {}
    bound = 1 / math.sqrt(max(hidden, 1))
    for name, shape in shapes.items():
        setattr(owner, name + suffix, drawn(shape, bound, dtype, rng))


class _Recurrent(Layer):
    kind: str

    def __init__(self, input_size: Any, hidden_size: Any, num_layers: Any = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: Any = 0, *,
                 dtype: Any = np.float32, generator: Any = None) -> None:  # fmt: skip
        name, rng = type(self).__name__, init.as_generator(generator)
        self.input_size = whole_number(name, "input_size", input_size)
        self.hidden_size = whole_number(name, "hidden_size", hidden_size, 1)
        self.num_layers = whole_number(name, "num_layers", num_layers, 1)
        self.proj_size = whole_number(name, "proj_size", proj_size)
        if proj_size and (self.kind != "LSTM" or proj_size >= hidden_size):
            raise ValueError(f"{name}: proj_size: expected less than hidden_size {hidden_size}, of an LSTM alone")
        self.bias, self.batch_first, self.bidirectional = bool(bias), bool(batch_first), bool(bidirectional)
        self.dropout = probability(name, "dropout", dropout)
        self.generator = rng if generator is not None else rng.spawn(1)[0]  # of the masks between layers
        out = proj_size or hidden_size
        for layer in range(num_layers):
            sizes = (out * (1 + self.bidirectional) if layer else input_size, hidden_size, out)
            for suffix in self._suffixes(layer):
                _weights(self, suffix, sizes, CELLS[self.kind][0], self.bias, dtype, rng)

    def _suffixes(self, layer: int) -> list[str]:
        """What the names of a layer's parameters end in, in each direction."""
        return [f"_l{layer}{end}" for end in ("", "_reverse")[: 1 + self.bidirectional]]

    def forward(self, input: Any, hx: Any = None) -> Any:
        """(output, state) of (L, N, in), (N, L, in) with `batch_first`, or (L, in); the state starts from zeros."""
        name, x = type(self).__name__, floating(type(self).__name__, input)
        if len(x.shape) not in (2, 3) or x.shape[-1] != self.input_size:
            raise ValueError(
                f"{name}: found shape {x.shape}; expected "
                f"{'(N, L, in)' if self.batch_first else '(L, N, in)'} or (L, in) with in = {self.input_size}"
            )
        alone, (_, parts, _) = len(x.shape) == 2, CELLS[self.kind]
        x = x[:, None] if alone else np.swapaxes(x, 0, 1) if self.batch_first else x
        states = self._start(hx, x, alone, parts)
        finals: list = []
        for layer in range(self.num_layers):
            outs = []
            for suffix in self._suffixes(layer):
                out, final = self._run(x, tuple(part[len(finals)] for part in states), suffix)
                outs.append(out)
                finals.append(final)
            x = np.concatenate(outs, axis=-1) if len(outs) > 1 else outs[0]
            if layer + 1 < self.num_layers:
                x = F.dropout(x, self.dropout, self.training, generator=self.generator)
        last = tuple(np.stack([final[part] for final in finals]) for part in range(parts))
        x, last = (x[:, 0], tuple(part[:, 0] for part in last)) if alone else (x, last)
        x = np.swapaxes(x, 0, 1) if self.batch_first and not alone else x
        return x, last if parts > 1 else last[0]

    def _start(self, hx, x, alone: bool, parts: int):
        widths = (self.proj_size or self.hidden_size, self.hidden_size)[:parts]
        shapes = [(self.num_layers * (1 + self.bidirectional), x.shape[1], width) for width in widths]
        if hx is None:
            return [np.zeros(shape, x.dtype) for shape in shapes]
        given = [array(part) for part in (hx if parts > 1 else (hx,))]
        given = [part[:, None] for part in given] if alone else given
        if [tuple(part.shape) for part in given] != shapes:
            raise ValueError(f"{type(self).__name__}: found states {[p.shape for p in given]}; expected {shapes}")
        return given

    def _run(self, x, state, suffix: str):
        """All outputs of one direction of one layer, and its last state."""
        weight, recurrent = getattr(self, f"weight_ih{suffix}"), getattr(self, f"weight_hh{suffix}")
        names = ("bias_ih", "bias_hh", "weight_hr")
        bias, recurrent_bias, projection = (getattr(self, name + suffix, None) for name in names)
        step, outs = CELLS[self.kind][2], []
        gates = linear(x, weight, bias)
        times = range(x.shape[0])
        for t in reversed(times) if suffix.endswith("_reverse") else times:
            state = step(gates[t], state, recurrent, recurrent_bias)
            state = state if projection is None else (linear(state[0], projection), *state[1:])
            outs.append(state[0])
        return np.stack(outs[::-1] if suffix.endswith("_reverse") else outs), state

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch asks for it on a GPU."""

    def extra_repr(self) -> str:
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        usual["proj_size"] = 0
        return f"{self.input_size}, {self.hidden_size}" + "".join(
            f", {name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value
        )


class RNN(_Recurrent):
    """h = tanh(W x + b + U h + c) along a sequence (L, N, in); gives all h (L, N, hidden) and the last of each layer.

    `nonlinearity` is "tanh" or "relu".

    >>> RNN(3, 4, 2)(np.zeros((5, 2, 3), np.float32))[0].shape
    (5, 2, 4)
    """

    def __init__(self, input_size: Any, hidden_size: Any, num_layers: Any = 1, nonlinearity: str = "tanh",
                 bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *,
                 dtype: Any = np.float32, generator: Any = None) -> None:  # fmt: skip
        self.kind = self.nonlinearity = _nonlinearity("RNN", nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype,
                         generator=generator)  # fmt: skip


def _nonlinearity(name: str, value: str) -> str:
    if value not in ("tanh", "relu"):
        raise ValueError(f"{name}: nonlinearity: expected 'tanh' or 'relu', found {value!r}")
    return value


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber, 1997) along a sequence; gives all h and the last (h, c).

    c = σ(f) c + σ(i) tanh(g) and h = σ(o) tanh(c), the gates i, f, g, o linear in x and h; `proj_size` makes h smaller.

    >>> out, (h, c) = LSTM(3, 4, bidirectional=True)(np.zeros((5, 2, 3), np.float32))
    >>> out.shape, h.shape, c.shape
    ((5, 2, 8), (2, 2, 4), (2, 2, 4))
    """

    kind = "LSTM"


class GRU(_Recurrent):
    """A gated recurrent unit (Cho et al., 2014) along a sequence; gives all h and the last of each layer.

    n = tanh(W x + σ(r) U h) and h = (1 - σ(z)) n + σ(z) h, the gates r, z linear in x and h.

    >>> GRU(3, 4, batch_first=True)(np.zeros((2, 5, 3), np.float32))[0].shape
    (2, 5, 4)
    """

    kind = "GRU"


class _Cell(Layer):
    kind: str

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: Any = np.float32, generator: Seed = None
    ) -> None:
        name, rng = type(self).__name__, init.as_generator(generator)
        self.input_size = whole_number(name, "input_size", input_size)
        self.hidden_size = whole_number(name, "hidden_size", hidden_size, 1)
        _weights(self, "", (input_size, hidden_size, hidden_size), CELLS[self.kind][0], bool(bias), dtype, rng)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The next state from (N, in) or (in,) and the last state, zeros unless given."""
        x, (_, parts, step) = floating(type(self).__name__, input), CELLS[self.kind]
        if len(x.shape) not in (1, 2) or x.shape[-1] != self.input_size:
            raise ValueError(f"{type(self).__name__}: found shape {x.shape}; expected (N, in), in = {self.input_size}")
        rows = x if len(x.shape) == 2 else x[None]
        shape = (rows.shape[0], self.hidden_size)
        if hx is None:
            state = (np.zeros(shape, x.dtype),) * parts
        else:
            state = tuple(array(part).reshape(shape) for part in (hx if parts > 1 else (hx,)))
        gates = linear(rows, self.weight_ih, getattr(self, "bias_ih", None))
        state = step(gates, state, self.weight_hh, getattr(self, "bias_hh", None))
        state = state if len(x.shape) == 2 else tuple(part[0] for part in state)
        return state if parts > 1 else state[0]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if hasattr(self, "bias_ih") else ", bias=False")

    weight_ih: Parameter
    weight_hh: Parameter


class RNNCell(_Cell):
    """One step of an `RNN`.

    >>> RNNCell(3, 4)(np.zeros((2, 3), np.float32)).shape
    (2, 4)
    """

    def __init__(self, input_size: Any, hidden_size: Any, bias: bool = True, nonlinearity: str = "tanh", *,
                 dtype: Any = np.float32, generator: Any = None) -> None:  # fmt: skip
        self.kind = self.nonlinearity = _nonlinearity("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, dtype=dtype, generator=generator)


class LSTMCell(_Cell):
    """One step of an `LSTM`: (h, c) from x and (h, c).

    >>> h, c = LSTMCell(3, 4)(np.zeros((2, 3), np.float32))
    """

    kind = "LSTM"


class GRUCell(_Cell):
    """One step of a `GRU`.

    >>> GRUCell(3, 4)(np.zeros((2, 3), np.float32)).shape
    (2, 4)
    """

    kind = "GRU"
