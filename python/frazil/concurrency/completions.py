"""Awaiting reads that the extension makes: one wake-up of the event loop for all that have ended meanwhile.

The extension's own threads never touch Python.  They put results into a queue and make a socket readable; the loop that
watches it takes everything out.  Whatever nobody waits for any more ends by itself, also when the interpreter does.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from typing import Final

from frazil._core import Buffer, Completions, Fetch


class LoopReads:
    """The reads of one event loop; to be used by the thread that runs the loop.

    It does not hold the loop, so that it goes when the loop goes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.completions = Completions()
        self._waiting: dict[int, asyncio.Future[Buffer]] = {}
        loop.add_reader(self.completions.fileno(), self._wake)

    async def result(self, fetch: Fetch) -> Buffer:
        """What came of a read that this loop started.  A read whose task is cancelled is given up."""
        future: asyncio.Future[Buffer] = asyncio.get_running_loop().create_future()
        self._waiting[fetch.ticket] = future
        try:
            return await future
        finally:
            if self._waiting.pop(fetch.ticket, None) is not None:
                fetch.cancel()

    def _wake(self) -> None:
        for ticket, result in self.completions.take():
            future = self._waiting.pop(ticket, None)
            if future is None or future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)


class _Loops:
    """What belongs to each loop of the process, None for those that cannot watch sockets."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reads: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopReads | None] = weakref.WeakKeyDictionary()

    def of(self, loop: asyncio.AbstractEventLoop) -> LoopReads | None:
        with self.lock:
            if loop not in self.reads:
                self.reads[loop] = _watched(loop)
            return self.reads[loop]


def _watched(loop: asyncio.AbstractEventLoop) -> LoopReads | None:
    if os.name == "nt":
        return None
    try:
        return LoopReads(loop)
    except NotImplementedError:  # asyncio's answer of a loop without `add_reader`
        return None


_LOOPS: Final = _Loops()
# The loops of a parent never run in a forked child; another thread may have held the lock.
os.register_at_fork(after_in_child=_LOOPS.__init__)  # type: ignore[misc]


def of_running_loop() -> LoopReads | None:
    """The reads of the running loop; None if it cannot watch sockets, and reads have to be made in threads."""
    return _LOOPS.of(asyncio.get_running_loop())
