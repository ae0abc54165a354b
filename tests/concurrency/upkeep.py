"""Expires and collects a repository over and over, beside those who write to it.

    python upkeep.py DIRECTORY SECONDS

What is older than SECONDS goes, which has to be longer than anybody's session lasts.  Prints how often both were done, and
what went, once its input ends.
"""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime, timedelta

import frazil


def main(path: str, seconds: int) -> None:
    repo = frazil.Repository.open(frazil.local_filesystem_storage(path))
    ended = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    rounds = expired = collected = 0
    while not ended.wait(1):
        limit = datetime.now(UTC) - timedelta(seconds=seconds)
        expired += len(repo.expire_snapshots(limit))
        collected += repo.garbage_collect(limit).snapshots_deleted
        rounds += 1
    print(rounds, expired, collected)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
