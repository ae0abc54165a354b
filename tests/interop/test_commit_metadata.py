"""What is read back of every type that the metadata of a commit may be given, here and there.

``GIVEN`` is tried in both packages, where 2.x of the official one is installed; what is different on purpose is in
``DIFFERENT``, with the reason.  Values on which the official package crashes are in ``NOT_GIVEN_THERE``.
"""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import fractions
import json
import math
import types
import uuid
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import zarr

import frazil

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def official() -> ModuleType:
    return pytest.importorskip("icechunk", minversion="2.0", reason="2.x of the official package is not installed")


class Number(enum.IntEnum):
    ONE = 1


class Word(enum.StrEnum):
    A = "x"


class Mixed(str, enum.Enum):  # noqa: UP042 - its text is another one
    A = "x"


class Plain(enum.Enum):
    A = 1


class Text(str):
    __slots__ = ()


class Index:
    def __index__(self) -> int:
        return 7


class Real:
    def __float__(self) -> float:
        return 7.5


class Both(Index, Real):
    pass


class Sequence:
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        return (10, 11)[index]


class Mapping(collections.abc.Mapping[str, int]):
    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter(["k"])

    def __getitem__(self, key: str) -> int:
        return 5


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


class Pair(NamedTuple):
    a: int
    b: int


REFUSED = TypeError

