"""Coroutine twins and two-way iterators."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import Latency, ObjectStore
from frazil.concurrency import offload
from frazil.concurrency.offload import (
    AsyncCloseableIterator,
    begin,
    class_in_thread,
    in_thread,
    run_in_thread,
    static_in_thread,
)


class Thing:
    """Has one method of each sort."""

    def double(self, value: int, *, times: int = 2) -> int:
        """Multiply."""
        return value * times

    double_async = in_thread(double)

    @classmethod
    def make(cls, name: str) -> Thing:
        return cls()

    make_async = class_in_thread(make)

    @staticmethod
    def thread() -> int:
        return threading.get_ident()

    thread_async = static_in_thread(thread)


class SpecialThing(Thing):
    pass


def test_twins_do_the_same_in_a_thread() -> None:
    async def main() -> None:
        assert await Thing().double_async(3) == 6
        assert await Thing().double_async(3, times=5) == 15
        assert type(await SpecialThing.make_async("x")) is SpecialThing
        assert await Thing.thread_async() != threading.get_ident()

    asyncio.run(main())


def test_twins_look_like_coroutine_functions() -> None:
    assert inspect.iscoroutinefunction(Thing.double_async)
    assert inspect.iscoroutinefunction(Thing.make_async)
    assert Thing.double_async.__name__ == "double_async"
    assert inspect.signature(Thing.double_async) == inspect.signature(Thing.double)
    assert "Multiply." in (Thing.double_async.__doc__ or "")


def test_context_variables_reach_the_thread() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def main() -> str:
        variable.set("mine")
        return await run_in_thread(variable.get)

    assert asyncio.run(main()) == "mine"


def test_exceptions_come_back() -> None:
    def fail() -> None:
        raise LookupError("nope")

    with pytest.raises(LookupError, match="nope"):
        asyncio.run(run_in_thread(fail))


def _child(results: multiprocessing.Queue[int]) -> None:
    results.put(asyncio.run(run_in_thread(int, "7")))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    asyncio.run(run_in_thread(int, "1"))
    fork = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[int] = fork.Queue()
    child = fork.Process(target=_child, args=(results,))
    child.start()
    assert results.get(timeout=30) == 7
    child.join(30)
    assert child.exitcode == 0


async def _collect(iterator: AsyncCloseableIterator[int]) -> list[int]:
    return [item async for item in iterator]


@given(st.lists(st.integers(), max_size=700))
def test_both_ways_give_every_item_in_order(items: list[int]) -> None:
    assert list(AsyncCloseableIterator(items)) == items
    assert asyncio.run(_collect(AsyncCloseableIterator(items))) == items


def test_the_two_ways_share_a_position() -> None:
    async def main() -> None:
        iterator = AsyncCloseableIterator(range(6))
        seen = [next(iterator), await anext(iterator), await anext(iterator), next(iterator)]
        seen += [item async for item in iterator]
        assert seen == list(range(6))
        assert list(iterator) == []

    asyncio.run(main())


def _three_and_a_failure() -> Iterator[int]:
    yield from range(3)
    raise OSError("disk gone")


def test_a_failure_comes_after_the_items_before_it() -> None:
    async def main() -> None:
        seen: list[int] = []
        iterator = AsyncCloseableIterator(_three_and_a_failure())
        with pytest.raises(OSError, match="disk gone"):
            async for item in iterator:
                seen.append(item)
        assert seen == [0, 1, 2]
        assert [item async for item in iterator] == []

    asyncio.run(main())
    seen: list[int] = []
    with pytest.raises(OSError, match="disk gone"):
        seen.extend(AsyncCloseableIterator(_three_and_a_failure()))


def test_closing_lets_go() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    async def main() -> None:
        iterator = AsyncCloseableIterator(items())
        assert await anext(iterator) == 0
        await iterator.aclose()
        assert closed.is_set()
        assert [item async for item in iterator] == []
        assert list(iterator) == []
        await iterator.aclose()

    asyncio.run(main())


def test_nothing_is_fetched_before_it_is_asked_for() -> None:
    fetched: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            fetched.append(number)
            yield number

    async def main() -> None:
        iterator = AsyncCloseableIterator(items())
        assert fetched == []
        await anext(iterator)
        assert fetched == [0]

    asyncio.run(main())
    iterator = AsyncCloseableIterator(items())
    fetched.clear()
    assert next(iterator) == 0
    assert fetched == [0]


# ---- beside the caller ----------------------------------------------------------------------------------------------


def test_what_is_begun_runs_while_the_caller_goes_on():
    reached, go_on = threading.Event(), threading.Event()

    def call():
        reached.set()
        assert go_on.wait(10)
        return 7

    wait = begin(call)
    assert reached.wait(10)
    go_on.set()
    assert wait() == 7


def test_a_failure_of_what_is_begun_comes_when_it_is_waited_for():
    def fail():
        raise ValueError("no")

    wait = begin(fail)
    with pytest.raises(ValueError, match="no"):
        wait()


def test_context_variables_reach_what_is_begun():
    variable = contextvars.ContextVar("variable", default="outside")
    variable.set("inside")
    assert begin(variable.get)() == "inside"


def test_at_exit_what_nobody_waits_for_is_stopped_and_made_again_by_whoever_does_then():
    latency = Latency(read_ms=120_000)
    objects = ObjectStore.memory()
    objects.put("a", b"1")
    late = objects.with_latency(latency)
    again, dropped = begin(lambda: late.get("a")), begin(lambda: late.get("b"))
    offload._at_exit()
    assert isinstance(dropped, offload._Begun)
    with pytest.raises(KeyboardInterrupt):
        dropped._future.result(60)
    latency.read_ms = 0
    assert again() == b"1"


def test_at_exit_what_cannot_be_begun_is_done_when_it_is_waited_for():
    code = "import atexit\nfrom frazil.concurrency.offload import begin\natexit.register(lambda: print(begin(lambda: 7)()))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "7\n"
