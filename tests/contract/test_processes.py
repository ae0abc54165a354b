"""Several processes at one directory."""

import multiprocessing

import pytest

from frazil._core import ObjectStore, PutMode
from frazil.errors import StorageConflict


def increment(path: str, times: int) -> None:
    store = ObjectStore.local(path)
    for _ in range(times):
        while True:
            found = store.get_versioned("counter")
            assert found is not None
            data, meta = found
            assert data is not None
            try:
                store.put("counter", str(int(bytes(data)) + 1).encode(), PutMode.update(meta.version))
            except StorageConflict:
                continue
            break


# Python warns of forking a process with threads, which is just what must work here.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_processes_lose_no_update_of_a_directory(start, tmp_path, amount):
    count, times = 4, amount(60, 1250)
    context = multiprocessing.get_context(start)
    store = ObjectStore.local(tmp_path)
    store.put("counter", b"0", PutMode.CREATE)
    workers = [context.Process(target=increment, args=(str(tmp_path), times)) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * count
    assert (tmp_path / "counter").read_text() == str(count * times)
    assert [meta.key for meta in store.list()] == ["counter"]
