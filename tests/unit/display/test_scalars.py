"""The text of single values."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frazil import ChecksumAlgorithm
from frazil.display import Default, Verbatim, code, quoted
from frazil.display.scalars import plain


@given(st.text())
@example('"it\'s"\\')
@example("\ud800")
@example("a\n\t\x00é😀\u2028")
def test_string_literals_read_back(text: str) -> None:
    literal = quoted(text)
    assert eval(literal) == text
    assert literal.startswith('"')
    assert literal.endswith('"')
    assert "\n" not in literal


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_code_reads_back(value: object) -> None:
    assert eval(code(value)) == value


def test_times_are_utc() -> None:
    when = datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert code(when) == "datetime.datetime(2030,1,1,0,0,0,0, tzinfo=datetime.timezone.utc)"
    assert eval(code(when), {"datetime": __import__("datetime")}) == when
    assert plain(when.astimezone(UTC), quotes=False) == code(when)


@pytest.mark.parametrize(
    ("value", "quotes", "text"),
    [
        ("a b", False, "a b"),
        ("a b", True, '"a b"'),
        (None, True, "None"),
        (True, False, "True"),
        ([[1, 2]], False, "[[1, 2]]"),
        (ChecksumAlgorithm.Sha1, False, "Sha1"),
        (Default(5), False, "5 (default)"),
        (Default(ChecksumAlgorithm.Sha1), True, "Sha1 (default)"),
        (Verbatim("<...>"), True, "<...>"),
        ({"a": [None]}, False, '{"a": [None]}'),
    ],
)
def test_plain_values(value: object, *, quotes: bool, text: str) -> None:
    assert plain(value, quotes=quotes) == text


def test_enums_have_their_full_name_in_code() -> None:
    assert code(ChecksumAlgorithm.Sha1) == "frazil.ChecksumAlgorithm.Sha1"
