"""Products: matmul and einsum are bilinear and multilinear, every other product is said with them."""

import numpy as np

from ..engine.cotangents import unbroadcast
from ..engine.places import scatter
from ..engine.signatures import axes_of
from ..engine.table import bilinear, composed, newer, primitive
from .joining import as_operand


def mT(x):
    return np.swapaxes(x, -1, -2)


def matmul_x1(ct, x1_shape, x2):
    """ȳ x₂ᵀ, with the axes that matmul adds to vectors."""
    if x2.ndim == 1:
        return unbroadcast(ct[..., None] * x2, x1_shape)
    if len(x1_shape) == 1:
        return unbroadcast(np.matmul(x2, ct[..., None])[..., 0], x1_shape)
    return unbroadcast(np.matmul(ct, mT(x2)), x1_shape)


def matmul_x2(ct, x1, x2_shape):
    """x₁ᵀ ȳ, with the axes that matmul adds to vectors."""
    if len(x2_shape) == 1 and x1.ndim == 2:
        return np.matmul(ct, x1)
    if len(x2_shape) == 1:
        return unbroadcast(np.matmul(mT(x1), ct[..., None])[..., 0] if x1.ndim > 1 else ct * x1, x2_shape)
    if x1.ndim == 1:
        return unbroadcast(x1[:, None] * ct[..., None, :], x2_shape)
    return unbroadcast(np.matmul(mT(x1), ct), x2_shape)


bilinear(np.matmul, matmul_x1, matmul_x2, signature="x1, x2", cases=[
    lambda f, A: f(A("m", "k"), A("k", "n")), lambda f, A: f(A("k"), A("k")), lambda f, A: f(A("m", "k"), A("k")),
    lambda f, A: f(A("k"), A("k", "n")), lambda f, A: f(A(2, "m", "k"), A("k")), lambda f, A: f(A("k"), A(2, "k", "n")),
    lambda f, A: f(A(2, 1, "m", "k"), A(3, "k", "n"))])


@composed(np.dot, cases=[lambda f, A: f(A("k"), A("k")), lambda f, A: f(A(), A("m")),
                         lambda f, A: f(A("m", "k"), A("k", "n")), lambda f, A: f(A(2, "m", "k"), A(3, "k", "n"))])
def dot(a, b):
    a, b = as_operand(a), as_operand(b)
    if not a.ndim or not b.ndim:
        return a * b
    return a @ b if b.ndim <= 2 else np.tensordot(a, b, axes=(-1, -2))


@composed(np.inner, cases=[lambda f, A: f(A("m", "k"), A("n", "k")), lambda f, A: f(A("k"), A("k")),
                           lambda f, A: f(A(), A("k"))])
def inner(a, b):
    a, b = as_operand(a), as_operand(b)
    return a * b if not a.ndim or not b.ndim else np.tensordot(a, b, axes=(-1, -1))


@composed(np.outer, cases=[lambda f, A: f(A("m"), A("n", 2))])
def outer(a, b):
    return np.ravel(a)[:, None] * np.ravel(b)


@composed(np.vdot, cases=[lambda f, A: f(A("m", 2), A("m", 2))])
def vdot(a, b):
    return np.ravel(a).conjugate() @ np.ravel(b)


@composed(np.tensordot, cases=[lambda f, A: f(A("m", 2, 3), A(2, 3, "n")),
                               lambda f, A: f(A(2, "m", 3), A("n", 3, 2), ((0, 2), (2, 1))),
                               lambda f, A: f(A("m"), A("n"), 0)])
def tensordot(a, b, axes=2):
    a, b = as_operand(a), as_operand(b)
    if isinstance(axes, (int, np.integer)):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    left, right = (list(axes_of(ax, t.ndim)) for t, ax in zip((a, b), axes))
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ValueError(f"tensordot: shapes {a.shape} and {b.shape} differ along axes {left} and {right}")
    rest_a = [i for i in range(a.ndim) if i not in left]
    rest_b = [i for i in range(b.ndim) if i not in right]
    inner = int(np.prod([a.shape[i] for i in left], dtype=int))
    shape_a, shape_b = tuple(a.shape[i] for i in rest_a), tuple(b.shape[i] for i in rest_b)
    flat_a = np.reshape(np.transpose(a, rest_a + left), (int(np.prod(shape_a, dtype=int)), inner))
    flat_b = np.reshape(np.transpose(b, right + rest_b), (inner, int(np.prod(shape_b, dtype=int))))
    return np.reshape(flat_a @ flat_b, shape_a + shape_b)


@composed(np.kron, cases=[lambda f, A: f(A("m", 2), A(2, "n")), lambda f, A: f(A("m"), A(2, 2))])
def kron(a, b):
    a, b = as_operand(a), as_operand(b)
    ndim = max(a.ndim, b.ndim)
    a, b = (t[(None,) * (ndim - t.ndim)] for t in (a, b))
    pairs = a[tuple(s for _ in range(ndim) for s in (slice(None), None))] * \
        b[tuple(s for _ in range(ndim) for s in (None, slice(None)))]
    return np.reshape(pairs, tuple(m * n for m, n in zip(a.shape, b.shape)))


@composed(np.cross, cases=[lambda f, A: f(A("m", 3), A(3)), lambda f, A: f(A(3, "m"), A(3, "m"), axis=0)])
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if a.shape[-1] == b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    (a1, a2, a3), (b1, b2, b3) = ([t[..., i] if i < t.shape[-1] else 0.0 for i in range(3)] for t in (a, b))
    out = np.stack(np.broadcast_arrays(*map(as_operand, (a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1))), -1)
    return np.moveaxis(out, -1, axisc)


