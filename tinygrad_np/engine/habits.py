"""What somebody used to PyTorch writes of a tensor: done where that is harmless, else told what to write here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

UNARY = """abs exp exp2 expm1 log log2 log10 log1p sqrt square sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh
arccosh arctanh floor ceil trunc sign isnan isinf isfinite""".split()
MOVED = "roll flip tile diag tril triu outer amax amin moveaxis".split()
OTHER_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh"}
OTHER_NAMES |= {"atanh": "arctanh", "neg": "negative", "absolute": "absolute", "reciprocal": "reciprocal"}
BINARY = {"add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "pow": "power", "matmul": "matmul"}
BINARY |= {"mm": "matmul", "bmm": "matmul", "mv": "matmul", "maximum": "maximum", "minimum": "minimum"}
BINARY |= {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}

WRITTEN_AS = {
    **{name: f"nn.functional.{name}(x)" for name in "relu gelu sigmoid softmax log_softmax softplus silu".split()},
    "cuda": "nothing: everything is on the CPU",
    "expand": "np.broadcast_to(x, shape)",
    "expand_as": "np.broadcast_to(x, y.shape)",
    "view_as": "x.reshape(y.shape)",
    "reshape_as": "x.reshape(y.shape)",
    "unflatten": "x.reshape(...)",
    "narrow": "x[start : start + length]",
    "unbind": "list(x)",
    "where": "np.where(condition, x, y)",
    "median": "np.median(x, axis)",
    "aminmax": "x.min() and x.max()",
    "erf": "scipy.special.erf(x)",
    "scatter": "np.put_along_axis(y, index, values, axis)",
    "new_zeros": "np.zeros(shape, x.dtype)",
    "new_ones": "np.ones(shape, x.dtype)",
    "is_contiguous": "x.data.flags.c_contiguous",
    "element_size": "x.itemsize",
    "grad_fn": "x.graph(), which shows what computed it",
    "retain_grad": "tg.vjp(f, x), which gives the gradient of any value",
    "register_hook": "tg.vjp(f, x), which gives the gradient on its way",
    "masked_fill": "np.where(mask, value, x)",
    "gather": "np.take_along_axis(x, index, axis)",
    "index_select": "np.take(x, index, axis)",
    "topk": "np.sort(x) and np.argsort(x), sliced",
    "norm": "np.linalg.norm(x)",
    "cat": "np.concatenate([...], axis)",
    "chunk": "np.array_split(x, n, axis)",
    "split": "np.split(x, n, axis)",
    "scatter_add": "np.add.at(y, index, x)",
    "logsumexp": "np.logaddexp.reduce(x, axis)",
    "zero_": "x[...] = 0",
    "clamp_": "x[...] = x.clip(low, high)",
    "normal_": "x[...] = rng.normal(size=x.shape)",
    "uniform_": "x[...] = rng.random(x.shape)",
    "bernoulli": "rng.random(x.shape) < x",
    "fill_": "x[...] = value",
    "copy_": "x[...] = y",
    "add_": "x += y",
    "sub_": "x -= y",
    "mul_": "x *= y",
    "div_": "x /= y",
    "backward_": "x.backward()",
}

FOR_SEVERAL = {  # what to write -> the methods of PyTorch's that it does the work of
    "scipy.special.{}(x)": "digamma erfc erfinv polygamma xlogy logit gammaln",
    "scipy.special.gammaln(x)": "lgamma mvlgamma",
    "scipy.linalg.{}(...)": "lu cholesky_solve lu_solve",
    "scipy.linalg.expm(x)": "matrix_exp",
    "np.linalg.inv(x)": "inverse cholesky_inverse",
    "np.linalg.pinv(x)": "pinverse",
    "np.linalg.slogdet(x)": "logdet",
    "y + x @ z": "addmm addmv addbmm baddbmm addr",
    "y + value * a * b, or a / b": "addcmul addcdiv",
    "x + weight * (y - x)": "lerp",
    "x % 1": "frac",
    "np.linalg.norm(x - y)": "dist",
    "np.swapaxes(x, -1, -2).conj()": "H mH adjoint",
    "np.swapaxes(x, 0, 1)": "swapdims",
    "x[mask]": "masked_select",
    "np.where(mask, y, x)": "masked_scatter",
    "np.add.at(y, index, x)": "index_add scatter_reduce index_reduce",
    "y[index] = x": "index_copy index_put index_fill select_scatter slice_scatter diagonal_scatter",
    "np.take_along_axis(x, index, axis)": "take_along_dim",
    "np.repeat(x, n, axis)": "repeat_interleave",
    "np.array_split(x, n, axis)": "tensor_split unsafe_chunk unsafe_split unsafe_split_with_sizes split_with_sizes",
    "np.maximum.accumulate(x)": "cummax",
    "np.minimum.accumulate(x)": "cummin",
    "np.sort(x, axis)": "msort kthvalue",
    "np.unique(x)": "unique_consecutive mode",
    "np.histogram(x, bins)": "histc",
    "x.clip(low, high)": "clamp_max clamp_min",
    "rng.choice(n, p=x)": "multinomial",
    "np.empty, np.zeros or np.full(shape, dtype=x.dtype)": "new new_empty new_full new_tensor",
    "x.astype(y.dtype)": "type_as",
    "x.dtype": "is_complex is_floating_point is_signed",
    "x.strides, in bytes": "stride",
    "x.data": "storage untyped_storage data_ptr values",
}
WRITTEN_AS |= {name: text.format(name) for text, names in FOR_SEVERAL.items() for name in names.split()}

# Methods of PyTorch's, some in place, that nothing here is called after.
NOT_HERE = """
apply as_strided as_strided_scatter as_subclass bfloat16 byte cauchy ccol_indices cdouble cfloat chalf char coalesce
col_indices conj_physical const_data_ptr crow_indices dense_dim dequantize diag_embed dim_order exponential
geometric geqrf ger get_device grad_dtype hardshrink hash_tensor igamma igammac index int_repr ipu is_coalesced
is_conj is_cpu is_cuda is_distributed is_inference is_ipu is_maia is_meta is_mkldnn is_mps is_mtia is_neg is_nested
is_nonzero is_pinned is_quantized is_same_size is_set_to is_shared is_sparse is_sparse_csr is_vulkan is_xla is_xpu
istft layout log_normal logcumsumexp map map2 module_load mtia narrow_copy new_empty_strided nonzero_static orgqr
ormqr output_nr pin_memory prelu q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale
q_zero_point qscheme random record_stream register_post_accumulate_grad_hook reinforce renorm resize_as
resize_as_sparse resolve_conj resolve_neg retains_grad row_indices set sgn share_memory short slice_inverse smm
sparse_dim sparse_mask sparse_resize sparse_resize_and_clear sspaddmm stft storage_offset storage_type sum_to_size
symeig to_dense to_mkldnn to_padded_tensor to_sparse to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc
to_sparse_csr triangular_solve unfold volatile xpu""".split()


def unwritten() -> dict[str, str]:
    """What to write for names that a tensor does not have: those of NumPy's functions, and PyTorch's.

    They are attributes of the class, as a `__getattr__` would make every attribute of every tensor slow.
    """
    found = dict.fromkeys(NOT_HERE, "with NumPy's functions and those of nn.functional")
    for module, where in ((np.linalg, "np.linalg"), (np, "np")):
        functions = [name for name, f in vars(module).items() if callable(f) and type(f) is not type and name[0] != "_"]
        found |= {name: f"{where}.{name}(x, ...)" for name in functions}
    found |= WRITTEN_AS
    named = (
        *found,
        *UNARY,
        *OTHER_NAMES,
        *BINARY,
        *MOVED,
        *"round cumsum cumprod squeeze transpose detach rsqrt t unsqueeze".split(),
    )
    return {f"{name}_": "x[...] = and the new value" for name in named} | found


class Instead:
    """An attribute that is not there, whose error says what to write."""

    def __init__(self, name: str, text: str, whose: str = "a Tensor") -> None:
        self.name, self.text, self.whose = name, text, whose

    def __get__(self, obj: Any, owner: type[Any] | None = None) -> Any:
        raise AttributeError(f"{self.whose} has no {self.name}; write {self.text}")


def spelled(name: str, axis: Any, keepdims: bool, habits: dict[str, Any]) -> tuple[Any, bool]:
    """axis and keepdims, which PyTorch calls dim and keepdim."""
    stray = set(habits) - {"dim", "keepdim"}
    if stray or "dim" in habits and axis is not None or "keepdim" in habits and keepdims:
        given = ", ".join(f"{key}={value!r}" for key, value in habits.items())
        raise TypeError(f"x.{name}: found {given}; expected axis and keepdims, or dim and keepdim, each once")
    return habits.get("dim", axis), habits.get("keepdim", keepdims)


def values_alone(name: str, habits: dict[str, Any]) -> None:
    """Refuse dim where PyTorch means something else by it."""
    values = "np.sort(x, axis)" if name == "sort" else f"x.{name}(axis=...)"
    other = f"{values} gives the values, x.arg{name}(axis=...) their places"
    if name in ("var", "std"):
        other = f"x.{name}(axis=..., ddof=1) divides by n - 1, as PyTorch does"
    raise TypeError(f"x.{name}: found {', '.join(habits)}; {other}")


def view(self: Any, *shape: Any) -> Any:
    """The same elements in another shape, as `reshape`."""
    if len(shape) == 1 and not isinstance(shape[0], (int, np.integer, tuple, list)):
        raise TypeError(f"x.view: found {shape[0]!r}; expected lengths; x.astype(dtype) changes the dtype")
    return self.reshape(*shape)


def movement(name: str) -> Callable[..., Any]:
    """A method that does what a function of NumPy does."""
    function = getattr(np, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__, method.__doc__ = name, f"np.{name} of the tensor."
    return method


def moved(name: str) -> Callable[..., Any]:
    """The same of a function along axes, which PyTorch calls dim or dims."""
    function, names = getattr(np, name), {"dim": "axis", "dims": "axis", "keepdim": "keepdims", "shifts": "shift"}

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **{names.get(key, key): value for key, value in kwargs.items()})

    method.__name__, method.__doc__ = name, f"np.{name} of the tensor."
    return method


def in_one_axis(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Some neighboring axes as one."""
    start, end = (dim % max(x.ndim, 1) for dim in (start_dim, end_dim))
    return x.reshape(*x.shape[:start], -1, *x.shape[end + 1 :])


