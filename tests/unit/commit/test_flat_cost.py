"""The ten-thousandth commit writes as many bytes as the hundredth."""

from collections.abc import Callable
from pathlib import Path

import frazil
from frazil.format.node_path import NodePath
from tests.property.layouts import array_document, num_manifests
from tests.unit.commit.test_large_arrays import add, create


def test_appends_cost_the_same_however_many_there_were(amount: Callable[[int, int], int], tmp_path: Path) -> None:
    commits, window = amount(150, 10_000), 50
    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(tmp_path)))
    session = repo.writable_session("main")
    create(session, "/a", (30_000 + commits,))
    add(session, "a", (30_000,))
    made = session.commit("30,000 references")
    written: list[int] = []
    for at in range(commits):
        counted = at < window or at >= commits - window
        known = files(tmp_path) if counted else {}
        session = repo.writable_session("main")
        add(session, "a", (1,), offset=(30_000 + at,))
        made = session.commit("one more")
        if counted:
            now = files(tmp_path)
            new = now.keys() - known.keys()
            # One manifest, or the merged one; a snapshot and a transaction log.
            assert len(new) == 3
            written.append(sum(now[name] for name in new))
    assert sum(written[-window:]) <= 1.5 * sum(written[:window])
    assert num_manifests(repo, made, "/a") <= 17


def files(root: Path) -> dict[str, int]:
    kinds = ("manifests", "snapshots", "transactions")
    return {file.name + kind: file.stat().st_size for kind in kinds for file in (root / kind).iterdir()}


def test_a_wider_array_is_laid_out_by_the_same_numbers(tmp_path: Path) -> None:
    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(tmp_path)))
    session = repo.writable_session("main")
    session._session.tree.set_metadata(NodePath("/a"), array_document((3, 100_000)))
    add(session, "a", (3, 100_000))
    made = session.commit("300,000 references in three rows")
    counts = [file.num_chunk_refs for file in repo.list_manifest_files(made)]
    assert sum(counts) == 300_000
    assert max(counts) <= 50_000
    assert min(counts) >= 20_000
