"""Writers that race for one branch on an object store: no commit is lost, and every state is backed up."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import zarr

import frazil
from frazil._core import ObjectStore, RepoInfo
from tests.contract.object_server import ObjectServer
from tests.contract.served_storage import s3_storage_at
from tests.contract.stores import s3_store

WRITERS = 4
COMMITS = 6


def write(server: ObjectServer, writer: int) -> None:
    repo = frazil.Repository.open(s3_storage_at(server.url, prefix="some/where"))
    for number in range(COMMITS):
        session = repo.writable_session("main")
        zarr.open_array(session.store, path="a", mode="r+")[writer * COMMITS + number] = writer + 1
        session.commit(f"{writer}/{number}", rebase_with=frazil.ConflictDetector())


def backups(objects: ObjectStore) -> dict[str, set[str]]:
    """The snapshots that are known in each backed-up state, by name."""
    found = {}
    for meta in objects.list("overwritten"):
        data = objects.get(meta.key)
        assert data is not None
        found[meta.key.rpartition("/")[2]] = {entry[0].hex() for entry in RepoInfo.decode(data).snapshots()}
    return found


def test_no_commit_is_lost_and_the_log_is_whole() -> None:
    with ObjectServer("s3") as server:
        repo = frazil.Repository.create(s3_storage_at(server.url, prefix="some/where"))
        session = repo.writable_session("main")
        zarr.create_array(session.store, name="a", shape=(WRITERS * COMMITS,), chunks=(1,), dtype="i4")
        session.commit("array")
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda writer: write(server, writer), range(WRITERS)))

        stored = np.asarray(zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:])
        assert stored.tolist() == [writer + 1 for writer in range(WRITERS) for _ in range(COMMITS)]
        messages = [entry.message for entry in repo.ancestry(branch="main")]
        assert sorted(messages[:-2]) == sorted(f"{w}/{n}" for w in range(WRITERS) for n in range(COMMITS))

        # Each entry of the log names the backup of the state that it made; that state knows what was committed by then.
        log = list(repo.ops_log())
        assert len(log) == 2 + WRITERS * COMMITS
        known = backups(s3_store(server))
        sizes = [len(known[update.backup_path]) for update in log[1:] if update.backup_path is not None]
        assert sizes == list(range(1 + WRITERS * COMMITS, 0, -1))
