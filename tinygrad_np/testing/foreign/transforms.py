"""JAX, HIPS autograd and MyGrad: functions whose pullback the framework itself makes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .adapter import Adapter, Call, Foreign, foreign_operation, test_text
from .pairs import output_arrays


class Transformed(Adapter):
    """A function of arrays whose framework gives `pullback(f, values) -> (out, pull)`, without conjugates."""

    module = ""
    many = False  # whether the function returns several arrays; what a tracer returns does not tell

    def pullback(self, f: Callable, values: list) -> tuple[Any, Callable]:
        raise NotImplementedError

    def about(self) -> Any:
        """What must hold while the framework runs."""
        return contextlib.nullcontext()

    def around(self, args: tuple, kwargs: dict, places: list[int]) -> Callable:
        def f(*values):
            full = list(args)
            for i, v in zip(places, values):
                full[i] = v
            return self.fun(*full, **kwargs)

        return f

    def forward(self, args, kwargs, places):
        with self.about():
            out, pull = self.pullback(self.around(args, kwargs, places), [args[i] for i in places])
        self.many = isinstance(out, (list, tuple))
        return output_arrays(out), (pull, self.many)

    def backward(self, kept, cts, wanted):
        pull, many = kept
        with self.about():
            found = pull(tuple(np.conj(c) for c in cts) if many else np.conj(cts[0]))
            return [None if g is None else np.conj(np.asarray(g)) for g in found]

    def pulled(self, what: Call, n: int):
        def back(*arguments):
            cts, inputs = arguments[:n], arguments[n:]
            _, pull = self.pullback(self.around(what.args, what.kwargs, what.places), list(inputs))
            return tuple(pull(tuple(cts) if self.many else cts[0]))

        found = type(self)(back)
        found.many = True
        return found

    def test(self, name, module, arguments, options):
        name = name if name.isidentifier() else "f"
        inside = f"from {module} import {name}" if module else f"{name} = ..."
        call = f"gradcheck(foreign.{self.module}({name}), {', '.join([*arguments, *options])})"
        return test_text(name, call, "gradcheck", ["import numpy as np"], [inside])


class Jax(Transformed):
    """A function of JAX's arrays, with 64 bits while it is checked."""

    framework, module, examples = "JAX", "jax", 25

    def about(self):
        import jax

        return jax.enable_x64() if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()

    def pullback(self, f, values):
        import jax

        return jax.vjp(f, *map(jax.numpy.asarray, values))

    def pushforward(self, what, values, tangents):
        import jax

        with self.about():
            f = self.around(what.args, what.kwargs, what.places)
            try:
                out = jax.jvp(f, tuple(map(jax.numpy.asarray, values)), tuple(map(jax.numpy.asarray, tangents)))[1]
            except TypeError as error:
                if "custom_vjp" in str(error):
                    return None  # it has none
                raise
        return [np.asarray(t) for t in (out if isinstance(out, (list, tuple)) else [out])]


class Hips(Transformed):
    """A function of autograd's NumPy, its primitives among them."""

    framework, module, examples = "autograd", "autograd", 50

    def pullback(self, f, values):
        from autograd.builtins import tuple as boxed
        from autograd.core import make_vjp

        pull, out = make_vjp(lambda given: pack(f(*given), boxed), tuple(values))
        return out, lambda ct: pull(ct)


class MyGrad(Transformed):
    """A function of MyGrad's tensors: first order alone."""

    framework, module = "MyGrad", "mygrad"
    skips = {"forward_mode": "MyGrad has none", "second": "MyGrad has no second derivative"}

    def pullback(self, f, values):
        import mygrad

        given = [mygrad.tensor(v) for v in values]
        out = f(*given)

        def pull(ct):
            out.backward(ct)
            return [x.grad for x in given]

        return out.data, pull

    def pulled(self, what, n):
        return None


def pack(out: Any, boxed: Callable) -> Any:
    """Several outputs as autograd takes them."""
    return boxed(out) if isinstance(out, (list, tuple)) else out


def jax(f: Callable) -> Foreign:
    """The operation of a function of JAX's arrays: `custom_vjp`, `custom_jvp`, or any other."""
    return foreign_operation(Jax(f, *(getattr(f, name, None) for name in ("fun", "fwd", "bwd", "jvp"))))


def autograd(f: Callable) -> Foreign:
    """The operation of a primitive of HIPS autograd, or of any function of its NumPy."""
    return foreign_operation(Hips(f, getattr(f, "fun", None)), getattr(f, "fun", f))


def mygrad(f: Callable) -> Foreign:
    """The operation of a function of MyGrad's tensors."""
    return foreign_operation(MyGrad(f))
