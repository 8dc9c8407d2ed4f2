"""PyTorch: a `torch.autograd.Function`, any callable, a module with respect to its inputs and its parameters."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..failures import Skipped
from .adapter import Adapter, Call, Foreign, floating, foreign_operation, test_text


class Torch(Adapter):
    """A callable of torch's tensors."""

    framework, examples = "PyTorch", 40

    def __init__(self, fun: Callable, call: Callable, *more: Any):
        super().__init__(fun, *more)
        self.call = call

    def forward(self, args, kwargs, places):
        import torch

        given = [shared(a).requires_grad_() if i in places else a for i, a in enumerate(args)]
        with torch.enable_grad():
            out = self.call(*given, **kwargs)
        outs = out if isinstance(out, (list, tuple)) else (out,)
        found = tuple(map(unaliased, outs))
        return found if isinstance(out, (list, tuple)) else found[0], ([given[i] for i in places], outs)

    def value(self, args, kwargs, places):
        import torch

        with torch.no_grad():
            out = self.call(*[shared(a) if i in places else a for i, a in enumerate(args)], **kwargs)
        return tuple(map(unaliased, out)) if isinstance(out, (list, tuple)) else unaliased(out)

    def backward(self, kept, cts, wanted):
        import torch

        inputs, outs = kept
        pairs = [(o, shared(c).to(o.dtype)) for o, c in zip(outs, cts) if torch.is_tensor(o) and o.requires_grad]
        chosen = [x for x, w in zip(inputs, wanted) if w]
        if not pairs or not chosen:
            return [None] * len(inputs)
        ends, given = zip(*pairs)
        found = iter(torch.autograd.grad(ends, chosen, given, retain_graph=True, allow_unused=True))
        return [unaliased(g) if w and (g := next(found)) is not None else None for w in wanted]

    def pulled(self, what: Call, n: int):
        import torch

        def back(*arguments):
            cts, inputs = arguments[:n], arguments[n:]
            out = self.call(*what.filled(inputs), **what.kwargs)
            outs = list(out) if isinstance(out, (list, tuple)) else [out]
            pairs = [(o, c) for o, c in zip(outs, cts) if torch.is_tensor(o) and o.requires_grad]
            try:
                found = torch.autograd.grad(
                    [o for o, _ in pairs], inputs, [c for _, c in pairs], create_graph=True, allow_unused=True
                )
            except RuntimeError as error:
                if "once_differentiable" in str(error) or "requires grad" in str(error):
                    raise Skipped(f"the backward pass has no derivative: {first_line(error)}") from error
                raise
            if all(g is None or not g.requires_grad for g in found):
                raise Skipped("the backward pass leaves the graph (NumPy, detach or .data in it): it has no derivative")
            return tuple(torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs))

        return Torch(self.fun, back)

    def pushforward(self, what, arrays, tangents):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's forward mode warns of PyTorch's own past
            return self.forward_mode(what, arrays, tangents)

    def forward_mode(self, what, arrays, tangents):
        """J u with dual numbers; None where an operation has no forward mode."""
        import torch.autograd.forward_ad as forward_ad

        with forward_ad.dual_level():
            duals = [forward_ad.make_dual(shared(a), shared(t)) for a, t in zip(arrays, tangents)]
            try:
                out = self.call(*what.filled(duals), **what.kwargs)
            except (RuntimeError, NotImplementedError) as error:
                if "forward" in str(error) or "jvp" in str(error):
                    return None  # it has none
                raise
            found = []
            for o in out if isinstance(out, (list, tuple)) else [out]:
                tangent = forward_ad.unpack_dual(o).tangent
                found.append(np.zeros(tuple(o.shape)) if tangent is None else unaliased(tangent))
            return found

    def test(self, name, module, arguments, options):
        name = name if name.isidentifier() else "f"
        inside = f"from {module} import {name}" if module else f"{name} = ..."
        spelled = [as_tensor(a) for a in arguments]
        imports = (["import numpy as np"] if any("np." in a for a in spelled) else []) + ["import torch"]
        call = f"gradcheck(foreign.torch({name}), {', '.join([*spelled, *options])})"
        return test_text(name, call, "gradcheck", imports, [inside])


