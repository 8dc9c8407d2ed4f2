"""Leaving the tape, always by name: nothing cuts a tensor off its gradient by accident."""

from __future__ import annotations

import math
import sys
from importlib import import_module
from opcode import opmap
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import read_only
from .modes import current, note_cut
from .recording import Traced, unwrap, wrap
from .tape import Const, Leaf

if TYPE_CHECKING:
    from .tensor import Tensor

STORE_SUBSCR = opmap["STORE_SUBSCR"]


class Leaving(Traced):
    """The conversions of an ndarray to what has no history, for Tensor."""

    __slots__ = ()

    def numpy(self) -> np.ndarray:
        """The values as an ndarray without history, read-only and without a copy."""
        note_cut("numpy()", (self,))
        return read_only(self._array)

    def item(self, *index: int) -> Any:
        """The one element, or the one at an index, as a Python number without history; refused in a transform."""
        return detached_scalar(self, "item()").item(*index)

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers, without history; refused in a transform."""
        return detached_scalar(self, "tolist()").tolist()

    def tobytes(self, order: Any = "C") -> bytes:
        """The bytes of the elements, without history."""
        return self._array.tobytes(order)

    def detach(self) -> Tensor:
        """A tensor of the same values that needs no gradient."""
        note_cut("detach()", (self,))
        name = self._node.name if isinstance(self._node, Leaf) else None
        return wrap(unwrap(self), Const(self._array.shape, self._array.dtype, name))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self._node.tracked and (answer := asked_by_sparse()) is not None:
            return answer
        whole = dtype is not None and np.dtype(dtype).kind in "iub"  # whose derivative is 0: no gradient is lost
        return np.array(self._array if whole else detached(self, "np.asarray"), dtype=dtype)

    def __dlpack__(
        self, /, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        array = detached(self, "from_dlpack")
        return array.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def __float__(self) -> float:
        return float(detached_scalar(self, "float"))

    def __complex__(self) -> complex:
        return complex(detached_scalar(self, "complex"))

    def __int__(self) -> int:
        return int(detached_scalar(self, "int") if stores(sys._getframe(1)) else self._array)

    def __trunc__(self) -> int:
        return int(self)

    def __floor__(self) -> int:
        return math.floor(self._array)

    def __ceil__(self) -> int:
        return math.ceil(self._array)

    def __index__(self) -> int:
        return self._array.__index__()

    def __bool__(self) -> bool:
        return bool(self._array)

    def __contains__(self, value: object) -> bool:
        return value in self._array


def asked_by_sparse() -> np.ndarray | None:
    """What the product of a matrix of scipy.sparse is to see of a tensor: no array, so that Python asks x.__rmatmul__.

    SciPy's word for that is an object without dimensions; `dot` goes on to the product where it has one.
    """
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("tinygrad_np."):
        frame = frame.f_back  # a recording by `jit` stands between
    if frame is None or not frame.f_globals.get("__name__", "").startswith("scipy.sparse"):
        return None
    name = frame.f_code.co_name
    return np.empty(0, object) if name == "dot" else np.array(None, object) if "matmul_dispatch" in name else None


def twin() -> str | None:
    """What to call instead of the function of SciPy that a conversion was made for, where there is such a function."""
    frame: Any = sys._getframe(2)
    found = None
    while frame is not None:
        package, _, rest = frame.f_globals.get("__name__", "").partition(".")
        if package == "scipy":
            wrapped = frame.f_locals.get("f")  # where one of SciPy's functions is called by way of another
            if not str(getattr(wrapped, "__module__", None)).startswith("scipy"):
                wrapped = None
            name = frame.f_code.co_name if wrapped is None else getattr(wrapped, "__name__", "")
            if wrapped is not None:
                rest = str(getattr(wrapped, "__module__", "")).partition(".")[2]
            module = rest.partition(".")[0]
            this = frame.f_locals.get("self")
            owner = getattr(this, "name", None)  # as a distribution is called
            if type(this).__name__.endswith("_gen") and not isinstance(owner, str):
                owner = type(this).__name__.removesuffix("_gen")
            if module == "sparse" and "mul" in name:
                name = "matmul" if "matmul" in name else "multiply"
            try:
                theirs: Any = import_module(f"..scipy.{module}", __package__)
                theirs = getattr(theirs, owner) if isinstance(owner, str) else theirs
                if callable(getattr(theirs, name, None)) and not name.startswith("_"):
                    found = ".".join(["scipy", module, *([owner] if isinstance(owner, str) else []), name])
            except (ImportError, AttributeError):
                pass
        elif found is not None:
            break
        frame = frame.f_back
    return found


WAYS = {  # what to write instead of a part of NumPy, or a conversion, that knows no tensors
    "ma": "write np.where(mask, x, 0), and sums with where=",
    "matrixlib": "write arrays of two axes and @",
    "polynomial": "call that of the np of `from tinygrad_np import numpy as np`",
    "float": "write np.sin(x) for math.sin(x), and f'{x}' to print it",
}


def asked_by() -> tuple[str, str]:
    """The function of NumPy or SciPy that a conversion was made for, if it is written in Python, and its module."""
    frame: Any = sys._getframe(3)
    name = part = ""
    while frame is not None and frame.f_globals.get("__name__", "").startswith(("numpy.", "scipy.")):
        library, part = frame.f_globals["__name__"].split(".")[:2]
        public = frame.f_code.co_qualname.partition(".")[0]
        home = getattr(sys.modules[library], part, None)
        inside = library == "scipy" or part in ("ma", "polynomial", "linalg", "fft")
        if hasattr(home if inside else np, public):
            name = f"{'np' if library == 'numpy' else library}.{f'{part}.' if inside else ''}{public}"
        frame = frame.f_back
    return name, part


def numpys_own(name: str) -> str | None:
    """What NumPy has under the name of a function of SciPy, whose tensors it takes."""
    library, _, rest = name.partition(".")
    public = rest.rpartition(".")[2]
    homes = {"np.fft": np.fft, "np.linalg": np.linalg, "np": np}
    found = [f"{home}.{public}" for home, module in homes.items() if library == "scipy" and hasattr(module, public)]
    return f"call {found[0]}" if found else None


def detached(tensor: Traced, caller: str) -> np.ndarray:
    """The array for a conversion that leaves the tape: refused for a tracked tensor, nothing detaches by accident."""
    if tensor._node.tracked:
        found = twin() if "scipy" in sys.modules else None
        if found is not None:
            raise TypeError(
                f"{found} knows no tensors and would cut one off its gradient: call tinygrad_np.{found}; "
                "use x.numpy() or x.detach() to cut it off"
            )
        name, part = asked_by()
        if part == "testing":  # which only compares
            return tensor._array
        way = (
            WAYS.get(part)
            or numpys_own(name)
            or WAYS.get(caller)
            or (
                "join tensors with np.array([...], like=x), np.stack, or the np of "
                "`from tinygrad_np import numpy as np`; write np.dot(a, x) for a.dot(x)"
            )
        )
        raise TypeError(
            f"{name or caller} would cut a tensor off its gradient: {way}; use x.numpy() or x.detach() to cut it off"
        )
    return tensor._array


def stores(frame: FrameType) -> bool:
    """Whether a frame is at `array[i] = value`."""
    return frame.f_code.co_code[frame.f_lasti] == STORE_SUBSCR


def detached_scalar(tensor: Traced, caller: str) -> np.ndarray:
    """The array for a conversion to Python numbers: refused where a gradient would be missed unseen.

    That is inside a transform, in NumPy's own code, and in `array[i] = tensor`, which NumPy does by way of `float`.
    Whole numbers have no gradient: `int(x)`, `math.floor(x)` and `np.asarray(x, int)` are what they are of a float.
    """
    frame = sys._getframe(2)
    storing = stores(frame)
    within = frame.f_globals.get("__name__", "").partition(".")[0] in ("numpy", "scipy")
    if current().transforms or storing or within:
        return detached(tensor, "array[i] = tensor" if storing else caller)
    return tensor._array
