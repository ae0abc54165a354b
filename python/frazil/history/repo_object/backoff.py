"""How long to wait before each attempt of an update that meets other writers (format section 9.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from frazil.open_repository.context import RepositoryContext

IMMEDIATE_RETRIES: Final = 5

_LONGEST_LOCAL_MS: Final = 1000
"""Forked children beside busy threads waited for more than a minute with the 30 seconds that the configuration allows."""


def update_delays(context: RepositoryContext) -> Iterator[float]:
    """The waits of updates of the ``repo`` object, as the repository's configuration says.

    On a local disk an attempt costs no request, and a writer that waits half a minute meets another one all the same.
    """
    retries = context.config.effective_repo_update_retries()
    longest = retries.max_backoff_ms
    if context.objects.is_local:
        longest = min(longest, _LONGEST_LOCAL_MS)
    return delays(
        attempts=retries.max_tries,
        initial_ms=retries.initial_backoff_ms,
        maximum_ms=longest,
        jitter=lambda: context.ids.backup_id()[0] / 256,
    )


def delays(*, attempts: int, initial_ms: int, maximum_ms: int, jitter: Callable[[], float]) -> Iterator[float]:
    """Seconds to wait before attempt 1, 2, ... ``attempts``.

    None before the first and its immediate retries; then a wait that doubles up to the maximum, of which ``jitter``
    (0 to 1) cuts up to a half, so that writers who met once do not meet again.
    """
    window = float(initial_ms)
    for attempt in range(attempts):
        if attempt <= IMMEDIATE_RETRIES:
            yield 0.0
            continue
        window = min(window, maximum_ms)
        yield window * (1.0 - jitter() / 2) / 1000
        window *= 2
