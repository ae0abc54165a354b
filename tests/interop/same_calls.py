"""The calls that are run on both packages: a script that prints what comes of each.

Run as ``python -m tests.interop.same_calls PACKAGE URL``, where URL is that of a small server of S3.  A call takes the package
and the URL, and gives a plain value; what it raises counts as its outcome, by class and kind.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Call = Callable[[Any, str], Any]

CALLS: dict[str, Call] = {}

_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


def call(function: Call) -> Call:
    """Put a function on the table, under its name."""
    CALLS[function.__name__.replace("_", " ")] = function
    return function


def _s3(package: Any, folder: str | None, **more: Any) -> Any:
    given = {
        "bucket": "bucket",
        "region": "us-east-1",
        "access_key_id": "id",
        "secret_access_key": "secret",
        "force_path_style": True,
    }
    return package.s3_storage(**{**given, "prefix": f"{_place(package)}/{folder}", **more})


def _place(package: Any) -> str:
    return str(package.__name__)


# ---- endpoints -------------------------------------------------------------------------------------------------------


@call
def an_endpoint_without_encryption_by_keyword(package: Any, url: str) -> Any:
    storage = _s3(package, "keyword", endpoint_url=url)
    package.Repository.create(storage)
    return package.Repository.exists(storage)


def _by_environment(package: Any, name: str, url: str) -> Any:
    os.environ[name] = url
    try:
        storage = _s3(package, name)
        package.Repository.create(storage)
        return package.Repository.exists(storage)
    finally:
        del os.environ[name]


@call
def an_endpoint_by_environment(package: Any, url: str) -> Any:
    return _by_environment(package, "AWS_ENDPOINT_URL", url)


@call
def an_endpoint_by_environment_for_s3(package: Any, url: str) -> Any:
    return _by_environment(package, "AWS_ENDPOINT_URL_S3", url)


@call
def a_keyword_before_the_environment(package: Any, url: str) -> Any:
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    try:
        return package.Repository.exists(_s3(package, "keyword", endpoint_url=url))
    finally:
        del os.environ["AWS_ENDPOINT_URL"]


@call
def other_services_without_encryption(package: Any, url: str) -> Any:
    key = {"access_key_id": "id", "secret_access_key": "secret", "region": "us-east-1"}
    place = {"bucket": "bucket", "prefix": f"{_place(package)}/keyword", "endpoint_url": url}
    return [package.Repository.exists(make(**place, **key)) for make in (package.tigris_storage, package.r2_storage)]


# ---- what is not there -----------------------------------------------------------------------------------------------


def _nowhere(package: Any, url: str) -> Any:
    return _s3(package, "x", endpoint_url=url, bucket="missing")


@call
def exists_in_a_missing_bucket(package: Any, url: str) -> Any:
    return package.Repository.exists(_nowhere(package, url))


@call
def the_version_in_a_missing_bucket(package: Any, url: str) -> Any:
    return package.Repository.fetch_spec_version(_nowhere(package, url))


@call
def opening_in_a_missing_bucket(package: Any, url: str) -> Any:
    return package.Repository.open(_nowhere(package, url))


@call
def the_configuration_in_a_missing_bucket(package: Any, url: str) -> Any:
    return package.Repository.fetch_config(_nowhere(package, url))


@call
def creating_in_a_missing_bucket(package: Any, url: str) -> Any:
    return package.Repository.create(_nowhere(package, url))


@call
def opening_or_creating_in_a_missing_bucket(package: Any, url: str) -> Any:
    return package.Repository.open_or_create(_nowhere(package, url))


@call
def opening_where_nothing_is(package: Any, url: str) -> Any:
    return package.Repository.open(_s3(package, "nothing", endpoint_url=url))


@call
def creating_where_one_is(package: Any, url: str) -> Any:
    return package.Repository.create(_s3(package, "keyword", endpoint_url=url))


# ---- prefixes --------------------------------------------------------------------------------------------------------

PREFIXES = (None, "", "/", "/lead", "a/", "/lead/deep/", "a b", "a%20b", "a//b", "a//", "//", "//x", "a/./b", "..")


def _prefixed(prefix: str | None) -> Call:
    def found(package: Any, url: str) -> Any:
        storage = _s3(package, None, endpoint_url=url, bucket=_place(package), prefix=prefix)
        repo = package.Repository.create(storage)
        session = repo.writable_session("main")
        session.commit("first", allow_empty=True)
        repo.garbage_collect(datetime.now(UTC) - timedelta(days=1))
        return len(list(package.Repository.open(storage).ancestry(branch="main")))

    return found


for _prefix in PREFIXES:
    CALLS[f"the prefix {_prefix!r}"] = _prefixed(_prefix)


# ---- credentials that are asked for ----------------------------------------------------------------------------------


class Asked:
    """Gives keys, and counts in a file, because the function is pickled."""

    def __init__(self, package: str, *, expires: bool) -> None:
        self.package, self.expires = package, expires

    def __call__(self) -> Any:
        with _counter().open("a") as file:
            file.write("x")
        until = datetime.now(UTC) + timedelta(hours=1) if self.expires else None
        return importlib.import_module(self.package).S3StaticCredentials("id", "secret", None, until)


def _counter() -> Path:
    return Path(os.environ["ASKED"])


def _times_asked() -> int:
    counter = _counter()
    times = len(counter.read_text()) if counter.exists() else 0
    counter.write_text("")
    return times


def _asking(*, expires: bool, scatter: bool) -> Call:
    def counts(package: Any, url: str) -> Any:
        _times_asked()

        def storage() -> Any:
            return package.s3_storage(
                bucket="bucket",
                prefix=f"{_place(package)}/keyword",
                region="us-east-1",
                force_path_style=True,
                endpoint_url=url,
                get_credentials=Asked(package.__name__, expires=expires),
                scatter_initial_credentials=scatter,
            )

        one = storage()
        asked = [_times_asked()]
        repos = [package.Repository.open(one) for _ in range(5)]
        asked.append(_times_asked())
        package.Repository.exists(one)
        asked.append(_times_asked())
        repos[0].writable_session("main").commit("m", allow_empty=True)
        asked.append(_times_asked())
        other = storage()
        _times_asked()
        package.Repository.exists(other)
        asked.append(_times_asked())
        return asked

    return counts


for _expires in (False, True):
    for _scatter in (False, True):
        CALLS[f"asking for keys, expires={_expires}, scatter={_scatter}"] = _asking(expires=_expires, scatter=_scatter)


# ---- storages that can only be read ----------------------------------------------------------------------------------


def _refused(change: Callable[[Any], Any]) -> Call:
    def attempt(package: Any, url: str) -> Any:
        repo = package.Repository.open(package.http_storage(f"{url}/bucket/{_place(package)}/keyword"))
        change(repo)
        return "done"

    return attempt


_CHANGES: dict[str, Callable[[Any], Any]] = {
    "a writable session": lambda repo: repo.writable_session("main"),
    "a rearranging session": lambda repo: repo.rearrange_session("main"),
    "a tag": lambda repo: repo.create_tag("t", repo.lookup_branch("main")),
    "a branch": lambda repo: repo.create_branch("b", repo.lookup_branch("main")),
    "a reset": lambda repo: repo.reset_branch("main", repo.lookup_branch("main")),
    "deleting main": lambda repo: repo.delete_branch("main"),
    "deleting a tag": lambda repo: repo.delete_tag("none"),
    "the configuration": lambda repo: repo.save_config(),
    "metadata": lambda repo: repo.set_metadata({"a": 1}),
    "a flag": lambda repo: repo.set_feature_flag("move_node", False),
    "expiration": lambda repo: repo.expire_snapshots(datetime.now(UTC)) and None,
    "collection": lambda repo: repo.garbage_collect(datetime.now(UTC)) and None,
    "a dry collection": lambda repo: repo.garbage_collect(datetime.now(UTC), dry_run=True) and None,
    "rewriting": lambda repo: repo.rewrite_manifests("m", branch="main"),
    "default metadata": lambda repo: repo.set_default_commit_metadata({"a": 1}),
    "reading": lambda repo: repo.readonly_session("main").read_only,
}
for _name, _change in _CHANGES.items():
    CALLS[f"on a web server: {_name}"] = _refused(_change)


# ---- running ---------------------------------------------------------------------------------------------------------


def outcome(package: Any, url: str, run: Call) -> Any:
    """A value that JSON can hold, or the class and kind of the error."""
    try:
        value = run(package, url)
        return json.loads(json.dumps(value, default=lambda given: type(given).__name__))
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is compared
        return [type(failure).__name__, str(getattr(failure, "kind", ""))]


def main() -> None:
    for name in _ENDPOINTS:
        os.environ.pop(name, None)
    package = importlib.import_module(sys.argv[1])
    print(json.dumps({name: outcome(package, sys.argv[2], run) for name, run in CALLS.items()}))


if __name__ == "__main__":
    main()
