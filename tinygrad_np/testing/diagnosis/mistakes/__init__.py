"""The mistakes that people make in derivatives, each as the Jacobian that it makes of the right one.

Blocks are (outputs × entries of one input). A mistake yields (NAME, sentence, predicted block), and True
where the block is no evidence for it. Their order is the order of preference where several fit.

block.py a part of a Jacobian; whole.py another gradient, local.py another derivative, places.py right numbers in wrong
places, sums.py added too often or not at all, terms.py a term too few, norms.py a term of a sum over an axis,
partial.py some entries alone.
"""

import types

from . import local, norms, partial, places, sums, terms, whole
from .block import FIT as FIT
from .block import Part as Part
from .block import off as off
from .block import part_of as part_of

PARTS = ("FACTOR ", "MISSING", "TOO MANY")  # of names that are put together


def mistake_names(rules: tuple) -> set[str]:
    """The names that rules give, which are the words in capitals of their code."""
    consts = [c for rule in rules for code in codes(rule.__code__) for c in code.co_consts]
    texts = [t for c in consts for t in (c if isinstance(c, tuple) else (c,)) if isinstance(t, str)]
    return {t for t in texts if len(t) > 3 and t.isupper() and t not in PARTS}


def codes(code: types.CodeType):
    """A function's code and that of the functions inside it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from codes(inner)


MISTAKES = (
    *whole.ANOTHER_GRADIENT,
    sums.duplicates,
    places.permutation,
    *places.WRONG_PLACES,
    sums.wrong_divisors,
    *norms.AXIS_TERMS,
    *sums.WRONG_SUMS,
    terms.forgotten,
    local.constant_factor,
    local.regularized,
    local.low_precision,
    partial.branch,
    whole.passed_through,  # what is more special is said first
    terms.product,
    *local.ANOTHER_DERIVATIVE,
    whole.the_function,
    *partial.SOME_ENTRIES,
    terms.lost,
    local.nearly,
)
LAST = (partial.scanned,)  # what takes long, where nothing else fits
