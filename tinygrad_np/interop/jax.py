"""A function of ours as a function of JAX: a callback whose pullback is one again, so that every order follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.arrays import array_of
from ..transforms.containers import flatten
from ..transforms.trace import vjp

try:
    import jax
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("tinygrad_np.interop.to_jax needs JAX: pip install jax") from error


def to_jax(f: Callable) -> Callable:
    """The function of arrays as a function of JAX's, which JAX differentiates by our rules: under grad, jit and vmap.

    f returns an array or nested containers of arrays; their shapes may depend on those of the arguments alone. As any
    function of JAX's with a reverse rule of its own, it has no forward mode: a Hessian is `jax.jacrev(jax.jacrev(g))`.

    >>> g = to_jax(lambda x: np.sin(x) * x)
    >>> bool(abs(jax.jit(jax.grad(g))(1.0) - (np.cos(1.0) + np.sin(1.0))) < 1e-6)
    True
    """

    def run(*arrays):
        leaves, _, rebuild = flatten(f(*[np.asarray(a) for a in arrays]))
        return rebuild([np.asarray(array_of(leaf)) for leaf in leaves])

    def shapes_of(*arrays):
        """What f gives, found by a run on ones: JAX asks before there are values."""
        leaves, _, rebuild = flatten(run(*[np.ones(a.shape, a.dtype) for a in arrays]))
        canonical = jax.dtypes.canonicalize_dtype
        return rebuild([jax.ShapeDtypeStruct(leaf.shape, canonical(leaf.dtype)) for leaf in leaves])

    @jax.custom_vjp
    def call(*arrays):
        shapes = shapes_of(*arrays)

        def exact(*given):
            leaves, _, rebuild = flatten(run(*given))
            wanted = flatten(shapes)[0]
            return rebuild([leaf.astype(like.dtype, copy=False) for leaf, like in zip(leaves, wanted)])

        return jax.pure_callback(exact, shapes, *arrays, vmap_method="sequential")

    def forward(*arrays):
        return call(*arrays), arrays

    def backward(arrays, ct):
        count = len(arrays)

        def pulled(*given):
            primals, cts = given[:count], given[count:]
            out, pullback = vjp(f, *primals)
            _, _, rebuild = flatten(out)
            return pullback(rebuild(list(cts)))

        return tuple(to_jax(pulled)(*arrays, *flatten(ct)[0]))

    call.defvjp(forward, backward)

    def of_arrays(*arguments: Any) -> Any:
        return call(*map(jax.numpy.asarray, arguments))

    of_arrays.__wrapped__ = f  # type: ignore[attr-defined]
    return of_arrays
