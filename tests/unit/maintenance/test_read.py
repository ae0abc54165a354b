import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.format.ids import ManifestId
from frazil.maintenance.reachability.read import ReadLimits, batches


@given(st.lists(st.integers(0, 30)), st.integers(1, 40), st.integers(1, 5))
def test_batches_keep_the_order_and_both_limits(sizes, most_bytes, most_files):
    files = [(ManifestId(number.to_bytes(12, "big")), size) for number, size in enumerate(sizes)]
    limits = ReadLimits(max_compressed_manifest_mem_bytes=most_bytes, max_concurrent_manifest_fetches=most_files)

    found = list(batches(files, limits))

    assert [file for batch in found for file in batch] == files
    assert all(len(batch) <= most_files for batch in found)
    assert all(len(batch) == 1 or sum(size for _, size in batch) <= most_bytes for batch in found)


@pytest.mark.parametrize(
    "name",
    [
        "max_snapshots_in_memory",
        "max_compressed_manifest_mem_bytes",
        "max_decoded_manifest_mem_bytes",
        "max_concurrent_manifest_fetches",
    ],
)
def test_a_limit_of_zero_is_refused(name):
    with pytest.raises(ValueError, match="invalid zero value"):
        ReadLimits(**{name: 0})
