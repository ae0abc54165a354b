"""Coroutine twins of blocking functions, and iterators that work in both worlds.

The logic of the package is written once, as blocking code that lets the GIL go while it waits; its coroutine twin runs
that code in a thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from frazil._core import StopSwitch
from frazil.forking import renew_in_children

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Class = TypeVar("_Class")

_MAX_THREADS: Final = 64
"""Calls under way at once.  They wait for storage most of the time, so their number has nothing to do with CPUs."""

_MAX_PAGE: Final = 256
"""Items that an asynchronous iteration fetches in one visit to a thread."""


@functools.cache
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="frazil")


# The threads of a parent do not exist in a forked child.
os.register_at_fork(after_in_child=_executor.cache_clear)


async def run_in_thread(function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call a blocking function in a thread, with this task's context variables.

    If the awaiting task is cancelled the result is dropped, but the call runs to its end.
    """
    call = functools.partial(contextvars.copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_executor(), call)


@functools.cache
def _helpers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="frazil-beside")


os.register_at_fork(after_in_child=_helpers.cache_clear)


class _Begun(Generic[_T]):
    """A call under way in a thread of its own; calling this waits for it."""

    def __init__(self, function: Callable[[], _T]) -> None:
        self._function = function
        self._switch = StopSwitch()
        self._is_wanted = False
        self._future = _helpers().submit(contextvars.copy_context().run, self._switch.call, function)
        _UNDER_WAY.add(self)
        self._future.add_done_callback(lambda _: _UNDER_WAY.discard(self))

    def __call__(self) -> _T:
        self._is_wanted = True
        try:
            wait([self._future])
        finally:
            self._is_wanted = False  # it is done, or its caller was interrupted
        if self._switch.is_stopped and isinstance(self._future.exception(), KeyboardInterrupt):
            return self._function()
        return self._future.result()

    def stop_unless_wanted(self) -> None:
        if not self._is_wanted:
            self._switch.stop()


_UNDER_WAY: Final[set[_Begun[Any]]] = set()
os.register_at_fork(after_in_child=_UNDER_WAY.clear)  # they are under way in the parent


def _at_exit() -> None:
    """What nobody waits for must not keep the program from ending, however long the network lets it wait."""
    for begun in tuple(_UNDER_WAY):
        begun.stop_unless_wanted()


# Called before the threads of executors are waited for; `atexit` would call it after that.
threading._register_atexit(_at_exit)  # type: ignore[attr-defined]  # noqa: SLF001 - executors have no other door


def begin(function: Callable[[], _T]) -> Callable[[], _T]:
    """Start a blocking call beside what the caller does next; the result is a function that waits for it.

    The call must not ``begin`` others: its threads are its own, so that whoever waits for one never keeps it from
    running.  When the interpreter ends, calls that nobody waits for are stopped; where no thread can be had any more the
    call is made when it is waited for.
    """
    try:
        return _Begun(function)
    except RuntimeError:
        return function


def in_thread(function: Callable[_P, _T]) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """The coroutine twin of a blocking function or method: ``commit_async = in_thread(commit)``."""

    async def twin(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await run_in_thread(function, *args, **kwargs)

    return _named_after(function, twin)


def class_in_thread(
    method: Callable[Concatenate[type[_Class], _P], _T],
) -> classmethod[_Class, _P, Coroutine[Any, Any, _T]]:
    """The coroutine twin of a class method: ``open_async = class_in_thread(open)``, in the class that defines it."""
    function = getattr(method, "__func__", method)

    async def twin(cls: type[_Class], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        # Looked up by name, so that a subclass that overrides the blocking method has a matching twin.
        bound: Callable[_P, _T] = getattr(cls, function.__name__)
        return await run_in_thread(bound, *args, **kwargs)

    return classmethod(_named_after(function, twin))


def static_in_thread(method: Callable[_P, _T]) -> staticmethod[_P, Coroutine[Any, Any, _T]]:
    """The coroutine twin of a static method: ``exists_async = static_in_thread(exists)``."""
    return staticmethod(in_thread(getattr(method, "__func__", method)))


def _named_after(function: Callable[..., Any], twin: Callable[_P, _T]) -> Callable[_P, _T]:
    functools.update_wrapper(twin, function)
    twin.__name__ = f"{function.__name__}_async"
    twin.__qualname__ = f"{function.__qualname__}_async"
    summary = f"Coroutine twin of ``{function.__name__}``."
    twin.__doc__ = f"{summary}\n\n    {function.__doc__}" if function.__doc__ else summary
    return twin


class AsyncCloseableIterator(AsyncIterator[_T], Iterator[_T]):
    """An iterator for both ``for`` and ``async for``, over items that may take a visit to storage.

    It may be abandoned at any point; ``aclose`` lets go of what it holds at once.  The two ways of iterating share one
    position.  ``max_page`` bounds the items that wait in it, which large ones should keep low.  ``shared`` says that
    ``items`` is an iterator that several threads may step at once: ``for`` then goes straight to it.
    """

    def __init__(self, items: Iterable[_T], *, max_page: int = _MAX_PAGE, shared: bool = False) -> None:
        self._items = iter(items)
        self._ready: deque[_T] = deque()
        self._failure: BaseException | None = None
        self._exhausted = False
        self._page = 1
        self._max_page = max_page
        self._shared = shared
        self._lock = threading.Lock()
        renew_in_children(self)

    def renew_locks(self) -> None:
        """The step that another thread was taking is taken in the parent."""
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[_T]:  # noqa: PYI034 - what it returns shares the position of self
        with self._lock:
            # Its position is the common one as long as nothing has been fetched ahead of it.
            return self._items if self._shared and not (self._ready or self._exhausted) else self

    def __next__(self) -> _T:
        with self._lock:
            if not (self._ready or self._exhausted):
                # Long histories are walked this way, and one item needs no queue.
                try:
                    return next(self._items)
                except BaseException:
                    self._exhausted = True
                    raise
        if not self._has_item():
            raise StopIteration
        return self._ready.popleft()

    def __aiter__(self) -> AsyncCloseableIterator[_T]:
        return self

    async def __anext__(self) -> _T:
        if not self._ready:
            # Small pages first: the first item should not wait for 255 others.
            page, self._page = self._page, min(2 * self._page, self._max_page)
            await run_in_thread(self._fetch, page)
        if not self._has_item():
            raise StopAsyncIteration
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Stop the iteration and let go of what it holds."""
        await run_in_thread(self.close)

    def close(self) -> None:
        """The blocking form of ``aclose``."""
        with self._lock:
            self._exhausted = True
            self._failure = None
            self._ready.clear()
            close = getattr(self._items, "close", None)
            if close is not None:
                close()

    def _fetch(self, count: int) -> None:
        """Have at least one item ready, fetching up to ``count``; unless the end or a failure comes first."""
        with self._lock:
            if self._ready or self._exhausted:
                return
            fetched = 0
            try:
                for item in islice(self._items, count):
                    self._ready.append(item)
                    fetched += 1
            except Exception as failure:  # noqa: BLE001 - raised once the items before it were handed out
                self._failure = failure
            self._exhausted = self._failure is not None or fetched < count

    def _has_item(self) -> bool:
        """Whether an item is ready; raises what ended the iteration, once."""
        if self._ready:
            return True
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return False
