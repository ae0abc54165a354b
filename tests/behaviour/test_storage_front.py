"""What users meet at the front of a storage on a network: what a server says, and what is there."""

import pytest

import frazil
from frazil.errors import IcechunkError
from tests.contract.object_server import Fault, ObjectServer
from tests.contract.served_storage import s3_storage_at

_HTML = b"<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body><h1>Forbidden</h1><p>no</p></body></html>"
_ONE_TRY = frazil.StorageSettings(retries=frazil.StorageRetriesSettings(max_tries=1))


@pytest.fixture
def server():
    with ObjectServer() as server:
        yield server


@pytest.mark.parametrize(
    ("status", "body", "told", "advice"),
    [
        (403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", "AccessDenied", "policy"),
        (403, b"<Error><Code>InvalidAccessKeyId</Code><Key>k</Key></Error>", "InvalidAccessKeyId", "missing, wrong"),
        (403, b"<Error><Code>ExpiredToken</Code></Error>", "ExpiredToken", "missing, wrong or expired"),
        (401, b"<Error><Code>Unauthorized</Code></Error>", "Unauthorized", "missing, wrong or expired"),
        (403, _HTML, "403 Forbidden", "policy"),
        (400, _HTML, "403 Forbidden", ""),
        (500, b"<Error><Code>InternalError</Code></Error>", "InternalError", ""),
    ],
)
def test_no_markup_of_a_server_is_in_a_message(server, status, body, told, advice):
    storage = s3_storage_at(server.url)
    config = frazil.RepositoryConfig(storage=_ONE_TRY)
    server.fault = lambda _: Fault(status=status, body=body)
    for call in (frazil.Repository.open, frazil.Repository.create):
        with pytest.raises(IcechunkError) as failure:
            call(storage, config)
        assert "<" not in failure.value.message
        if call is frazil.Repository.open:
            assert told in failure.value.message
            assert advice in failure.value.message


def test_where_a_repository_is_the_refusal_says_so_first(server, tmp_path):
    for storage in (s3_storage_at(server.url), frazil.local_filesystem_storage(tmp_path)):
        frazil.Repository.create(storage)
        with pytest.raises(frazil.InvalidInputError, match=r"^there is a repository here already") as failure:
            frazil.Repository.create(storage)
        assert failure.value.kind == "parent-directory-not-clean"
        assert "help: open the repository that is there" in failure.value.__notes__[0]


@pytest.mark.parametrize("prefix", ["a//b", "a//", "//", "//x", "./a", "a/..", "a/./b"])
def test_prefixes_that_cannot_be_addressed_are_refused(prefix):
    for make in (
        lambda: frazil.s3_storage(bucket="b", prefix=prefix),
        lambda: frazil.r2_storage(bucket="b", prefix=prefix, account_id="a"),
    ):
        with pytest.raises(frazil.InvalidInputError, match="segments that are empty"):
            make()


def test_a_slash_in_front_of_a_prefix_is_part_of_the_keys(server):
    rooted, plain = (s3_storage_at(server.url, prefix=prefix) for prefix in ("/lead", "lead"))
    repo = frazil.Repository.create(rooted)
    assert "/bucket//lead/repo" in server.objects
    assert not frazil.Repository.exists(plain)
    assert dict(rooted.list_objects()).keys() == {key.removeprefix("/bucket//lead/") for key in server.objects}
    repo.writable_session("main").commit("m", allow_empty=True)
    frazil.Repository.create(plain)
    assert len(list(frazil.Repository.open(rooted).ancestry(branch="main"))) == 2
