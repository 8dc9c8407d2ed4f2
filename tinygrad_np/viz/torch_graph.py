"""PyTorch's autograd graph as a view: what backward will run, with parameter names, modules and what is kept.

The graph knows no inputs that need no gradient, and no values but those that it keeps; what it says is what is drawn.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from .building import Builder, saved
from .schema import Saved, Value
from .values import FEW_ELEMENTS, described
from .view import GraphView


def of_torch(outputs: Any, model: Any = None, title: str | None = None) -> GraphView:
    """See `viz.from_torch`."""
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for out in outputs:
        if not hasattr(out, "grad_fn"):
            raise TypeError(f"from_torch: found a {type(out).__name__}; expected a torch.Tensor, or a list of them")
        if not out.requires_grad:
            raise ValueError("from_torch: the tensor requires no gradient, so PyTorch has recorded no graph of it")
    if model is not None and not hasattr(model, "named_parameters"):
        raise TypeError(f"from_torch: found a {type(model).__name__} as model; expected a torch.nn.Module")
    return TorchReading(outputs, model).view(title)


VIEWS = ("TBackward", "TransposeBackward", "ViewBackward", "PermuteBackward", "ExpandBackward", "UnsqueezeBackward")


class TorchReading:
    """One graph under way."""

    def __init__(self, outputs: list, model: Any):
        self.outputs, self.builder = outputs, Builder()
        self.names = {id(p): name for name, p in model.named_parameters()} if model is not None else {}
        self.kinds = {name: type(m).__name__ for name, m in model.named_modules()} if model is not None else {}
        self.counted = {p.untyped_storage().data_ptr() for p in model.parameters()} if model is not None else set()
        self.order = ordered([out.grad_fn for out in outputs if out.grad_fn is not None])
        self.scope_of = self.scopes()
        self.found: dict[Any, str] = {}

    def scopes(self) -> dict[Any, str]:
        """{function: path of a module}: that of the parameters that it uses, itself or through a view of them."""
        found: dict[Any, str] = {}
        for fn in self.order:
            paths = {found.get(parent) for parent, _ in fn.next_functions if parent in found and self.only_view(parent)}
            for parent, _ in fn.next_functions:
                name = self.names.get(id(getattr(parent, "variable", None)))
                if name is not None:
                    paths.add(name.rpartition(".")[0])
            known = [path for path in paths if path is not None]
            if len(known) == 1:
                found[fn] = known[0]
        return found

    def only_view(self, fn: Any) -> bool:
        """Whether a function only turns a parameter."""
        name = fn.name().split("::")[-1]
        return name.startswith(VIEWS) and all(hasattr(p, "variable") for p, _ in fn.next_functions if p is not None)

    def scope(self, path: str | None) -> str | None:
        """The scope of a module, made with those around it."""
        if not path:
            return None
        parent = self.scope(path.rpartition(".")[0])
        return self.builder.scope(path, self.kinds.get(path, "Module"), parent, layer=True)

    def view(self, title: str | None) -> GraphView:
        for fn in self.order:
            if hasattr(fn, "variable"):
                self.leaf(fn)
            else:
                self.operation(fn)
        outs = []
        for out in self.outputs:
            if out.grad_fn is None:
                outs.append(self.found.get(id(out)) or self.variable(out))
                continue
            id_ = self.found[out.grad_fn]
            outs.append(id_)
            i = next(k for k, n in enumerate(self.builder.nodes) if n.id == id_)
            shape, dtype = tuple(out.shape), torch_dtype(out.dtype)
            if len(metadata(out.grad_fn)) <= 1:  # else the shapes of all outputs are known already
                self.builder.nodes[i] = self.builder.nodes[i]._replace(shape=shape, dtype=dtype, value=few_numbers(out))
        return self.builder.view(outs, title or outs[0])

    def leaf(self, fn: Any) -> None:
        """Where a gradient arrives."""
        self.found[fn] = self.variable(fn.variable)

    def variable(self, tensor: Any) -> str:
        """A parameter or another leaf."""
        if id(tensor) in self.found:
            return self.found[id(tensor)]
        name = self.names.get(id(tensor))
        grad = tensor.grad
        id_ = self.builder.leaf(
            name or self.builder.numbers.next("leaf"),
            "param" if name or type(tensor).__name__ == "Parameter" else "leaf",
            tuple(tensor.shape),
            torch_dtype(tensor.dtype),
            few_numbers(tensor),
            grad=few_numbers(grad),
            grad_norm=float(grad.norm()) if grad is not None and not grad.is_meta else None,
        )
        self.found[id(tensor)] = id_
        return id_

    def operation(self, fn: Any) -> None:
        """One function of the backward pass, as the operation that it is the derivative of."""
        name = fn.name().split("::")[-1]
        op = snake(re.sub(r"Backward\d*$", "", name))
        scope = self.scope(self.scope_of.get(fn))
        id_ = self.found[fn] = self.builder.name(op, scope)
        kept, args, freed = self.kept(fn)
        operands = [
            (self.found[parent], "", shapes_of(parent)[nr], True)
            for parent, nr in fn.next_functions
            if parent is not None
        ]
        gives = {i: (tuple(m.shape), torch_dtype(m.dtype)) for i, m in enumerate(metadata(fn))}
        shapes, dtypes = [shape for shape, _ in gives.values()], dict.fromkeys(dtype for _, dtype in gives.values())
        more = {"shape": shapes[0] if len(shapes) == 1 else tuple(shapes) or None, "dtype": ", ".join(dtypes) or None}
        self.builder.operation(id_, op, operands, scope=scope, saved=kept, args=args, freed=freed, **more)

    def kept(self, fn: Any) -> tuple[tuple[Saved, ...], str, bool]:
        """What a function keeps: its arrays, each storage counted once; its other arguments as text."""
        kept, args, freed = [], [], False
        for attribute in dir(fn):
            if not attribute.startswith("_saved_"):
                continue
            name = attribute.removeprefix("_saved_")
            try:
                value = getattr(fn, attribute)
            except RuntimeError:  # released by backward
                freed = True
                continue
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if hasattr(one, "untyped_storage"):
                    storage = one.untyped_storage()
                    new = storage.data_ptr() not in self.counted
                    self.counted.add(storage.data_ptr())
                    dtype = torch_dtype(one.dtype)
                    kept.append(saved(name, tuple(one.shape), dtype, storage.nbytes(), new))
            if name.endswith(("sym_sizes", "sym_strides")) or name in ("alpha", "beta") and value == 1:
                continue
            if isinstance(value, (bool, int, float)) and value not in (None, False) and abs(value) < 2**60:
                args.append(f"{name}={value}")
            elif isinstance(value, tuple) and value and all(isinstance(v, int) for v in value) and len(value) <= 4:
                args.append(f"{name}={value}")
        return tuple(kept), ", ".join(args), freed


def few_numbers(tensor: Any) -> Value | None:
    """What is said of a tensor of few numbers."""
    if tensor is None or tensor.numel() > FEW_ELEMENTS:
        return None
    try:
        plain = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
        plain = plain if plain.is_complex() else plain.double()  # NumPy has no bfloat16
        return described(plain.cpu().resolve_conj().numpy())
    except (RuntimeError, TypeError, NotImplementedError):  # on no device, as under torch.device("meta")
        return None


def metadata(fn: Any) -> list:
    """What PyTorch knows of a function's outputs: shape and dtype of each."""
    return list(getattr(fn, "_input_metadata", ()))


def shapes_of(fn: Any) -> dict[int, tuple | None]:
    """{number of an output: its shape}; of a leaf that of its tensor."""
    if hasattr(fn, "variable"):
        return {0: tuple(fn.variable.shape)}
    return defaultdict(lambda: None, {i: tuple(m.shape) for i, m in enumerate(metadata(fn))})


def torch_dtype(dtype: Any) -> str:
    """The name of a dtype as NumPy has it."""
    return str(dtype).removeprefix("torch.")


def ordered(roots: list) -> list:
    """The functions below some, each after those that it gets its operands from."""
    found: list = []
    done: set = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        fn, ready = stack.pop()
        if ready:
            found.append(fn)
        elif fn not in done:
            done.add(fn)
            stack.append((fn, True))
            stack += [(parent, False) for parent, _ in reversed(fn.next_functions) if parent is not None]
    return found


def snake(name: str) -> str:
    """The name of an operation as PyTorch's functions have it: MmBackward0 is mm, NllLoss is nll_loss."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name).lower()
