"""tinygrad_np.numpy.polynomial: NumPy's own code over tensors gives NumPy's values, and derivatives of all of it."""

import numpy
import numpy.polynomial as theirs
import pytest

import tinygrad_np as tg
from tinygrad_np import numpy as np

FAMILIES = {
    "polynomial": ("poly", "Polynomial"),
    "chebyshev": ("cheb", "Chebyshev"),
    "hermite": ("herm", "Hermite"),
    "hermite_e": ("herme", "HermiteE"),
    "laguerre": ("lag", "Laguerre"),
    "legendre": ("leg", "Legendre"),
}
FUNCTIONS = {
    "val": lambda f, c, np: f(0.3, c) + f(c, [1.0, 2.0, 3.0]).sum(),
    "val2d": lambda f, c, np: f(0.3, c[0], c.reshape(2, 2)),
    "grid2d": lambda f, c, np: f(c, c, c.reshape(2, 2)).sum(),
    "add": lambda f, c, np: f(c, [1.0, 2.0]) @ np.arange(4.0),
    "sub": lambda f, c, np: f(c[:2] * c[1], c) @ np.arange(4.0),
    "mul": lambda f, c, np: f(c, c * c) @ np.arange(7.0),
    "div": lambda f, c, np: f(c, [1.0, 2.0])[0] @ np.arange(3.0),
    "pow": lambda f, c, np: f(c[:3], 2) @ np.arange(5.0),
    "der": lambda f, c, np: f(c) @ np.arange(3.0),
    "int": lambda f, c, np: f(c) @ np.arange(5.0),
    "fromroots": lambda f, c, np: f(c) @ np.arange(5.0),
    "vander": lambda f, c, np: (f(c, 3) * np.arange(16.0).reshape(4, 4)).sum(),
    "fit": lambda f, c, np: f(c, c**2 + np.sin(c), 1) @ np.arange(2.0),
}
CLASSES = {
    "value": lambda f, c, np: f(c, domain=[0, 2])(0.3),
    "arithmetic": lambda f, c, np: (2 * f(c) ** 2 - f(c[:2]) + 1)(0.3),
    "calculus": lambda f, c, np: f(c).deriv()(0.2) + f(c).integ(1)(0.7),
    "conversion": lambda f, c, np: f(c).convert(kind=np.polynomial.Polynomial)(0.3),
    "fit": lambda f, c, np: f.fit(c, c**2 + np.sin(c), 1)(0.3),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_derivatives_of_all_that_a_family_has(name):
    short, of_class = FAMILIES[name]
    module, reference = getattr(np.polynomial, name), getattr(theirs, name)
    cases = [(body, getattr(module, short + f), getattr(reference, short + f)) for f, body in FUNCTIONS.items()]
    cases += [(body, getattr(module, of_class), getattr(reference, of_class)) for body in CLASSES.values()]
    c, h = numpy.array([0.5, 0.2, 1.1, -2.0]), 1e-6
    for body, ours, numpys in cases:
        value, g = tg.value_and_grad(lambda c, f=ours, body=body: body(f, c, np))(c)
        slope = [(body(numpys, c + h * e, numpy) - body(numpys, c - h * e, numpy)) / (2 * h) for e in numpy.eye(4)]
        numpy.testing.assert_allclose(value, body(numpys, c, numpy), rtol=1e-10)
        numpy.testing.assert_allclose(g, slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_coefficients_of_zero_have_gradients(name):
    """NumPy drops zeros at the end of a series, which depends on their values: the gradient was lost with them."""
    short, of_class = FAMILIES[name]
    make = getattr(np.polynomial, of_class)
    zero, other = numpy.zeros(3), numpy.array([0.4, -1.0, 0.7])
    slope = tg.grad(lambda c: (make(c) + make([1.0, 2.0]) * make(c))(0.3))
    numpy.testing.assert_allclose(slope(zero), slope(other))  # it is linear in c
    mulx = getattr(getattr(np.polynomial, name), short + "mulx")
    numpy.testing.assert_array_equal(tg.jacobian(mulx)(numpy.zeros(1)), tg.jacobian(mulx)(numpy.ones(1)))


def test_numpys_own_modules_are_as_they_were():
    from tinygrad_np.numpy.polynomial.chebyshev import chebval

    assert theirs.chebyshev.np is numpy and theirs.chebyshev.chebval is not chebval
    assert isinstance(theirs.Polynomial([1.0, 2.0])(0.5), float)
    assert repr(np.polynomial.Polynomial([1.0])).startswith("Polynomial(")
