import numpy as np
import pytest

from frazil._core import ObjectStore, encode_id
from frazil.maintenance.reachability.listing import is_older, pages


def test_only_objects_named_by_an_id_are_seen():
    objects = ObjectStore.memory()
    name = encode_id(bytes(range(12)))
    for key in (
        f"chunks/{name}",
        f"chunks/{name.lower()}",
        f"chunks/{name}X",
        f"chunks/{name[:-1]}",
        "chunks/README.md",
        f"chunks/sub/{name}",
        f"manifests/{name}",
    ):
        objects.put(key, b"12345")

    (page,) = pages(objects, "chunks")

    assert page.raw_ids() == [bytes(range(12))]
    assert page.object_keys() == [f"chunks/{name}"]
    assert page.sizes.tolist() == [5]
    meta = objects.head(f"chunks/{name}")
    assert meta is not None
    assert page.last_modified.tolist() == [meta.last_modified]


@pytest.mark.parametrize("amount", [0, 1, 999, 1000, 1001, 2500])
def test_every_object_is_on_one_page(amount):
    objects = ObjectStore.memory()
    names = {f"chunks/{encode_id(number.to_bytes(12, 'big'))}" for number in range(amount)}
    objects.put_many([(name, b"x") for name in names])

    found = list(pages(objects, "chunks"))

    assert all(0 < len(page) <= 1000 for page in found)
    keys = [key for page in found for key in page.object_keys()]
    assert len(keys) == amount
    assert set(keys) == names


def test_a_page_can_be_narrowed_down():
    objects = ObjectStore.memory()
    objects.put_many([(f"chunks/{encode_id(number.to_bytes(12, 'big'))}", bytes(number)) for number in range(10)])
    (page,) = pages(objects, "chunks")

    odd = page.where(page.sizes % 2 == 1)

    assert sorted(odd.sizes.tolist()) == [1, 3, 5, 7, 9]
    assert sorted(odd.raw_ids()) == [number.to_bytes(12, "big") for number in (1, 3, 5, 7, 9)]


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
    assert is_older(np.array([last_modified], np.int64), cutoff).tolist() == [older]
