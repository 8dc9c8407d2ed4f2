"""`right(f, *xs, order=1)` asserts that derivatives are right: quickly, and with the checker where slow tests run."""

import pytest

from tests.derivatives.oracle import agree, thorough


@pytest.fixture(params=[pytest.param(agree, id=""), pytest.param(thorough, id="gradcheck", marks=pytest.mark.slow)])
def right(request):
    return request.param
