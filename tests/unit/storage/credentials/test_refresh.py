"""When a user's function is asked for credentials."""

import pickle
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frazil
from frazil.clock import to_datetime
from frazil.errors import IcechunkError
from frazil.storage.credentials.refresh import Refresher

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND


class Counted:
    """Gives keys that expire some seconds after ``NOW``, and notes in a file how often it was asked."""

    def __init__(self, path: Path, lifetime: int | None) -> None:
        self.path = path
        self.lifetime = lifetime

    def __call__(self) -> frazil.S3StaticCredentials:
        with self.path.open("a") as file:
            file.write("x")
        expires = None if self.lifetime is None else to_datetime(NOW + self.lifetime * SECOND)
        return frazil.S3StaticCredentials("key", "secret", expires_after=expires)

    @property
    def calls(self) -> int:
        return len(self.path.read_text()) if self.path.exists() else 0


def refresher(function: Callable[[], object], current: object = None, fraction: float = 0.5) -> Refresher:
    credentials = frazil.S3Credentials.Refreshable(pickle.dumps(function), current)
    return Refresher(credentials, clock=lambda: NOW, fraction=lambda: fraction)


@pytest.mark.parametrize(("lifetime", "calls"), [(None, 1), (3600, 1), (181, 1), (150, 3), (60, 3), (0, 3), (-3600, 3)])
def test_keys_are_used_until_shortly_before_they_expire(tmp_path: Path, lifetime: int | None, calls: int) -> None:
    counted = Counted(tmp_path / "calls", lifetime)
    refresh = refresher(counted)
    assert [refresh().access_key_id for _ in range(3)] == ["key"] * 3
    assert counted.calls == calls


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 400))
def test_the_margin_is_two_to_three_minutes(fraction: float, lifetime: int) -> None:
    current = frazil.S3StaticCredentials("old", "s", expires_after=to_datetime(NOW + lifetime * SECOND))
    fresh = refresher(give_new, current, fraction)().access_key_id == "new"
    if lifetime < 120:
        assert fresh
    if lifetime >= 181:
        assert not fresh


def give_new() -> frazil.S3StaticCredentials:
    return frazil.S3StaticCredentials("new", "s")


def test_what_travelled_along_is_used_first(tmp_path: Path) -> None:
    counted = Counted(tmp_path / "calls", None)
    refresh = refresher(counted, frazil.S3StaticCredentials("old", "s"))
    assert refresh().access_key_id == "old"
    assert counted.calls == 0


def test_many_threads_ask_once(tmp_path: Path) -> None:
    counted = Counted(tmp_path / "calls", 3600)
    refresh = refresher(counted)
    threads = [threading.Thread(target=refresh) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert counted.calls == 1


def fail() -> frazil.S3StaticCredentials:
    raise RuntimeError("bad creds")


def give_a_number() -> int:
    return 5


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (fail, "RuntimeError: bad creds"),
        (give_a_number, "must return S3StaticCredentials, not int"),
        (5, "object is not callable"),
        (dict, "must return S3StaticCredentials, not dict"),
    ],
)
def test_failures_say_what_is_wrong(function, text: str) -> None:
    with pytest.raises(IcechunkError, match=text):
        refresher(function)()


def test_a_function_that_cannot_be_unpickled() -> None:
    credentials = frazil.S3Credentials.Refreshable(b"not a pickle")
    with pytest.raises(IcechunkError, match="the function that gives refreshable credentials failed"):
        Refresher(credentials)()


def test_real_time_is_the_default() -> None:
    current = frazil.S3StaticCredentials("old", "s", expires_after=datetime.max.replace(tzinfo=to_datetime(0).tzinfo))
    assert Refresher(frazil.S3Credentials.Refreshable(pickle.dumps(fail), current))().access_key_id == "old"
