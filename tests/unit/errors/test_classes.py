"""How exceptions look, compare and travel."""

import pickle

import pytest

import frazil
from frazil import errors
from frazil.errors import IcechunkError, error, operation

NAMES = [name for name in errors.__all__ if name.endswith("Error") and name != "InvalidTypeError"]


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_public(name: str) -> None:
    cls = getattr(errors, name)
    assert cls.__module__ == "frazil"
    assert getattr(frazil, name) is cls
    assert issubclass(cls, IcechunkError)


def test_builtin_bases() -> None:
    assert issubclass(errors.NotFoundError, KeyError)
    assert issubclass(errors.InvalidInputError, ValueError)
    assert issubclass(errors.ReadOnlyError, ValueError)
    assert issubclass(errors.InvalidTypeError, TypeError)
    assert issubclass(errors.InvalidTypeError, errors.InvalidInputError)
    for name in ("Node", "Snapshot", "Ref", "Repository"):
        assert issubclass(getattr(errors, f"{name}NotFoundError"), errors.NotFoundError)


def test_default_kind_and_text() -> None:
    raised = errors.RefNotFoundError("no such ref")
    assert raised.kind == "unknown"
    assert str(raised) == "no such ref"
    assert repr(errors.RefNotFoundError("x", "ref-not-found")) == (
        'frazil.RefNotFoundError(message="x", kind="ref-not-found")'
    )


def test_conflict() -> None:
    raised = errors.ConflictError("abc", "def")
    assert str(raised) == 'Failed to commit, expected parent: Some("abc"), actual parent: Some("def")'
    assert (raised.expected_parent, raised.actual_parent) == raised.args == ("abc", "def")
    assert raised.kind == "commit-conflict"
    assert repr(raised) == "frazil.ConflictError(expected_parent=abc, actual_parent=def)"
    assert str(errors.ConflictError()) == "Failed to commit, expected parent: None, actual parent: None"
    other = errors.ConflictError(message="changed", kind="config-updated")
    assert (str(other), other.kind) == ("changed", "config-updated")


def test_rebase_failed() -> None:
    raised = errors.RebaseFailedError("SNAP1", [])
    assert str(raised) == "Rebase failed on snapshot SNAP1: 0 conflicts found"
    assert raised.kind == "rebase-failed"
    assert repr(raised) == 'frazil.RebaseFailedError(snapshot="SNAP1", conflicts=[])'
    assert isinstance(raised, errors.ConflictError)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_keeps_everything(protocol: int) -> None:
    with pytest.raises(IcechunkError) as caught, operation("open", path="/x"):
        raise error("repository-not-found", "the repository doesn't exist")
    for raised in (
        caught.value,
        errors.ConflictError("a", None),
        errors.ConflictError(message="changed", kind="config-updated"),
        errors.RebaseFailedError("S", []),
        errors.StorageConflict("etag differs", "object-store"),
    ):
        copy = pickle.loads(pickle.dumps(raised, protocol))
        assert type(copy) is type(raised)
        assert (copy.message, copy.kind, copy.args) == (raised.message, raised.kind, raised.args)
        assert vars(copy) == vars(raised)
        assert repr(copy) == repr(raised)
