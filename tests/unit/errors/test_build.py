"""Which exception a kind becomes."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil import errors
from frazil.errors import CLASS_OF_KIND, ErrorKind, core_error, error
from frazil.errors.help import HELP, WITHOUT_HELP

CLASSES = {
    "ConflictError": "commit-conflict branch-update-conflict config-updated repo-info-updated "
    "update-attempts-exhausted",
    "RebaseFailedError": "rebase-failed",
    "NodeNotFoundError": "node-not-found ancestor-node-not-found chunk-not-found key-not-found",
    "SnapshotNotFoundError": "snapshot-not-found no-snapshot-at-time",
    "RefNotFoundError": "ref-not-found branch-not-found tag-not-found",
    "RepositoryNotFoundError": "repository-not-found",
    "AlreadyExistsError": "node-already-exists branch-already-exists tag-already-exists tag-previously-deleted "
    "move-wont-overwrite",
    "ReadOnlyError": "read-only-session read-only-store read-only-storage read-only-repository",
    "InvalidInputError": "invalid-key invalid-chunk-index zero-length-chunk invalid-manifest-split-index "
    "invalid-ref-type invalid-ref-name invalid-snapshot-id invalid-path bad-key-prefix bad-metadata bad-prefix "
    "not-an-array not-a-group invalid-byte-range invalid-commit-configuration invalid-array-metadata "
    "invalid-feature-flag invalid-virtual-ref invalid-credentials no-container-for-virtual-chunk "
    "unauthorized-virtual-chunk-container unsupported-url empty-prefix-creation parent-directory-not-clean "
    "bad-snapshot-chain-for-diff",
    "SessionStateError": "commit-not-allowed merge-not-allowed cannot-fork-read-only-session rearrange-session-only "
    "non-rearrange-session move-into-self-or-descendant move-destination-parent-missing "
    "move-destination-parent-not-group no-changes-to-commit no-amend-for-initial-commit not-on-branch no-snapshot "
    "cannot-delete-main uncommitted-changes merge-failed not-allowed unimplemented rebase-tx-log-pruned "
    "feature-flag-disabled tag-error unmerged-forks invalid-repository-migration",
    "StorageError": "object-not-found object-store io outcome-unknown storage-config cannot-parse-url bad-redirect semaphore-acquire "
    "throttled storage-other virtual-chunk-fetch virtual-chunk-modified invalid-object-size gc-deletes-failing",
    "FormatError": "serialization deserialization config-deserialization invalid-file-format "
    "unsupported-spec-version unsupported-operation-for-version snapshot-timestamp duplicate-snapshot-id "
    "manifest-info-not-found",
    "InternalError": "concurrency flush partial-values-panic conflicting-path-not-found inconsistent-manifests "
    "poison-lock pickle unknown",
}


def test_every_kind_has_its_published_class() -> None:
    expected = {kind: name for name, kinds in CLASSES.items() for kind in kinds.split()}
    assert len(expected) == 103
    assert {kind: cls.__name__ for kind, cls in CLASS_OF_KIND.items()} == expected
    assert {kind.value for kind in ErrorKind} == set(expected)


def test_members_are_the_upper_snake_of_their_values() -> None:
    assert all(kind.name == kind.value.upper().replace("-", "_") for kind in ErrorKind)


@given(st.sampled_from([kind for kind in ErrorKind if kind not in (ErrorKind.UNKNOWN, ErrorKind.REBASE_FAILED)]))
def test_error_has_the_class_and_the_kind(kind: ErrorKind) -> None:
    raised = error(kind, "it failed")
    assert type(raised) is CLASS_OF_KIND[kind]
    assert raised.kind == kind
    assert type(raised.kind) is str
    assert str(raised) == raised.message == "it failed"


def test_the_kind_unknown_is_a_plain_error() -> None:
    raised = error("unknown", "boom")
    assert type(raised) is errors.IcechunkError
    assert raised.kind == "unknown"


def test_a_mistyped_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="node-not-fond"):
        error("node-not-fond", "boom")


def test_details_end_the_message() -> None:
    assert str(error("node-not-found", "node not found", path="/a", id=3)) == "node not found (path=/a, id=3)"


def test_help_is_a_note() -> None:
    raised = error("repository-not-found", "the repository doesn't exist")
    assert "Repository.create()" in raised.__notes__[0]
    assert not hasattr(error("unknown", "boom"), "__notes__")


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_has_help(kind: ErrorKind) -> None:
    assert (kind in HELP) != (kind in WITHOUT_HELP)
    assert len(HELP.get(kind) or WITHOUT_HELP[kind]) > 15
    if kind in HELP and kind != ErrorKind.REBASE_FAILED:
        assert error(kind, "it failed").__notes__ == [f"kind: {kind}\nhelp: {HELP[kind]}"]


def test_help_is_of_kinds_that_exist() -> None:
    assert set(HELP) | set(WITHOUT_HELP) == {kind.value for kind in ErrorKind}


def test_a_conflict_says_how_to_go_on() -> None:
    raised = errors.commit_conflict("a", "b")
    assert str(raised).startswith('Failed to commit, expected parent: Some("a"), actual parent: Some("b")')
    assert "rebase_with=" in str(raised)
    assert "session.rebase(" in str(raised)
    assert "BasicConflictSolver" in raised.__notes__[0]
    copy = pickle.loads(pickle.dumps(raised))
    assert str(copy) == str(raised)
    assert copy.__notes__ == raised.__notes__


def test_the_extension_s_kinds() -> None:
    conflict = core_error("precondition-failed", "etag differs", [])
    assert isinstance(conflict, errors.StorageConflict)
    assert conflict.kind == "object-store"
    argument = core_error("invalid-input", "ndim must be positive", [])
    assert isinstance(argument, errors.InvalidInputError)
    assert isinstance(argument, ValueError)
    assert type(core_error("unknown", "a promise was broken", [])) is errors.InternalError
    new = core_error("some-new-kind", "x", [])
    assert type(new) is errors.InternalError
    assert str(new) == "x (its kind, `some-new-kind`, is not published)"
    assert "report" in new.__notes__[0]


def test_the_extension_s_context_becomes_the_trace() -> None:
    raised = core_error("object-not-found", "object not found", ["get key=manifests/AB start=0", "fetch_manifest"])
    assert str(raised) == (
        "object not found\n\ncontext:\n   0: get\n           with key=manifests/AB start=0\n   1: fetch_manifest"
    )
    assert isinstance(raised, errors.StorageError)
