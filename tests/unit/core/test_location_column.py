"""A column of locations against a list."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import ChunkTable, LocationColumn

LOCATIONS = st.sampled_from(["s3://b/a", "s3://b/ab", "gs://ü/x", ""]) | st.text(max_size=5)
ROWS = st.lists(st.tuples(LOCATIONS, st.integers(1, 5), st.booleans()), max_size=30)


@given(ROWS, st.sets(LOCATIONS, max_size=4))
def test_it_holds_what_a_list_would(rows: list[tuple[str, int, bool]], wanted: set[str]) -> None:
    texts = [text for text, count, _ in rows for _ in range(count)]
    keep = [kept for _, count, kept in rows for _ in range(count)]
    column = LocationColumn(texts)
    assert len(column) == len(texts)
    assert column.tolist() == LocationColumn(tuple(texts)).tolist() == LocationColumn(column).tolist() == texts
    assert {text for block in range(column.num_blocks) for text in column.distinct(block)} == set(texts)
    assert column.rows_of(wanted) == [row for row, text in enumerate(texts) if text in wanted]
    assert column.filtered(np.array(keep, dtype=np.bool_)).tolist() == [
        text for text, kept in zip(texts, keep, strict=True) if kept
    ]
    assert column.replaced({text: text + "!" for text in wanted}).tolist() == [
        text + "!" if text in wanted else text for text in texts
    ]


@pytest.mark.parametrize("texts", [["x", None], ["x", b"x"], 5, {"x"}, [1]])
def test_locations_must_be_text(texts: object) -> None:
    with pytest.raises(TypeError):
        LocationColumn(texts)  # type: ignore[arg-type]


def test_a_column_of_many_blocks_goes_into_a_table() -> None:
    count = 2 * 65_536 + 7
    texts = [f"s3://b/{row // 50_000}" for row in range(count)]
    column = LocationColumn(texts)
    assert [len(column.distinct(block)) for block in range(column.num_blocks)] == [2, 2, 1]
    table = ChunkTable(1)
    rows = np.arange(count, dtype="u4")
    table.set_virtual_columns(rows, column, rows.astype("u8"), rows.astype("u8"))
    assert len(table) == count
    for row in (0, 49_999, 50_000, 65_535, 65_536, 131_071, 131_072, count - 1):
        found = table.get([row])
        assert not isinstance(found, bool | None)
        assert (found.location, found.offset) == (texts[row], row)


def test_there_are_no_more_blocks_than_there_are() -> None:
    with pytest.raises(IndexError):
        LocationColumn(["x"]).distinct(1)
    with pytest.raises(ValueError, match="2 marks for 1 locations"):
        LocationColumn(["x"]).filtered(b"\1\1")
