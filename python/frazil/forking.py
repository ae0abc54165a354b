"""Locks where a process forks: a child has the memory of its parent, and none of its other threads.

A lock that another thread held stays locked in the child for ever.  The extension's own are held for moments, and the fork
waits for them.  Ours may be held for as long as a commit takes, so the child gets new ones.
"""

from __future__ import annotations

import os
import threading
import weakref
from functools import partial
from typing import Final, Protocol

from frazil._core import after_fork, before_fork


class HoldsLocks(Protocol):
    """Something with locks."""

    def renew_locks(self) -> None:
        """Take new locks, in a child in which no other thread is running."""


_HOLDERS: Final[weakref.WeakSet[HoldsLocks]] = weakref.WeakSet()


def renew_in_children(holder: HoldsLocks) -> None:
    """Have the locks of an object renewed in forked children."""
    _HOLDERS.add(holder)


def is_left_behind(lock: threading.RLock) -> bool:
    """Whether a lock is held by a thread that this process does not have; to be asked where there is only one."""
    if lock.acquire(blocking=False):
        lock.release()
        return False
    return True


def _in_child() -> None:
    after_fork(child=True)
    for holder in list(_HOLDERS):
        holder.renew_locks()


os.register_at_fork(before=before_fork, after_in_parent=partial(after_fork, child=False), after_in_child=_in_child)
