"""How errors, configurations and histories show themselves, and that errors travel."""

import pickle
from collections.abc import Callable

import pytest

import frazil
from frazil import Conflict, ConflictError, ConflictType, Repository
from frazil.errors import NotFoundError


def test_messages_of_conflicts() -> None:
    lost = ConflictError("abc", "def")
    assert str(lost) == 'Failed to commit, expected parent: Some("abc"), actual parent: Some("def")'
    assert (lost.expected_parent, lost.actual_parent, lost.args) == ("abc", "def", ("abc", "def"))
    failed = frazil.RebaseFailedError("SNAP1", [])
    assert str(failed) == failed.message == "Rebase failed on snapshot SNAP1: 0 conflicts found"
    assert (failed.snapshot, failed.conflicts, failed.kind) == ("SNAP1", [], "rebase-failed")


def test_errors_show_their_class_message_and_kind() -> None:
    repo = Repository.create(frazil.in_memory_storage())
    with pytest.raises(frazil.RefNotFoundError) as missing:
        repo.lookup_branch("nope")
    shown = repr(missing.value)
    assert shown.startswith('frazil.RefNotFoundError(message="ref not found `nope`')
    assert shown.endswith('kind="ref-not-found")')
    assert repr(ConflictError("a", "b")).startswith("frazil.ConflictError(expected_parent=")
    assert repr(frazil.RebaseFailedError("S", [])) == 'frazil.RebaseFailedError(snapshot="S", conflicts=[])'
    # Also a KeyError, which would put its message in quotes.
    assert isinstance(missing.value, KeyError | NotFoundError)
    assert str(missing.value) == missing.value.message


CONFLICT = Conflict(ConflictType.ChunkDoubleUpdate, "/a", [[0], [1]])


@pytest.mark.parametrize(
    "make",
    [
        lambda: frazil.IcechunkError("m"),
        lambda: frazil.NodeNotFoundError("m", kind="node-not-found"),
        lambda: frazil.SessionStateError("m", kind="merge-failed"),
        lambda: ConflictError("a", "b"),
        lambda: frazil.RebaseFailedError("S", [CONFLICT]),
    ],
)
def test_errors_and_conflicts_travel(make: Callable[[], frazil.IcechunkError]) -> None:
    error = make()
    travelled = pickle.loads(pickle.dumps(error))
    assert type(travelled) is type(error)
    assert (str(travelled), travelled.kind, repr(travelled)) == (str(error), error.kind, repr(error))
    for what in (CONFLICT, *ConflictType):
        assert pickle.loads(pickle.dumps(what)) == what


def test_containers_read_back() -> None:
    store = frazil.s3_store(region="us-east-1")
    for container in (
        frazil.VirtualChunkContainer("s3://b/", store),
        frazil.VirtualChunkContainer("s3://b/", store, name="named"),
    ):
        assert eval(repr(container), {"frazil": frazil}) == container
        config = frazil.RepositoryConfig(virtual_chunk_containers={"s3://b/": container})
        assert eval(repr(config), {"frazil": frazil}) == config


def test_notebooks_show_defaults_and_fold() -> None:
    shown = frazil.RepositoryConfig(caching=frazil.CachingConfig(num_snapshot_nodes=5))._repr_html_()
    assert '<div class="icechunk-repr">' in shown or '<div class="frazil-repr">' in shown
    for part in ("RepositoryConfig", "num_chunk_refs", "15000000 (default)", "<details>"):
        assert part in shown


@pytest.mark.parametrize("plain", [True, False])
def test_graphs_of_the_history(plain: bool) -> None:
    repo = Repository.create(frazil.in_memory_storage())
    first = repo.writable_session("main").commit("first commit", allow_empty=True)
    repo.create_branch("dev", first)
    repo.create_tag("v1", first)
    repo.writable_session("dev").commit("on a branch", allow_empty=True)
    graph = repo.ancestry_graph(plain=plain)
    text = str(graph)
    assert ("\x1b" in text) == (not plain)
    for part in ("●", "first commit", "on a branch", "dev", "v1", "main", first[:8], "Repository initialized"):
        assert part in text
    drawing = graph._repr_svg_()
    for part in ("<svg", "</svg>", "<circle"):
        assert part in drawing
