"""Every public name, member and parameter of the official API is here.

``api_surface.json`` lists that API (release 2.3.0).  What differs on purpose is named below, with its reason.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SURFACE: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("api_surface.json").read_text())["modules"]

PRIVATE = {
    "icechunk._exceptions": "frazil.compat gives `frazil.errors` under this name",
    "icechunk._icechunk_python": "frazil.compat gives `frazil.compat.compiled` under this name; see below",
}
OPTIONAL = {"icechunk.xarray": "xarray", "icechunk.dask": "dask", "icechunk.testing": "hypothesis"}

ABSENT: dict[str, str] = {
    "icechunk._upgrade_icechunk_repository": "the private function behind `upgrade_icechunk_repository`",
    "icechunk.distributed.ForkSession": "imported for itself",
    "icechunk.distributed.IcechunkStore": "imported for itself",
    "icechunk.distributed.Session": "imported for itself",
    "icechunk.repository.PyRepository": "a compiled class behind the public one",
    "icechunk.session.PySession": "a compiled class behind the public one",
    "icechunk.store.PyStore": "a compiled class behind the public one",
}
OTHER_SIGNATURES: dict[str, str] = {
    "icechunk.Repository": "made by create, open and open_or_create only",
    "icechunk.Session": "obtained from a repository only",
    "icechunk.ForkSession": "obtained from Session.fork only",
    "icechunk.IcechunkStore": "obtained from Session.store only",
    "icechunk.SessionMode": "an enum of Python, which can be iterated, hashed and pickled",
    "icechunk.SpecVersion": "an enum of Python",
    "icechunk.ChunkType": "an enum of Python",
    "icechunk.RepoAvailability": "an enum of Python",
    "icechunk.VersionSelection": "an enum of Python",
    "icechunk.ConflictType": "an enum of Python",
    "icechunk.CompressionAlgorithm": "an enum of Python",
    "icechunk.ChecksumAlgorithm": "an enum of Python",
    "icechunk.ErrorKind": "an enum of Python",
    "icechunk.SnapshotInfo": "a plain record, which can be made in tests",
    "icechunk.ManifestFileInfo": "a plain record, which can be made in tests",
    "icechunk.Diff": "a plain record, which can be made in tests",
    "icechunk.Update": "a plain record, which can be made in tests",
    "icechunk.GCSummary": "a plain record, which can be made in tests",
    "icechunk.FeatureFlag": "a plain record, which can be made in tests",
    "icechunk.AncestryGraph": "made by Repository.ancestry_graph only",
    "icechunk.Storage": "made by the storage functions only",
    "icechunk.repository.ChunkStorageStats": "a plain record, which can be made in tests",
    "icechunk.repository.AsyncCloseableIterator": "made by the methods that return one",
}
# The signature that is listed is that of a function hung into the class: its first parameter is the object.
METHODS_BY_FUNCTION = {"icechunk.ManifestSplittingConfig.to_dict"}
# Members that only compiled classes have.
NOT_COMPARED = {
    "__getstate__",
    "__setstate__",
    "__reduce__",
    "__ge__",
    "__gt__",
    "__le__",
    "__lt__",
    "__ne__",
    "__int__",
}


def names() -> Iterator[tuple[str, dict[str, Any]]]:
    for module, members in SURFACE.items():
        if module not in PRIVATE:
            for name, entry in members.items():
                yield f"{module}.{name}", entry


def ours(dotted: str) -> Any:
    """The object of this package for a name of the official one."""
    module, _, name = dotted.rpartition(".")
    needed = next((extra for prefix, extra in OPTIONAL.items() if module.startswith(prefix)), None)
    if needed is not None:
        pytest.importorskip(needed)
    return getattr(importlib.import_module(module.replace("icechunk", "frazil", 1)), name)


PUBLIC = {dotted: entry for dotted, entry in names() if not dotted.rpartition(".")[2].startswith("__")}
CLASSES = {dotted: entry for dotted, entry in PUBLIC.items() if entry["kind"] == "class"}


# Modules that hold code: what they import for themselves is not their API (it is that of the module it comes from).
WITH_IMPORTS = {"repository", "session", "store", "xarray", "dask"} | {"testing.invariants", "testing.models"}
WITH_IMPORTS |= {"testing", "testing.strategies", "testing.trees", "testing.utils"}


def is_imported(dotted: str) -> bool:
    """A name that a module of the official package merely imported for itself."""
    module = dotted.rpartition(".")[0].removeprefix("icechunk.")
    return module in WITH_IMPORTS and (
        PUBLIC[dotted]["kind"] == "re-export" or dotted.rpartition(".")[2] in ("ModuleType", "BytesLike", "Region")
    )


@pytest.mark.parametrize("dotted", [dotted for dotted in PUBLIC if dotted not in ABSENT and not is_imported(dotted)])
def test_name_exists(dotted: str) -> None:
    assert ours(dotted) is not None


def test_everything_in_all_is_exported() -> None:
    import frazil

    official = {name for name, entry in SURFACE["icechunk"].items() if entry.get("in_all")}
    assert official == set(frazil.__all__)
    for name in official:
        assert hasattr(frazil, name)


def members() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for dotted, entry in CLASSES.items():
        for name, member in entry.get("members", {}).items():
            if name not in NOT_COMPARED and not (name.startswith("_") and member["kind"] != "dunder"):
                yield dotted, name, member


MEMBERS = {f"{dotted}.{name}": (dotted, name, member) for dotted, name, member in members() if dotted not in ABSENT}


@pytest.mark.parametrize("full", MEMBERS)
def test_member_exists(full: str) -> None:
    dotted, name, member = MEMBERS[full]
    cls = ours(dotted)
    fields = getattr(cls, "__dataclass_fields__", {})
    annotations = {key for base in getattr(cls, "__mro__", ()) for key in inspect.get_annotations(base)}
    assert hasattr(cls, name) or name in fields or name in annotations, f"{full} ({member['kind']}) is missing"


def parameters(signature: str) -> list[tuple[str, str, bool]] | None:
    """(name, positional | keyword | args | kwargs, has a default) of a signature in text; None if it is no Python."""
    try:
        [function] = ast.parse(f"def f{signature}: ...").body
    except SyntaxError:
        return None
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    found = [(arg.arg, "positional", index >= required) for index, arg in enumerate(positional)]
    if arguments.vararg:
        found.append((arguments.vararg.arg, "args", True))
    found += [
        (arg.arg, "keyword", default is not None)
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg:
        found.append((arguments.kwarg.arg, "kwargs", True))
    return [item for item in found if item[0] not in ("self", "cls")]


KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "args",
    inspect.Parameter.VAR_KEYWORD: "kwargs",
}


def our_parameters(found: Any) -> list[tuple[str, str, bool]]:
    return [
        (parameter.name, KINDS[parameter.kind], parameter.default is not inspect.Parameter.empty)
        for parameter in inspect.signature(found).parameters.values()
        if parameter.name not in ("self", "cls")
    ]


def check_signature(official: str, found: Any) -> None:
    """Every official call works here: same names in the same order; ours may have more keyword-only ones."""
    expected = parameters(official)
    if expected is None or any(kind in ("args", "kwargs") for _, kind, _ in expected):
        return
    actual = our_parameters(found)
    extra = [item for item in actual if item not in expected]
    assert all(kind == "keyword" and default for _, kind, default in extra), (expected, actual)
    assert [item for item in actual if item not in extra] == expected, (expected, actual)


FUNCTIONS = {dotted: entry for dotted, entry in PUBLIC.items() if entry["kind"] in ("function", "async function")}
METHODS = {
    full: (dotted, name, member)
    for full, (dotted, name, member) in MEMBERS.items()
    if member["kind"] in ("method", "async method", "classmethod", "staticmethod") and member.get("signature")
}


@pytest.mark.parametrize("dotted", [dotted for dotted in FUNCTIONS if dotted not in ABSENT])
def test_function_signature(dotted: str) -> None:
    check_signature(FUNCTIONS[dotted]["signature"], ours(dotted))


@pytest.mark.parametrize("full", METHODS)
def test_method_signature(full: str) -> None:
    dotted, name, member = METHODS[full]
    if not name.startswith("__") and full not in METHODS_BY_FUNCTION:
        check_signature(member["signature"], getattr(ours(dotted), name))


@pytest.mark.parametrize("dotted", [dotted for dotted in CLASSES if dotted not in OTHER_SIGNATURES | ABSENT])
def test_constructor_signature(dotted: str) -> None:
    signature = CLASSES[dotted].get("signature")
    if signature and not issubclass(ours(dotted), BaseException):
        check_signature(signature, ours(dotted))


def test_differences_are_still_differences() -> None:
    """An entry whose name is gone from the official API, or that matches by now, goes from the lists."""
    assert not {dotted for dotted in {*ABSENT, *OTHER_SIGNATURES} if dotted not in PUBLIC}


NOT_IN_COMPILED = {"PyRepository", "PySession", "PyStore", "cli_entrypoint", "_upgrade_icechunk_repository"}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (module, name)
        for official, module in (("_exceptions", "frazil.errors"), ("_icechunk_python", "frazil.compat.compiled"))
        for name in SURFACE[f"icechunk.{official}"]
        if name not in NOT_IN_COMPILED
    ],
)
def test_names_of_private_modules_can_be_had_by_whoever_needs_them(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)
