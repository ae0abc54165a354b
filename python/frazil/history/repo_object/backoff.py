"""How long to wait before each attempt of an update that meets other writers (format section 9.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from frazil.open_repository.context import RepositoryContext

IMMEDIATE_RETRIES: Final = 5


def update_delays(context: RepositoryContext) -> Iterator[float]:
    """The waits of updates of the ``repo`` object, as the repository's configuration says."""
    retries = context.config.effective_repo_update_retries()
    return delays(
        attempts=retries.max_tries,
        initial_ms=retries.initial_backoff_ms,
        maximum_ms=retries.max_backoff_ms,
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
