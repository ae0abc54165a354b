"""What is special about a directory as an object store."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from frazil._core import ObjectStore, PutMode
from frazil.errors import InvalidInputError, StorageConflict, StorageError

CHUNK = "chunks/1CECHNKREP0F1RSTCMT0"


def keys(store: ObjectStore) -> list[str]:
    return sorted(meta.key for meta in store.list())


def test_reading_makes_no_directory(tmp_path):
    store = ObjectStore.local(tmp_path / "not" / "there")
    assert store.get("x") is None
    assert keys(store) == []
    assert store.delete_many(["x"]) == []
    store.sync()
    assert list(tmp_path.iterdir()) == []


def test_keys_are_encoded_as_the_format_says(tmp_path):
    ObjectStore.local(tmp_path).put("refs/branch.é #1/ref.json", b"x")
    assert (tmp_path / "refs" / "branch.%C3%A9 %231" / "ref.json").read_bytes() == b"x"


def test_verbatim_keys_are_file_names(tmp_path):
    (tmp_path / "data [1] 100%.nc").write_bytes(b"netcdf")
    store = ObjectStore.local(tmp_path, verbatim=True)
    assert store.get("data [1] 100%.nc") == b"netcdf"
    assert keys(store) == ["data [1] 100%.nc"]
    assert ObjectStore.local(tmp_path).get("data [1] 100%.nc") is None


def test_files_of_ours_are_hidden_and_reserved(tmp_path):
    store = ObjectStore.local(tmp_path)
    store.put("repo", b"1", PutMode.CREATE)
    (tmp_path / ".frazil-tmp-0123").write_bytes(b"left by a crash")
    (tmp_path / "chunk#12").write_bytes(b"an upload of another program")
    assert (tmp_path / ".frazil-lock").exists()
    assert keys(store) == ["repo"]
    for name in (".frazil-lock", ".frazil-tmp-0123"):
        with pytest.raises(InvalidInputError, match="reserved"):
            store.get(name)


def test_nothing_incomplete_is_left(tmp_path):
    store = ObjectStore.local(tmp_path)
    store.put("a", b"1")
    store.put("a", b"2")
    version = store.put("b", b"1", PutMode.CREATE)
    store.put("b", b"2", PutMode.update(version))
    with pytest.raises(StorageConflict):
        store.put("b", b"3", PutMode.update(version))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".frazil-lock", "a", "b"]


def test_symbolic_links_are_followed_once(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_bytes(b"1")
    root = tmp_path / "root"
    root.mkdir()
    (root / "chunks").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    (root / "dangling").symlink_to(tmp_path / "none")
    (root / "file").symlink_to(tmp_path / "elsewhere" / "x")
    assert keys(ObjectStore.local(root)) == ["chunks/x", "file"]


def test_versions_by_content_ignore_inode_and_time(tmp_path):
    store = ObjectStore.local(tmp_path)
    version = store.put("repo", b"same", PutMode.CREATE)
    (tmp_path / "copy").write_bytes(b"same")
    (tmp_path / "copy").replace(tmp_path / "repo")
    store.put("repo", b"next", PutMode.update(version))
    assert store.get("repo") == b"next"


def test_a_version_from_head_is_understood(tmp_path):
    store = ObjectStore.local(tmp_path)
    store.put("repo", b"1")
    head = store.head("repo")
    assert head is not None
    store.put("repo", b"2", PutMode.update(head.version))
    with pytest.raises(StorageConflict):
        store.put("repo", b"3", PutMode.update(head.version))


def test_etags_of_files_are_those_of_virtual_references(tmp_path):
    store = ObjectStore.local(tmp_path)
    store.put("x", b"12345")
    stat = (tmp_path / "x").stat()
    head = store.head("x")
    assert head is not None
    assert head.version.etag == f'"{stat.st_ino:x}-{stat.st_mtime_ns // 1000:x}-{stat.st_size:x}"'


def test_a_relative_root_does_not_move_with_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = ObjectStore.local("data")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    store.put("x", b"1")
    assert (tmp_path / "data" / "x").exists()


def test_a_prefix_has_the_lock_of_its_directory(tmp_path):
    ObjectStore.local(tmp_path).with_prefix("repos/one").put("repo", b"", PutMode.CREATE)
    assert (tmp_path / "repos" / "one" / ".frazil-lock").exists()
    assert not (tmp_path / ".frazil-lock").exists()


def test_everybody_who_may_write_may_lock(tmp_path):
    root = tmp_path / "shared"
    root.mkdir()
    root.chmod(0o2775)
    old = os.umask(0o077)
    try:
        ObjectStore.local(root).put("repo", b"", PutMode.CREATE)
    finally:
        os.umask(old)
    assert (root / ".frazil-lock").stat().st_mode & 0o777 == 0o664


# --------------------------------------------------------------------------------------------------------------------
# failures of the disk


def _as_nobody(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code without the rights of root, to whom permissions do not apply."""
    # the interpreter and the package may be readable by root only, so everything is imported first
    become_nobody = (
        "import os, frazil._core, frazil.errors\nif os.getuid() == 0:\n    os.setgid(65534)\n    os.setuid(65534)\n"
    )
    script = become_nobody + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)


