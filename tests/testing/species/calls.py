"""Mistakes with the cotangent, with memory, and between calls."""

import numpy as np

from tinygrad_np.testing import failures as F

from .entry import V, op, species


@species([(V,)], F.NotLinear, "IGNORES THE COTANGENT")
def cotangent_ignored():
    return op(lambda x: np.sin(x), lambda ct, x: np.cos(x))


@species([(V,)], F.GradientMismatch, "IGNORES THE COTANGENT")
def cotangent_summed():
    return op(lambda x: np.sin(x), lambda ct, x: ct.sum() * np.cos(x))


@species([(V,)], F.NotLinear, "squared")
def cotangent_squared():
    return op(lambda x: np.sin(x), lambda ct, x: ct * np.abs(ct) * ct / np.abs(ct) * np.cos(x))


@species([(V,)], F.NotLinear, "zeros")
def a_term_without_the_cotangent():
    return op(lambda x: x * x, lambda ct, x: 2 * x * ct + 0.01 * x)


@species([(V,)], F.MutatedInput, "calling the operation changed x")
def input_changed_by_the_call():
    def forward(x):
        x += 1
        return x * 1.0

    return op(forward, lambda ct: ct)


@species([(V,)], F.MutatedInput, "derivative changed the input x")
def input_changed_by_the_rule():
    def rule(ct, x):
        np.multiply(x, 2, out=x)
        return ct * x

    return op(lambda x: x * x, rule)


@species([(V,)], F.MutatedInput, "output")
def output_changed_by_the_rule():
    def rule(ct, out):
        np.negative(out, out=out)
        return -ct * out

    return op(lambda x: np.exp(x), rule)


@species([(V,)], F.MutatedCotangent, "calls.py")
def cotangent_changed():
    def rule(ct, x):
        ct *= np.cos(x)
        return ct

    return op(lambda x: np.sin(x), rule)


@species([(V,)], F.SharedMemory, "buffer")
def output_is_a_buffer():
    buffer = np.zeros(4)
    return op(lambda x: np.sin(x, out=buffer), lambda ct, x: ct * np.cos(x))


@species([(V,)], F.SharedMemory, "buffer")
def gradient_is_a_buffer():
    buffer = np.zeros(4)
    return op(lambda x: np.sin(x), lambda ct, x: np.multiply(ct, np.cos(x), out=buffer))


@species([(V,)], F.HiddenState, "later call overwrites")
def input_kept_on_the_function():
    kept = {}

    def forward(x):
        kept["x"] = np.array(x)
        return np.sin(x)

    return op(forward, lambda ct: ct * np.cos(kept["x"]))


@species([(V,)], F.HiddenState, "keeps")
def backward_uses_up_what_it_keeps():
    kept = {}

    def forward(x):
        kept["cos"] = np.cos(x)
        return np.sin(x)

    def rule(ct):
        slope = kept["cos"]
        kept["cos"] = np.zeros(4)
        return ct * slope

    return op(forward, rule)


@species([(V,)], F.NonDeterministic, "random")
def noise_in_the_forward():
    return op(lambda x: x + 1e-6 * np.random.rand(*x.shape), lambda ct: ct)


@species([(V,)], F.NonDeterministic, "random")
def noise_in_the_rule():
    return op(lambda x: x * 1.0, lambda ct: ct * (1 + 1e-6 * np.random.rand()))


@species(None, F.NonDeterministic, "random number")
def random_mask():
    rng = np.random.default_rng(0)
    return op(lambda x: x * (rng.random(x.shape) > 0.5), lambda ct: ct)