GIVEN: dict[str, tuple[Any, Any]] = {
    "integer": (1, 1),
    "largest": (2**64 - 1, 2**64 - 1),
    "smallest": (-(2**63), -(2**63)),
    "true": (True, True),
    "none": (None, None),
    "float": (0.1, 0.1),
    "tiny": (5e-324, 5e-324),
    "minus zero": (-0.0, -0.0),
    "nan": (math.nan, None),
    "infinity": (math.inf, None),
    "text": ("x", "x"),
    "beyond the BMP": ("😀", "😀"),
    "nul": ("\0", "\0"),
    "half a pair": ("\ud800", REFUSED),
    "bytes": (b"ab", [97, 98]),
    "bytearray": (bytearray(b"ab"), [97, 98]),
    "memoryview": (memoryview(b"ab"), [97, 98]),
    "memoryview of floats": (memoryview(array.array("d", [1.5])), [1.5]),
    "array of integers": (array.array("i", [1, 2]), [1, 2]),
    "array of floats": (array.array("d", [1.0, 2.5]), [1.0, 2.5]),
    "list": ([1, "a", None], [1, "a", None]),
    "tuple": ((1, 2), [1, 2]),
    "nested": ({"a": [{"b": (1, 2)}]}, {"a": [{"b": [1, 2]}]}),
    "deep": (nested(60), nested(60)),
    "range": (range(3), [0, 1, 2]),
    "deque": (collections.deque([1, 2]), [1, 2]),
    "user's list": (collections.UserList([1]), [1]),
    "named tuple": (Pair(1, 2), [1, 2]),
    "ordered": (collections.OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
    "counter": (collections.Counter("aab"), {"a": 2, "b": 1}),
    "default dictionary": (collections.defaultdict(int, a=1), {"a": 1}),
    "sequence": (Sequence(), [10, 11]),
    "text of a subclass": (Text("x"), "x"),
    "set": ({3}, REFUSED),
    "frozen set": (frozenset([3]), REFUSED),
    "view of keys": ({"a": 1}.keys(), REFUSED),
    "view of values": ({"a": 1}.values(), REFUSED),
    "iterator": (iter([1]), REFUSED),
    "generator": ((n for n in [1]), REFUSED),
    "decimal": (decimal.Decimal("1.5"), 1.5),
    "whole decimal": (decimal.Decimal(3), 3.0),
    "huge decimal": (decimal.Decimal("1e400"), None),
    "decimal nan": (decimal.Decimal("nan"), None),
    "fraction": (fractions.Fraction(1, 3), 1 / 3),
    "whole fraction": (fractions.Fraction(3), 3.0),
    "complex": (1j, REFUSED),
    "index": (Index(), 7),
    "real": (Real(), 7.5),
    "index and real": (Both(), 7),
    "integer enum": (Number.ONE, 1),
    "text enum": (Word.A, "x"),
    "text and enum": (Mixed.A, "x"),
    "enum": (Plain.A, REFUSED),
    "uuid": (uuid.UUID(int=5), REFUSED),
    "path": (PurePosixPath("/a"), REFUSED),
    "time": (dt.datetime(2020, 1, 2, tzinfo=dt.UTC), REFUSED),
    "date": (dt.date(2020, 1, 2), REFUSED),
    "duration": (dt.timedelta(1), REFUSED),
    "object": (object(), REFUSED),
    "type": (int, REFUSED),
    "function": (len, REFUSED),
    "exception": (ValueError("x"), REFUSED),
    "slice": (slice(1, 2), REFUSED),
    "np.int8": (np.int8(-1), -1),
    "np.uint64": (np.uint64(2**64 - 1), 2**64 - 1),
    "np.float16": (np.float16(0.1), float(np.float16(0.1))),
    "np.float32": (np.float32(0.1), float(np.float32(0.1))),
    "np.float64": (np.float64(1.5), 1.5),
    "np.longdouble": (np.longdouble(1.5), 1.5),
    "np nan": (np.float64("nan"), None),
    "np.bool": (np.bool_(True), True),
    "np.str_": (np.str_("x"), "x"),
    "np.bytes_": (np.bytes_(b"ab"), [97, 98]),
    "np.datetime64 of days": (np.datetime64("2020-01-02"), REFUSED),
    "np.timedelta64 of seconds": (np.timedelta64(3, "s"), REFUSED),
    "ndarray": (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "ndarray of floats": (np.array([1.5, math.nan]), [1.5, None]),
    "ndarray of float32": (np.array([0.1], "f4"), [float(np.float32(0.1))]),
    "ndarray of booleans": (np.array([True]), [True]),
    "ndarray of bytes": (np.array([1, 2], "u1"), [1, 2]),
    "ndarray, 0-d": (np.array(3), 3),
    "ndarray of a float, 0-d": (np.array(3.5), 3.5),
    "ndarray of one": (np.array([5]), [5]),
    "ndarray of one float": (np.array([[5.5]]), [[5.5]]),
    "ndarray, empty": (np.array([]), []),
    "ndarray of texts": (np.array(["a", "b"]), ["a", "b"]),
    "ndarray of bytes strings": (np.array([b"a"]), [[97]]),
    "ndarray of objects": (np.array([1, "a", None], dtype=object), [1, "a", None]),
    "ndarray of days": (np.array(["2020-01-02"], "M8[D]"), REFUSED),
    "ndarray of records": (np.array([(1, 2.0)], dtype="i4,f8"), [[1, 2.0]]),
    "masked": (np.ma.array([1, 2], mask=[False, True]), [1, None]),
    "zarr array": (zarr.array([1, 2]), [1, 2]),
    "integer key": ({1: 2}, REFUSED),
    "none as key": ({None: 2}, REFUSED),
    "bytes as key": ({b"x": 2}, REFUSED),
    "NumPy's text as key": ({np.str_("x"): 2}, {"x": 2}),
    "text and enum as key": ({Mixed.A: 1}, {"x": 1}),
    "enum as key": ({Word.A: 1}, {"x": 1}),
}
DIFFERENT: dict[str, tuple[Any, Any, Any, str]] = {
    "too large": (2**64, REFUSED, 1.8446744073709552e19, "an integer that becomes a float is another one"),
    "too small": (-(2**63) - 1, REFUSED, -9.223372036854776e18, "as above"),
    "mapping": (Mapping(), {"k": 5}, ["k"], "the keys alone are half of it"),
    "user's dictionary": (collections.UserDict(a=1), {"a": 1}, ["a"], "as above"),
    "chain map": (collections.ChainMap({"a": 1}), {"a": 1}, ["a"], "as above"),
    "proxy": (types.MappingProxyType({"a": 1}), {"a": 1}, REFUSED, "a mapping as others"),
    "nanoseconds": (np.datetime64("2020-01-02", "ns"), 1577923200000000000, 1.5779232e18, "the same number, exactly"),
    "not a time": (np.datetime64("NaT", "ns"), None, REFUSED, "missing, as NaN is"),
    "complex of NumPy": (np.complex128(1 + 2j), REFUSED, 1.0, "the imaginary part is lost there"),
    "void": (np.void(b"ab"), [97, 98], [], "the bytes are lost there"),
    "text of no dimension": (np.array("x"), "x", REFUSED, "an array as others"),
}
NOT_GIVEN_THERE: dict[str, tuple[Any, Any]] = {
    "user's string": (collections.UserString("x"), "x"),
}
HERE = {**GIVEN, **{name: row[:2] for name, row in DIFFERENT.items()}, **NOT_GIVEN_THERE}
THERE = {**GIVEN, **{name: (row[0], row[2]) for name, row in DIFFERENT.items()}}


@pytest.fixture(scope="module", params=[1, 2], ids=["v1", "v2"])
def repo(request: pytest.FixtureRequest) -> frazil.Repository:
    return frazil.Repository.create(frazil.in_memory_storage(), spec_version=request.param)


@pytest.fixture(scope="module")
def official_repo(official: ModuleType) -> Any:
    return official.Repository.create(official.in_memory_storage())


def check(repo: Any, value: Any, expected: Any) -> None:
    def commit() -> Any:
        made = repo.writable_session("main").commit("x", {"k": value}, allow_empty=True)
        return next(iter(repo.ancestry(snapshot_id=made))).metadata["k"]

    if expected is REFUSED:
        with pytest.raises(TypeError):
            commit()
        return
    found = commit()
    assert found == expected
    # Minus zero is equal to zero, and True to 1.
    shown, wanted = (json.dumps(thing, sort_keys=True).replace(".0", "") for thing in (found, expected))
    assert shown == wanted


@pytest.mark.parametrize("what", HERE)
def test_here(repo: frazil.Repository, what: str) -> None:
    check(repo, *HERE[what])


@pytest.mark.parametrize("what", THERE)
@pytest.mark.filterwarnings("ignore:Casting complex values", "ignore:Warning. converting a masked element")
def test_there(official_repo: Any, what: str) -> None:
    check(official_repo, *THERE[what])


@pytest.mark.parametrize(
    "give",
    [
        lambda repo, value: repo.set_metadata({"k": value}),
        lambda repo, value: repo.update_metadata({"k": value}),
        lambda repo, value: repo.set_default_commit_metadata({"k": value}),
    ],
    ids=["set", "update", "default"],
)
def test_other_metadata_take_the_same(give: Callable[..., object]) -> None:
    repo = frazil.Repository.create(frazil.in_memory_storage())
    give(repo, {"steps": range(2), "scale": np.array([0.5]), "cost": decimal.Decimal("1.5")})
    with pytest.raises(TypeError, match="metadata values must be JSON values"):
        give(repo, {1, 2})


def test_what_holds_itself_is_refused(repo: frazil.Repository) -> None:
    endless: list[Any] = []
    endless.append(endless)
    check(repo, endless, REFUSED)