def to(self: Any, target: Any = None, *, device: Any = "cpu", dtype: Any = None, non_blocking: bool = False) -> Any:
    """In another dtype; on the CPU it is already."""
    if str(target).startswith("cpu"):
        target = None
    if not str(device or "cpu").startswith("cpu") or str(target).startswith(("cuda", "mps", "xpu")):
        raise ValueError(f"x.to: found {target or device!r}; everything is on the CPU: leave it out")
    dtype = target if dtype is None else dtype
    return self if dtype is None or dtype == self.dtype else self.astype(dtype)


def requires_grad_(self: Any, requires_grad: bool = True) -> Any:
    """Set whether a leaf gets a gradient; return it."""
    self.requires_grad = requires_grad
    return self


def cast(name: str, dtype: Any) -> Callable[..., Any]:
    """A method that changes the dtype."""

    def method(self: Any) -> Any:
        return self.astype(dtype)

    method.__name__, method.__doc__ = name, f"x.astype(np.{np.dtype(dtype).name})."
    return method


def habits() -> dict[str, Any]:
    """The attributes by their names."""
    found: dict[str, Any] = {name: Instead(name, text) for name, text in unwritten().items()}
    found |= {name: movement(OTHER_NAMES.get(name, name)) for name in (*UNARY, *OTHER_NAMES)}
    found |= {name: movement(function) for name, function in BINARY.items()}
    found |= {name: moved(name) for name in MOVED} | {"movedim": moved("moveaxis")}
    found |= {"half": cast("half", np.float16), "float": cast("float", np.float32)}
    found |= {"double": cast("double", np.float64), "long": cast("long", np.int64)}
    found |= {"int": cast("int", np.int32), "bool": cast("bool", np.bool_)}
    return found | {
        "to": to,
        "requires_grad_": requires_grad_,
        "type": lambda self, dtype: self.astype(dtype),
        "clone": lambda self: self.copy(),
        "rsqrt": lambda self: 1 / np.sqrt(self),
        "view": view,
        "permute": lambda self, *dims: self.transpose(*dims),
        "unsqueeze": lambda self, dim: np.expand_dims(self, dim),
        "clamp": lambda self, min=None, max=None: self.clip(min, max),
        "contiguous": lambda self: self,
        "cpu": lambda self: self,
        **dict.fromkeys(("numel", "nelement"), lambda self: self.size),
        **dict.fromkeys(("dim", "ndimension"), lambda self: self.ndim),
        "t": lambda self: self.T,
    }
