"""One of several processes that commit to one branch of one repository at the same time.

    python racing.py DIRECTORY WRITER COMMITS

Prints the id of every commit that was reported as successful.  Each writer fills the cells of its own row in turn, so
that every rebase can succeed and the final array says what was lost.
"""

from __future__ import annotations

import sys

import zarr

import frazil


def main(path: str, writer: int, commits: int) -> None:
    repo = frazil.Repository.open(frazil.local_filesystem_storage(path))
    for number in range(commits):
        session = repo.writable_session("main")
        zarr.open_array(session.store, path="a", mode="r+")[writer, number] = number + 1
        print(session.commit(f"{writer}/{number}", rebase_with=frazil.ConflictDetector()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