class ModuleParameters(Torch):
    """A module as a function of its inputs and its parameters; its buffers stay as they were."""

    def __init__(self, module: Any):
        import torch

        named = dict(module.named_parameters())
        kept = {name: b.detach().clone() for name, b in module.named_buffers()}

        def call(*args, **kwargs):
            inputs, values = args[: len(args) - len(named)], args[len(args) - len(named) :]
            state = dict(zip(named, values))
            for name, b in kept.items():
                state[name] = b.to(args[-1].dtype) if b.is_floating_point() else b.clone()
                state[name] = state[name].clone() if state[name] is b else state[name]
            return torch.func.functional_call(module, state, inputs, kwargs)

        super().__init__(module, call, type(module).forward)
        self.parameters = {name: p.detach().double().numpy() for name, p in named.items()}


def shared(a: Any) -> Any:
    """An array as a tensor, in the same memory where torch takes it."""
    import torch

    if not isinstance(a, np.ndarray):
        if torch.is_tensor(a):
            return a.detach()
        a = np.asarray(a)
    if a.ndim and a.flags.writeable and a.dtype.isnative and min(a.strides) >= 0:
        return torch.from_numpy(a)
    if any(s < 0 for s in a.strides) or not a.dtype.isnative:
        a = a.astype(a.dtype.newbyteorder("="))
    if not a.ndim:
        return torch.from_numpy(a.reshape(1)).squeeze(0) if a.flags.writeable else torch.tensor(a[()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of arrays that are read-only
        return torch.from_numpy(a)


def unaliased(t: Any) -> Any:
    """A tensor as an array, in its memory."""
    if not hasattr(t, "detach"):
        return np.asarray(t)
    t = t.detach()
    try:
        return t.numpy()
    except (RuntimeError, TypeError):  # conjugated in name only, on a device, or of a dtype that NumPy has not
        t = t.resolve_conj().resolve_neg().cpu()
        return (t.float() if str(t.dtype) == "torch.bfloat16" else t).numpy()


def as_tensor(source: str) -> str:
    """The source text of an array as that of a tensor."""
    inside = source.removeprefix("np.array(").removesuffix(")")
    if inside == source or "dtype" in source:
        return source
    return f"torch.tensor({inside}, dtype=torch.float64)"


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def torch(f: Any) -> Foreign:
    """The operation of a `torch.autograd.Function`, a module, or any function of torch's tensors.

    Reverse mode is the backward pass of this call; the second order is what `create_graph=True` gives; forward mode is
    used where there is one. Arrays and tensors share memory. A module's parameters follow its inputs.
    """
    library: Any = sys.modules.get("torch") or __import__("torch")
    if isinstance(f, library.nn.Module):
        return Layered(ModuleParameters(f))
    if isinstance(f, type) and issubclass(f, library.autograd.Function):
        return of_function(f, library.autograd.Function)
    return foreign_operation(Torch(f, f))


def of_function(f: Any, base: Any) -> Foreign:
    """The operation of a subclass of `torch.autograd.Function`."""
    plain = f.setup_context is base.setup_context
    rules = [f.backward if f.backward is not base.backward else f.vjp]
    operation = Torch(f, positional(f, drop=int(plain)), f.forward, *rules)
    return foreign_operation(operation, f.forward, drop=int(plain), name=f.__name__)


def positional(f: Any, drop: int) -> Callable:
    """`apply` takes no keywords: they are put in their places."""
    import inspect

    def call(*args, **kwargs):
        if kwargs:
            parameters = list(inspect.signature(f.forward).parameters.values())[drop:]
            rest = [kwargs.get(p.name, p.default) for p in parameters[len(args) :]]
            while rest and rest[-1] is inspect.Parameter.empty:
                rest.pop()
            args = (*args, *rest)
        return f.apply(*args)

    return call


class Layered(Foreign):
    """A module: its parameters are operands too, after the inputs."""

    adapter: ModuleParameters

    def __init__(self, adapter: ModuleParameters):
        import inspect

        module: Any = adapter.fun
        forward = list(inspect.signature(module.forward).parameters.values())
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        inputs = [p for p in forward if p.kind in kinds and p.default is p.empty] or [
            inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)
        ]
        more = [inspect.Parameter(n.replace(".", "_"), kinds[1]) for n in adapter.parameters]
        name = type(module).__name__
        super().__init__(adapter, name, type(module).__module__, inspect.Signature([*inputs, *more]))
        self.inputs = len(inputs)

    def complete(self, args: tuple) -> tuple:
        """The arguments, followed by the parameters where only the inputs were given."""
        values = self.adapter.parameters.values()
        if len(args) >= self.inputs + len(values):
            return args
        dtype = next((a.dtype for a in args if floating(a)), np.dtype(float))
        return (*args, *(v.astype(dtype) for v in values))
