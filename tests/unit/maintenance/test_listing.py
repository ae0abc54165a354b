import pytest

from frazil._core import ObjectStore, encode_id
from frazil.maintenance.listing import is_older, stored


def test_only_objects_named_by_an_id_are_seen():
    objects = ObjectStore.memory()
    name = encode_id(bytes(range(12)))
    for key in (
        f"chunks/{name}",
        f"chunks/{name.lower()}",
        f"chunks/{name}X",
        "chunks/README.md",
        f"chunks/sub/{name}",
        f"manifests/{name}",
    ):
        objects.put(key, b"12345")

    (found,) = stored(objects, "chunks")

    assert (found.id, found.key, found.size) == (bytes(range(12)), f"chunks/{name}", 5)
    meta = objects.head(f"chunks/{name}")
    assert meta is not None
    assert found.last_modified == meta.last_modified


@pytest.mark.parametrize(
    ("last_modified", "cutoff", "older"),
    [
        (10_000_001, 10_000_002, True),
        (10_000_002, 10_000_002, False),
        (10_000_000, 10_999_999, False),  # whole seconds: it may have been written at 10.9999985
        (10_000_000, 11_000_000, True),
        (0, 1_000_000, True),
    ],
)
def test_an_object_is_old_only_if_every_moment_that_its_time_may_stand_for_is(last_modified, cutoff, older):
    assert is_older(last_modified, cutoff) is older
