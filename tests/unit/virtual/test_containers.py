"""References to set in bulk."""

from datetime import UTC, datetime

import pytest

from frazil import VirtualChunkSpec


def test_a_specification_is_a_value() -> None:
    when = datetime(2030, 1, 1, tzinfo=UTC)
    spec = VirtualChunkSpec((1, 2), "s3://b/k", 3, 4, None, when)
    assert spec.index == [1, 2]
    assert (spec.location, spec.offset, spec.length) == ("s3://b/k", 3, 4)
    assert (spec.etag_checksum, spec.last_updated_at_checksum) == (None, when)
    assert spec == VirtualChunkSpec([1, 2], "s3://b/k", 3, 4, last_updated_at_checksum=when)
    assert hash(spec) == hash(VirtualChunkSpec([1, 2], "s3://b/k", 3, 4, "etag"))
    with pytest.raises(AttributeError):
        spec.offset = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "failure"),
    [
        (([-1], "a", 0, 1), OverflowError),
        (([2**32], "a", 0, 1), OverflowError),
        (([0], "a", -1, 1), OverflowError),
        (([0], "a", 0, 2**64), OverflowError),
        ((["0"], "a", 0, 1), TypeError),
        (([0], b"a", 0, 1), TypeError),
        (([0], "a", 0, 1, 5), TypeError),
        (([0], "a", 0, 1, None, datetime(2030, 1, 1)), TypeError),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_nonsense_is_refused(arguments, failure) -> None:
    with pytest.raises(failure):
        VirtualChunkSpec(*arguments)
