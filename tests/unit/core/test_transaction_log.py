"""Transaction logs written and read."""

from hypothesis import given
from hypothesis import strategies as st

from frazil._core import CoordSet, TransactionLog, encode_transaction_log
from frazil.format.ids import INITIAL_SNAPSHOT_ID

ID = bytes(range(12))
NODE = st.binary(min_size=8, max_size=8)
IDS = st.lists(NODE, max_size=4, unique=True)
PATH = st.sampled_from(["/", "/a", "/a/ü", "/b-c"])
ROWS = st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=3).map(tuple), max_size=5)
LISTS = ("new_groups", "new_arrays", "deleted_groups", "deleted_arrays", "updated_groups", "updated_arrays")


@given(
    st.fixed_dictionaries(dict.fromkeys(LISTS, IDS)),
    st.dictionaries(NODE, ROWS, max_size=4),
    st.lists(st.tuples(PATH, PATH, NODE, st.sampled_from([0, 1])), max_size=3),
    st.sampled_from([1, 2]),
)
def test_a_log_gives_back_what_was_written(lists, chunks, moves, spec_version):
    data = encode_transaction_log(
        id=ID,
        **lists,
        updated_chunks=[(node, CoordSet(rows)) for node, rows in chunks.items()],
        moves=moves,
        spec_version=spec_version,
        writer="frazil-test",
        level=1,
    )
    log = TransactionLog.decode(data, ID)
    assert (log.id, log.file_spec_version, log.writer) == (ID, spec_version, "frazil-test")
    assert {name: getattr(log, name) for name in LISTS} == {name: sorted(ids) for name, ids in lists.items()}
    assert log.updated_chunks == [(node, CoordSet(rows)) for node, rows in sorted(chunks.items())]
    assert log.moves == moves


def test_the_log_of_the_initial_snapshot_is_that_of_the_specification():
    empty = dict.fromkeys(LISTS, ())
    data = encode_transaction_log(
        id=INITIAL_SNAPSHOT_ID,
        **empty,
        updated_chunks=[],
        moves=[],
        spec_version=2,
        writer="ic-2.3.0",
        level=3,
    )
    assert data[:39] == b"ICE\xf0\x9f\xa7\x8aCHUNK" + b"ic-2.3.0".ljust(24) + bytes([2, 4, 1])
    log = TransactionLog.decode(data, INITIAL_SNAPSHOT_ID)
    assert not any(getattr(log, name) for name in (*LISTS, "updated_chunks", "moves"))
