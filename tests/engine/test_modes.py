"""A block without recording ends where it should, also around a generator."""

import pytest

import tinygrad_np as tg


def test_a_decorated_generator_records_nothing_and_its_caller_goes_on():
    seen = []

    @tg.no_grad()
    def steps(n):
        """Steps."""
        try:
            for i in range(n):
                seen.append((i, tg.is_grad_enabled()))
                try:
                    seen.append((yield i))
                except KeyError:
                    seen.append(("thrown", tg.is_grad_enabled()))
        finally:
            seen.append(("end", tg.is_grad_enabled()))
        return "done"

    run = steps(3)
    assert steps.__doc__ == "Steps." and next(run) == 0 and tg.is_grad_enabled()
    assert run.send("given") == 1 and tg.is_grad_enabled()
    assert run.throw(KeyError()) == 2 and tg.is_grad_enabled()
    with pytest.raises(StopIteration) as stop:
        next(run)
    assert stop.value.value == "done" and tg.is_grad_enabled()
    assert seen == [(0, False), "given", (1, False), ("thrown", False), (2, False), None, ("end", False)]

    seen.clear()
    run = steps(2)
    next(run)
    run.close()
    assert seen == [(0, False), ("end", False)] and tg.is_grad_enabled()

    with pytest.raises(ValueError):
        next(tg.enable_grad()(failing)())
    assert tg.is_grad_enabled() and list(steps(2)) == [0, 1]


def failing():
    raise ValueError
    yield
