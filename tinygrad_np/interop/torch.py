"""A function of ours as an operation of PyTorch: its pullback and pushforward are such operations again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.arrays import array_of
from ..transforms.trace import jvp, vjp

try:
    import torch
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("tinygrad_np.interop.to_torch needs PyTorch: pip install torch") from error


def to_torch(f: Callable) -> Callable:
    """The function of arrays as a function of PyTorch's tensors on the CPU, which PyTorch differentiates by our rules.

    f returns an array, or a tuple of arrays. backward, create_graph=True, forward mode and torch.func work; vmap makes
    a call an element.

    >>> g = to_torch(lambda x: np.sin(x) * x)
    >>> x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    >>> g(x).sum().backward()
    >>> np.allclose(x.grad.numpy(), np.cos([1, 2]) * [1, 2] + np.sin([1, 2]))
    True
    """

    def pulled(*arrays):  # the primals, then the cotangents of the outputs
        primals, cts = arrays[: count[0]], arrays[count[0] :]
        return vjp(f, *primals)[1](cts if many[0] else cts[0])

    def pushed(*arrays):  # the primals, then their tangents
        half = len(arrays) // 2
        return jvp(f, arrays[:half], arrays[half:])[1]

    count, many = [0], [False]

    class Operation(torch.autograd.Function):
        """One call of f."""

        @staticmethod
        def forward(*tensors):
            out = f(*map(array_from, tensors))
            count[0], many[0] = len(tensors), isinstance(out, tuple)
            return tuple(map(tensor_from, out)) if many[0] else tensor_from(out)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.set_materialize_grads(True)
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)
            ctx.dtypes = [x.dtype for x in inputs]

        @staticmethod
        def backward(ctx, *cts):
            gs = to_torch(pulled)(*ctx.saved_tensors, *cts)
            return tuple(g if need else None for g, need in zip(gs, ctx.needs_input_grad))

        @staticmethod
        def jvp(ctx, *tangents):
            primals = ctx.saved_tensors
            full = [torch.zeros_like(x) if t is None else t for x, t in zip(primals, tangents)]
            return to_torch(pushed)(*primals, *full)

        @staticmethod
        def vmap(info, in_dims, *tensors):  # one call an element of the batch
            places = [
                [t if dim is None else t.select(dim, i) for t, dim in zip(tensors, in_dims)]
                for i in range(info.batch_size)
            ]
            outs = [Operation.apply(*given) for given in places]
            if many[0]:
                return tuple(map(torch.stack, zip(*outs))), (0,) * len(outs[0])
            return torch.stack(outs), 0

    def call(*arguments: Any) -> Any:
        return Operation.apply(*[a if isinstance(a, torch.Tensor) else torch.as_tensor(a) for a in arguments])

    call.__wrapped__ = f  # type: ignore[attr-defined]
    return call


def array_from(tensor: Any) -> np.ndarray:
    """The memory of PyTorch's tensor as an array."""
    if tensor.device.type != "cpu":
        raise TypeError(f"to_torch: found a tensor on {tensor.device}; expected the CPU, as tensor.cpu()")
    return tensor.detach().numpy()


def tensor_from(value: Any) -> Any:
    """A tensor of PyTorch's with memory of its own."""
    return torch.from_numpy(np.array(array_of(value)))
