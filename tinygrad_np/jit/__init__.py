"""jit: record a function once a signature as a straight program of NumPy calls, then replay that.

Reading order. What a program is: errors.py, instruction.py a call as data, functions.py what NumPy's functions do;
passes.py and layouts.py shorten a program, products.py, kernels.py and narrow.py are products and compiled loops,
bands.py and plan.py lay it out, loops.py and band_loops.py write the steps that are no single call, replay.py writes
the whole text, show.py shows it, save.py writes it to a file; places.py where values lie outside, bytecode.py what
code says by itself, process.py what belongs to the whole process, reach.py which of all that the code that ran could
read, state.py whether it is still so, undo.py puts back what a replay that failed has changed, program.py joins it all.
How one is made, of which those know nothing: refusing.py the user's line, stand_in.py what stands in for an array,
record.py takes the calls down, watching.py sees the code that runs, arguments.py, exchange.py and outputs.py put
stand-ins in their places and what was there back, conversions.py lets NumPy take them, recording.py is one whole
recording. Then jitted.py finds the program of a call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from .errors import NotReplayable as NotReplayable

if TYPE_CHECKING:
    from ..engine.signatures import Parameters, Result


@overload
def jit(f: Callable[Parameters, Result], *, max_programs: int = 16) -> Callable[Parameters, Result]: ...


@overload
def jit(
    f: None = None, *, max_programs: int = 16
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]: ...


def jit(f: Any = None, *, max_programs: int = 16) -> Any:
    """The same results as `f`, recorded once a signature and then replayed without Python between NumPy calls.

    The first call with new shapes, dtypes or Python arguments runs `f` and records every NumPy call: forward,
    pullback and optimizer alike. Later calls run the planned program: nothing twice, buffers reused,
    elementwise chains in tiles. Arguments and results are arrays, Tensors, and nested containers of them;
    Python numbers and strings belong to the signature. At most `max_programs` recordings are kept, the least
    recently used goes first.

    Parameters, gradients, optimizer state, buffers and random streams that `f` can reach change as they do
    without jit. Raises NotReplayable, with the line, where a replay could not repeat what `f` does: a branch
    on a tensor's value, a conversion to a Python number or to NumPy, a Python counter.

    >>> import numpy as np
    >>> @jit
    ... def energy(x):
    ...     return (np.sin(x) ** 2 + np.cos(x) ** 2).sum()
    >>> [float(energy(np.full(3, v))) for v in (0.1, 0.2, 0.3)]
    [3.0, 3.0, 3.0]
    """
    if f is None:
        return functools.partial(jit, max_programs=max_programs)
    if not callable(f):
        raise TypeError(f"jit: expected a function, found {type(f).__name__}")
    if max_programs < 1:
        raise ValueError(f"jit: max_programs: expected at least 1, found {max_programs}")
    from .jitted import Jitted  # recording needs NumPy's random generators, which are slow to import

    return Jitted(f, max_programs)