# ---- stacks of vectors and matrices -----------------------------------------------------------------------

@composed(np.vecdot, cases=[lambda f, A: f(A("m", 3), A(3)), lambda f, A: f(A(2, 1, "n"), A("m", "n"))])
def vecdot(x1, x2):
    x1, x2 = as_operand(x1), as_operand(x2)
    return np.matmul(x1[..., None, :].conjugate(), x2[..., None])[..., 0, 0]


@composed(newer("matvec"), cases=[lambda f, A: f(A("m", "n"), A(2, "n")), lambda f, A: f(A(2, "m", "n"), A("n"))])
def matvec(x1, x2):
    return np.matmul(x1, as_operand(x2)[..., None])[..., 0]


@composed(newer("vecmat"), cases=[lambda f, A: f(A(2, "m"), A("m", "n")), lambda f, A: f(A("m"), A(2, "m", "n"))])
def vecmat(x1, x2):
    return np.matmul(as_operand(x1)[..., None, :].conjugate(), x2)[..., 0, :]


# ---- einsum -----------------------------------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def explicit(operands: tuple) -> tuple[list[str], str, list]:
    """The labels of each operand and of the result, without ellipsis, and the arrays, from either spelling."""
    if isinstance(operands[0], str):
        text, arrays = operands[0].replace(" ", ""), list(operands[1:])
    else:
        def spelled(labels):
            return "".join("..." if i is Ellipsis else LETTERS[i] for i in labels)
        arrays = list(operands[0:len(operands) // 2 * 2:2])
        text = ",".join(spelled(labels) for labels in operands[1::2])
        text += "->" + spelled(operands[-1]) if len(operands) % 2 else ""
    arrays = [as_operand(a) for a in arrays]
    left, _, result = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(arrays):
        raise ValueError(f"einsum: found {len(arrays)} operands; {left!r} names {len(inputs)}")
    free = [c for c in LETTERS if c not in text]
    dots = [a.ndim - len(labels.replace("...", "")) if "..." in labels else 0 for a, labels in zip(arrays, inputs)]
    shared = "".join(free[:max(dots, default=0)])
    inputs = [labels.replace("...", shared[len(shared) - n:]) for labels, n in zip(inputs, dots)]
    if "->" not in text:
        seen = "".join(inputs)
        result = shared + "".join(sorted(c for c in set(seen) if seen.count(c) == 1 and c not in shared))
    return inputs, result.replace("...", shared), arrays


def einsum_ct(ct, tracked, inputs, result, operands, optimize):
    """For each operand: the cotangent with all other operands, summed to its labels."""
    lengths: dict[str, int] = {}
    for labels, a in zip(inputs, operands):
        for c, n in zip(labels, a.shape):
            lengths[c] = n if lengths.get(c, 1) == 1 else lengths[c]
    return [operand_ct(ct, i, inputs, result, operands, lengths, optimize) if t else None
            for i, t in enumerate(tracked)]


def operand_ct(ct, i, inputs, result, operands, lengths, optimize):
    labels, shape = inputs[i], operands[i].shape
    own = "".join(dict.fromkeys(labels))
    rest = [(inputs[j], operands[j]) for j in range(len(operands)) if j != i]
    known = set(result).union(*(names for names, _ in rest)) if rest else set(result)
    wide = "".join(c for c in own if c in known)
    g = np.einsum(",".join([result] + [names for names, _ in rest]) + "->" + wide, ct, *(a for _, a in rest),
                  optimize=optimize)
    full = tuple(lengths[c] for c in own)
    found = dict(zip(wide, g.shape))
    g = np.reshape(g, tuple(found.get(c, 1) for c in own))
    size = {c: n for c, n in zip(labels, shape)}
    g = np.broadcast_to(g, full) if g.shape != full else g
    g = unbroadcast(g, tuple(size[c] for c in own))
    if len(own) == len(labels):
        return g
    places = np.ogrid[tuple(slice(size[c]) for c in own)]
    return scatter(g, tuple(places[own.index(c)] for c in labels), shape)


@primitive
def contract(inputs, result, operands, optimize=False):
    """einsum with every label spelled out."""
    return np.einsum(",".join(inputs) + "->" + result, *operands, optimize=optimize)


contract.defvjp(einsum_ct, diff=("operands",), joint=True, kind="multilinear",
                cases=[lambda f, A: f(["ab", "bc"], "ac", [A("m", "k"), A("k", "n")])])


@composed(np.einsum, cases=[
    lambda f, A: f("ij,jk", A("m", "k"), A("k", "n")), lambda f, A: f("ii->i", A("n", "n")),
    lambda f, A: f("iij->j", A(2, 2, "n")),
    lambda f, A: f("ij,ij->", A("m", "n"), A("m", "n")), lambda f, A: f("...i,...i->...", A(2, "m", 3), A("m", 3)),
    lambda f, A: f("i,j,k->kj", A(2), A("m"), A("n"), optimize=True), lambda f, A: f("ij->", A("m", "n")),
    lambda f, A: f("ij,ij->ij", A("m", 1), A(1, 3)), lambda f, A: f(A("m", "n"), [0, 1], A("n"), [1], [0])])
def einsum(*operands, optimize=False, dtype=None, order="K", casting="safe"):
    inputs, result, arrays = explicit(operands)
    out = contract(inputs, result, arrays, optimize=optimize)
    return out if dtype is None else np.astype(out, dtype)