_TRY_TO_WRITE = """
    import sys
    from frazil._core import ObjectStore, PutMode
    from frazil.errors import StorageError
    store = ObjectStore.local(sys.argv[1])
    for mode in (PutMode.OVERWRITE, PutMode.CREATE):
        try:
            store.put("chunks/x", b"data", mode)
        except StorageError as error:
            print(error.kind, str(error).splitlines()[0])
"""


def test_a_read_only_directory_is_named(tmp_path, world_readable):
    root = world_readable / "repository"
    root.mkdir()
    root.chmod(0o555)
    done = _as_nobody(_TRY_TO_WRITE, str(root))
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr
    for line in lines:
        assert line.startswith("io ")
        assert str(root) in line
        assert "permissions" in line


def test_an_unreadable_object_is_named(world_readable):
    root = world_readable / "repository"
    ObjectStore.local(root).put("x", b"1")
    root.chmod(0o755)
    (root / "x").chmod(0)
    done = _as_nobody(
        """
        import sys
        from frazil._core import ObjectStore
        from frazil.errors import StorageError
        try:
            ObjectStore.local(sys.argv[1]).get("x")
        except StorageError as error:
            print(error.kind, error)
        """,
        str(root),
    )
    assert done.stdout.startswith("io "), done.stderr
    assert str(root / "x") in done.stdout


@pytest.fixture
def world_readable(tmp_path: Path) -> Path:
    """A directory that other users reach."""
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_mode & 0o005 != 0o005:
            if directory.stat().st_uid != os.getuid():
                break
            directory.chmod(directory.stat().st_mode | 0o055)
    return tmp_path


def test_a_path_through_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    store = ObjectStore.local(tmp_path / "file")
    assert store.get("x") is None
    assert keys(store) == []
    for mode in (PutMode.OVERWRITE, PutMode.CREATE):
        with pytest.raises(StorageError, match="choose another") as caught:
            store.put("x", b"1", mode)
        assert caught.value.kind == "io"
        assert str(tmp_path / "file") in str(caught.value)


def test_an_object_in_the_place_of_a_directory(tmp_path):
    store = ObjectStore.local(tmp_path)
    store.put("a/b", b"1")
    with pytest.raises(StorageError, match="directory") as caught:
        store.put("a", b"1")
    assert caught.value.kind == "io"
    with pytest.raises(StorageError, match="is a file"):
        store.put("a/b/c", b"1")


def test_a_full_disk_leaves_no_torn_object(tmp_path):
    """A limit on the size of files stands for a full disk: the write stops half-way."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_FULL_DISK), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert os.strerror(errno.EFBIG) in done.stdout
    assert keys(ObjectStore.local(tmp_path)) == ["repo"]
    assert (tmp_path / "repo").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".frazil-lock", "chunks", "repo"]


_FULL_DISK = f"""
    import resource, signal, sys
    from frazil._core import ObjectStore, PutMode
    from frazil.errors import StorageError
    store = ObjectStore.local(sys.argv[1])
    version = store.put("repo", b"old", PutMode.CREATE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    big = bytes(50_000)
    for key, mode in (({CHUNK!r}, PutMode.OVERWRITE), ("repo", PutMode.OVERWRITE), ("repo", PutMode.update(version))):
        try:
            store.put(key, big, mode)
        except StorageError as error:
            print(error.kind, error)
        else:
            sys.exit("written")
"""


# --------------------------------------------------------------------------------------------------------------------
# the lock


_HOLD = """
    import fcntl, os, struct, sys, time
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
    fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of ``tmp_path``."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_HOLD), str(tmp_path / ".frazil-lock")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_conditional_write_waits_for_the_lock_and_gets_it_when_its_holder_dies(tmp_path, holder):
    written = threading.Event()

    def write() -> None:
        ObjectStore.local(tmp_path).put("repo", b"1", PutMode.CREATE)
        written.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not written.wait(0.3)
    assert not (tmp_path / "repo").exists()
    holder.kill()
    thread.join(30)
    assert written.is_set()


def test_other_work_goes_on_while_the_lock_is_held(tmp_path, holder):
    store = ObjectStore.local(tmp_path)
    store.put(CHUNK, b"1")
    assert store.get(CHUNK) == b"1"
    store.sync()


def test_ctrl_c_ends_the_wait_for_the_lock(tmp_path, holder):
    def interrupt() -> None:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        ObjectStore.local(tmp_path).put("repo", b"1", PutMode.CREATE)
    thread.join()
    assert not (tmp_path / "repo").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".frazil-lock"]


def test_readers_never_see_half_an_object(tmp_path):
    store = ObjectStore.local(tmp_path, durable=False)
    contents = [bytes([number]) * 200_000 for number in range(2)]
    store.put(CHUNK, contents[0])
    stop = threading.Event()
    seen: set[bytes] = set()

    def watch() -> None:
        while not stop.is_set():
            data = store.get(CHUNK)
            assert data is not None
            seen.add(bytes(data))

    thread = threading.Thread(target=watch)
    thread.start()
    for number in range(200):
        store.put(CHUNK, contents[number % 2])
    stop.set()
    thread.join()
    assert seen <= set(contents)
