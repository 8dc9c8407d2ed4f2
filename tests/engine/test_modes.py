"""A block without recording ends where it should, also around a generator."""

import asyncio
import inspect

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


def test_decorated_coroutines_record_nothing_and_other_tasks_go_on():
    x, seen = tg.Tensor([1.0], requires_grad=True), []

    @tg.no_grad()
    async def evaluate():
        """Evaluate."""
        for _ in range(3):
            seen.append((x * 2).requires_grad)
            await asyncio.sleep(0)
        return "done"

    @tg.no_grad()
    async def batches():
        try:
            for k in range(2):
                seen.append((x * 2).requires_grad)
                got = yield k
                await asyncio.sleep(0)
                assert got is None
        finally:
            seen.append((x * 2).requires_grad)

    async def train():
        for _ in range(3):
            assert (x * 2).requires_grad
            await asyncio.sleep(0)

    async def everything():
        out = await asyncio.gather(evaluate(), train())
        assert (x * 2).requires_grad
        async for k in batches():
            assert (x * 2).requires_grad, k
        return out

    assert evaluate.__doc__ == "Evaluate." and inspect.iscoroutinefunction(evaluate)
    assert asyncio.run(everything()) == ["done", None] and seen == [False] * 6

    @tg.no_grad()
    async def fails():
        await asyncio.sleep(0)
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        asyncio.run(fails())
    assert (x * 2).requires_grad
