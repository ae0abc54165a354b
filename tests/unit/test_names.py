"""Public classes and their methods go by public names, wherever in the package they are written."""

from __future__ import annotations

import importlib
import inspect
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from types import FunctionType
from typing import Any

import pytest

import frazil
from frazil import Repository

MODULES = [
    "frazil",
    *(f"frazil.{name}" for name in ["config", "conflicts", "credentials", "ops", "repository", "storage", "virtual"]),
]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def classes() -> Iterator[type]:
    """Every public class, with its variants."""
    for module in MODULES:
        held = importlib.import_module(module)
        for name in held.__all__:
            if inspect.isclass(cls := getattr(held, name)) and cls.__module__.partition(".")[0] == "frazil":
                yield cls
                yield from (held for name, held in vars(cls).items() if inspect.isclass(held) and name[0] != "_")


def functions(cls: type) -> Iterator[tuple[str, FunctionType]]:
    for name in dir(cls):
        found: Any = inspect.getattr_static(cls, name)
        found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
        if isinstance(found, FunctionType) and (name == "__init__" or not name.startswith("_")):
            yield name, found


PUBLIC = {f"{cls.__module__}.{cls.__qualname__}": cls for cls in classes()}


@pytest.mark.parametrize("dotted", PUBLIC)
def test_methods_are_called_after_public_classes(dotted: str) -> None:
    owners = {cls.__qualname__ for cls in PUBLIC.values()}
    for name, function in functions(PUBLIC[dotted]):
        foreign = function.__module__.partition(".")[0] != "frazil"
        assert foreign or function.__name__ == "<lambda>" or function.__qualname__.rpartition(".")[0] in owners, name


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: Repository.garbage_collect(), "Repository.garbage_collect()"),  # type: ignore[call-arg]
        (lambda: Repository.diff(nothing=1), "Repository.diff()"),  # type: ignore[call-arg]
        (lambda: Repository.create_tag(), "Repository.create_tag()"),  # type: ignore[call-arg]
        (lambda: frazil.Session.commit(), "Session.commit()"),  # type: ignore[call-arg]
        (lambda: frazil.IcechunkStore.set_virtual_ref(), "IcechunkStore.set_virtual_ref()"),  # type: ignore[call-arg]
        (lambda: frazil.Storage.list_objects(), "Storage.list_objects()"),  # type: ignore[call-arg]
        (lambda: frazil.RepositoryConfig.merge(), "RepositoryConfig.merge()"),  # type: ignore[call-arg]
        (lambda: frazil.Credentials.S3(), "Credentials.S3.__init__()"),  # type: ignore[call-arg]
        (
            lambda: frazil.ManifestPreloadCondition.NameMatches(),  # type: ignore[attr-defined]
            "ManifestPreloadCondition.NameMatches.__init__()",
        ),
    ],
)
def test_python_s_own_messages_name_them(call: Any, name: str) -> None:
    with pytest.raises(TypeError) as raised:
        call()
    assert str(raised.value).startswith(name)


def test_their_methods_pickle() -> None:
    repo = Repository.create(frazil.in_memory_storage())
    for thing in (
        Repository.garbage_collect,
        repo.garbage_collect,
        Repository.open,
        frazil.IcechunkStore.set_virtual_ref,
    ):
        back = pickle.loads(pickle.dumps(thing))
        assert back.__qualname__ == thing.__qualname__
    assert pickle.loads(pickle.dumps(Repository.diff)) is Repository.diff
    assert repo.garbage_collect(NOW).snapshots_deleted == 0


def test_a_part_keeps_its_own_methods() -> None:
    """Several classes may inherit one: each has a name of its own, and the signature and the text of the original."""
    caching, other = frazil.CachingConfig.merge, frazil.StorageSettings.merge
    assert (caching.__qualname__, other.__qualname__) == ("CachingConfig.merge", "StorageSettings.merge")
    assert caching.__doc__ == other.__doc__
    assert inspect.signature(Repository.garbage_collect).parameters["max_concurrent_deletes"].default == 10
    assert inspect.signature(Repository.diff_async).parameters == inspect.signature(Repository.diff).parameters
