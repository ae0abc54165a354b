import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from frazil.maintenance.reachability import fingerprints
from frazil.maintenance.reachability.fingerprints import Fingerprints

# Few distinct bytes in few places, so that examples share ids and halves of ids.
ids = st.builds(
    lambda head, tail: head + tail,
    st.sampled_from([b"\0" * 8, b"\1" * 8, b"abcdefgh"]),
    st.binary(min_size=4, max_size=4),
)


@given(st.lists(st.lists(st.tuples(ids, st.integers(0, 2**40)))), st.lists(ids))
def test_it_is_a_set_in_which_the_first_size_of_an_id_counts(batches, asked):
    found = Fingerprints()
    expected: dict[bytes, int] = {}
    for batch in batches:
        sizes = np.array([size for _, size in batch], np.uint64)
        found.add(fingerprints.of_ids([known for known, _ in batch]), sizes)
        for known, size in batch:
            expected.setdefault(known, size)

    assert len(found) == len(expected)
    assert found.total_size() == sum(expected.values())
    assert list(found.contains(fingerprints.of_ids(asked))) == [known in expected for known in asked]


def test_it_keeps_working_beyond_what_it_sorts_at_once():
    found = Fingerprints()
    for start in range(0, 300_000, 1_000):
        found.add(np.arange(start, start + 1_000, dtype=np.uint64), np.ones(1_000, np.uint64))
        found.add(np.arange(start, start + 500, dtype=np.uint64), np.full(500, 7, np.uint64))
    assert len(found) == 300_000
    assert found.total_size() == 300_000
    assert found.contains(np.array([0, 299_999, 300_000], np.uint64)).tolist() == [True, True, False]


def test_ids_that_differ_in_any_bit_have_different_fingerprints():
    one = bytes(range(12))
    others = [
        bytes(byte ^ (1 << bit) if place == here else byte for place, byte in enumerate(one))
        for here in range(12)
        for bit in range(8)
    ]
    assert len(set(fingerprints.of_ids([one, *others]).tolist())) == 97
