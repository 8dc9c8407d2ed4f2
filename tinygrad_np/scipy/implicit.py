"""Solutions of equations, differentiable in their parameters by the implicit function theorem, to any order.

Where F(x, p) = 0, dx = -(∂F/∂x)⁻¹ (∂F/∂p) dp, whatever found x. Both modes multiply by derivatives of F, which are
never written out; the linear systems are solved by a solver that may be given, and are equations of this kind again, so
that their solutions can be differentiated too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.arrays import array_of
from ..engine.modes import setting
from ..engine.recording import is_tracked
from ..engine.table import primitive
from ..engine.tracing import whole
from ..transforms.containers import flatten
from ..transforms.linear import linearize
from ..transforms.ravel import ravel
from ..transforms.trace import vjp

Solve = Callable[..., Any]


def dense_solve(matvec: Callable, b: np.ndarray) -> np.ndarray:
    """The solution of A x = b for a linear function A, whose matrix is made of its columns."""
    columns = [np.asarray(matvec(unit)) for unit in np.eye(b.size, dtype=b.dtype)]
    return np.linalg.solve(np.stack(columns, axis=1), b) if columns else b


class Equation:
    """F(x, *operands) = 0 for vectors x, and how a solution is found."""

    def __init__(self, residual: Callable, solve: Callable, linear_solve: Callable):
        self.residual, self.solve, self.linear_solve = residual, solve, linear_solve

    def transposed(self) -> Equation:
        """The equation Jᵀ w = ct of w in ct, x and the operands, where J = ∂F/∂x."""

        def residual(w, ct, x, *operands):
            return vjp(lambda x: self.residual(x, *operands), x)[1](w)[0] - ct

        def solve(ct, x, *operands):
            _, J = linearize(lambda x: self.residual(x, *operands), x)
            return self.linear_solve(lambda w: J.transpose(w)[0], ct)

        return Equation(residual, solve, self.linear_solve)


def refuse_captured(caller: str, out: Any) -> None:
    """Refuse what depends on a tracked tensor although all that it was given are plain arrays."""
    if any(is_tracked(leaf) for leaf in flatten(out, passing=True)[0]):
        raise TypeError(
            f"{caller}: the function depends on a tracked tensor that is no argument of its, and whose gradient would "
            "be lost; pass it as a parameter"
        )


@whole
def solved_arrays(equation: Equation, *operands: np.ndarray) -> np.ndarray:
    """The solution for arrays."""
    with setting(transforms=0, recording=True, order=0):  # what a solver does is in no transform: it sees arrays
        x = equation.solve(*operands)
        refuse_captured("implicit_root", x)
        refuse_captured("implicit_root", equation.residual(array_of(x), *operands))
    return np.array(array_of(x), dtype=np.result_type(float, array_of(x)))


@primitive
def solution(operands: list, equation: Equation) -> np.ndarray:
    """x with F(x, *operands) = 0."""
    return solved_arrays(equation, *operands)


def pulled(ct, operands, equation, out):
    """x̄ -> -(∂F/∂p)ᵀ (∂F/∂x)⁻ᵀ x̄."""
    w = solution([ct, out, *operands], equation.transposed())
    return vjp(lambda *ps: equation.residual(out, *ps), *operands)[1](-w)


CUBIC = Equation(lambda x, p: x**3 + 2 * x - p, lambda p: by_newton(p), dense_solve)

solution.defvjp(
    pulled,
    diff=("operands",),
    joint=True,
    conj=False,
    cases=[lambda f, A: f([A(3)], CUBIC)],
)


def by_newton(p):
    x = np.zeros_like(p)
    for _ in range(60):
        x = x - (x**3 + 2 * x - p) / (3 * x * x + 2)
    return x


def implicit_root(residual: Callable, solve: Solve, linear_solve: Callable | None = None) -> Callable:
    """The function of parameters that solve(*parameters) computes, x with residual(x, *parameters) = 0.

    x and the parameters may be nested containers; the residual has as many numbers as x. `solve` may be anything: it
    runs on plain arrays. `linear_solve(matvec, b)` solves the linear systems of the derivatives for vectors, by default
    with their matrix; conjugate gradients or GMRES need no matrix. Both modes, any order.

    >>> import tinygrad_np as tg
    >>> root = implicit_root(lambda x, a: x * x - a, solve=np.sqrt)
    >>> tg.grad(root)(4.0), tg.grad(tg.grad(root))(4.0)
    (array(0.25), array(-0.03125))
    """
    linear = dense_solve if linear_solve is None else linear_solve

    def root(*parameters: Any) -> Any:
        leaves, _, rebuild = flatten(parameters, passing=True)
        places = [i for i, leaf in enumerate(leaves) if number_kind(leaf) in "fc"]
        made: list = []

        def given(operands: tuple) -> tuple:
            full = list(leaves)
            for place, value in zip(places, operands):
                full[place] = value
            return rebuild(full)

        def solved(*operands):
            flat, unravel = ravel(solve(*given(operands)))
            made.append(unravel)
            return flat

        def flat_residual(x, *operands):
            return ravel(residual(made[-1](x), *given(operands)))[0]

        operands = [leaves[i] if hasattr(leaves[i], "_node") else np.asarray(leaves[i]) for i in places]
        if not operands:
            with setting(transforms=0, recording=True, order=0):
                x = solve(*parameters)
                refuse_captured("implicit_root", [x, residual(x, *parameters)])
            return x
        x = solution(operands, Equation(flat_residual, solved, linear))
        return made[-1](x)

    return root


def number_kind(leaf: Any) -> str:
    """The kind of number that a leaf is; a counting number is no parameter."""
    return leaf.dtype.kind if hasattr(leaf, "dtype") else np.asarray(leaf).dtype.kind


def fixed_point(f: Callable, x0: Any, *parameters: Any, tol: float = 1e-12, max_iter: int = 10000) -> Any:
    """x with f(x, *parameters) = x, by repeating f from x0; differentiable in the parameters.

    Raises RuntimeError where it does not settle.

    >>> import tinygrad_np as tg
    >>> tg.grad(lambda a: fixed_point(lambda x, a: (x + a / x) / 2, 1.0, a))(4.0)
    array(0.25)
    """
    start, unravel = ravel(x0)

    def solve(*given):
        x = np.array(array_of(start), dtype=np.result_type(float, array_of(start)))
        for _ in range(max_iter):
            new = np.asarray(ravel(f(unravel(x), *given))[0])
            if np.max(np.abs(new - x), initial=0) <= tol * (1 + np.max(np.abs(new), initial=0)):
                return unravel(new)
            x = new
        raise RuntimeError(f"fixed_point: no fixed point within {max_iter} steps; the map may be no contraction")

    def residual(x, *given):
        return ravel(f(x, *given))[0] - ravel(x)[0]

    return implicit_root(residual, solve)(*parameters)
