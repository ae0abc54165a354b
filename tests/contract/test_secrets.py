"""No key, token or password is ever shown: in a repr, an error, a log, a pickled error."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zarr

import frazil
from frazil import credentials as cr
from tests.contract.object_server import Fault, ObjectServer

SECRET = "PlantedSecret7Q"
KEY_ID = "AKIDPlantedKey7Q"
AZURE_KEY = base64.b64encode(f"{SECRET}-of-azure".encode()).decode()
SIGNATURE = f"sv=2024-01-01&sp=rwdl&sig={SECRET}"
ACCOUNT = json.dumps(
    {
        "gcs_base_url": "http://127.0.0.1:1",
        "disable_oauth": True,
        "client_email": "",
        "private_key": SECRET,
        "private_key_id": SECRET,
    }
)
PLANTED = (SECRET, KEY_ID, AZURE_KEY, AZURE_KEY[:12])

QUICK = frazil.StorageSettings(
    retries=frazil.StorageRetriesSettings(max_tries=2, initial_backoff_ms=1, max_backoff_ms=1)
)


def give_s3() -> frazil.S3StaticCredentials:
    return frazil.S3StaticCredentials(KEY_ID, SECRET, SECRET)


def give_gcs() -> frazil.GcsBearerCredential:
    return frazil.GcsBearerCredential(SECRET)


def fail_to_give() -> frazil.S3StaticCredentials:
    raise RuntimeError("the vault is closed")


S3_KEYS = {"access_key_id": KEY_ID, "secret_access_key": SECRET, "session_token": SECRET}

VALUES: dict[str, Callable[[], Any]] = {
    "s3 key": lambda: frazil.S3StaticCredentials(KEY_ID, SECRET, SECRET),
    "s3 static": lambda: cr.s3_credentials(**S3_KEYS),
    "s3 scattered": lambda: cr.s3_refreshable_credentials(give_s3, scatter_initial_credentials=True),
    "s3 for a container": lambda: frazil.Credentials.S3(cr.s3_credentials(**S3_KEYS)),
    "gcs bearer": lambda: frazil.GcsBearerCredential(SECRET),
    "gcs token": lambda: cr.gcs_static_credentials(bearer_token=SECRET),
    "gcs key": lambda: cr.gcs_static_credentials(service_account_key=ACCOUNT),
    "gcs scattered": lambda: cr.gcs_refreshable_credentials(give_gcs, scatter_initial_credentials=True),
    "gcs for a container": lambda: frazil.Credentials.Gcs(cr.gcs_credentials(bearer_token=SECRET)),
    "azure key": lambda: cr.azure_static_credentials(access_key=AZURE_KEY),
    "azure signature": lambda: cr.azure_static_credentials(sas_token=SIGNATURE),
    "azure token": lambda: cr.azure_static_credentials(bearer_token=SECRET),
    "azure refreshed": lambda: frazil.AzureRefreshableCredential.AccessKey(AZURE_KEY),
    "azure for a container": lambda: frazil.Credentials.Azure(cr.azure_credentials(access_key=AZURE_KEY)),
    "authorisation": lambda: cr.containers_credentials({"s3://b/": cr.s3_credentials(**S3_KEYS)}),
}


def storages(endpoint: str) -> dict[str, Callable[[], frazil.Storage]]:
    """Storages with every kind of secret, on a server that speaks HTTP at ``endpoint``."""
    s3 = {"bucket": "bucket", "prefix": "p", "region": "us-east-1", "endpoint_url": endpoint, "allow_http": True}
    s3["force_path_style"] = True
    azure = {"account": "account", "container": "bucket", "prefix": "p"}
    emulated = {"azure_endpoint": endpoint, "allow_http": "true"}
    account = json.dumps({**json.loads(ACCOUNT), "gcs_base_url": endpoint})
    plain = {"allow_http": "true"}
    with_password = endpoint.replace("http://", f"http://user:{SECRET}@")
    return {
        "s3": lambda: frazil.s3_storage(**s3, **S3_KEYS),
        "s3 refreshed": lambda: frazil.s3_storage(**s3, get_credentials=give_s3, scatter_initial_credentials=True),
        "s3 failing": lambda: frazil.s3_storage(**s3, get_credentials=fail_to_give),
        "s3 headers": lambda: frazil.s3_storage(**s3, **S3_KEYS, headers={"x-api-key": SECRET}),
        "gcs": lambda: frazil.gcs_storage(bucket="bucket", prefix="p", service_account_key=account, config=plain),
        "gcs options": lambda: frazil.gcs_storage(
            bucket="bucket",
            prefix="p",
            from_env=True,
            config={**plain, "google_service_account_key": account},
        ),
        "azure key": lambda: frazil.azure_storage(**azure, access_key=AZURE_KEY, config=emulated),
        "azure signature": lambda: frazil.azure_storage(**azure, sas_token=SIGNATURE, config=emulated),
        "azure token": lambda: frazil.azure_storage(**azure, bearer_token=SECRET, config=emulated),
        "azure options": lambda: frazil.azure_storage(
            **azure, from_env=True, config={**emulated, "azure_storage_account_key": AZURE_KEY}
        ),
        "http headers": lambda: frazil.http_storage(endpoint, headers={"authorization": f"Bearer {SECRET}"}),
        "http password": lambda: frazil.http_storage(with_password),
        "http query": lambda: frazil.http_storage(f"{endpoint}/bucket?token={SECRET}"),
        "redirect password": lambda: frazil.redirect_storage(with_password),
        "redirect query": lambda: frazil.redirect_storage(f"{endpoint}/bucket?token={SECRET}"),
    }


NAMES = tuple(storages(""))


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as running:
        yield running


@pytest.fixture(autouse=True)
def everything_is_logged() -> Iterator[None]:
    frazil.set_logs_filter("trace")
    yield
    frazil.set_logs_filter(None)


def assert_none_shown(text: str) -> None:
    for planted in PLANTED:
        assert planted not in text


def shown(value: Any) -> str:
    html = getattr(value, "_repr_html_", str)
    texts = [repr(value), str(value), f"{value}", html() if html is not str else ""]
    return "\n".join(texts)


def told(error: BaseException) -> str:
    """All that an error shows or carries along; where tblib is in use, a pickle also holds its cause and its context."""
    texts = [shown(error), "".join(traceback.format_exception(error)), repr(vars(error))]
    for linked in filter(None, (error.__cause__, error.__context__)):
        texts += [repr(linked), repr(vars(linked)), str(getattr(linked, "filename", ""))]
    try:
        copy = pickle.dumps(error)
    except Exception as problem:  # noqa: BLE001 - then nothing is in it
        return "\n".join([*texts, str(problem)])
    return "\n".join([*texts, copy.decode("latin1")])


@pytest.mark.parametrize("name", VALUES)
def test_credentials_do_not_show_themselves(name: str) -> None:
    assert_none_shown(shown(VALUES[name]()))


@pytest.mark.parametrize("name", NAMES)
def test_storages_do_not_show_them(server: ObjectServer, name: str) -> None:
    storage = storages(server.url)[name]()
    assert_none_shown(shown(storage))
    assert_none_shown(repr(storage._backend))


WRONG = {
    "refused": Fault(status=403, body=b"<Error><Code>AccessDenied</Code></Error>"),
    "unknown": Fault(status=401),
    "broken": Fault(status=500),
    "throttled": Fault(status=503, body=b"<Error><Code>SlowDown</Code></Error>"),
    "missing": Fault(status=404),
    "nonsense": Fault(status=200, body=b"<Nonsense"),
    "elsewhere": Fault(status=302),
    "hung up": Fault(),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", NAMES)
def test_errors_and_logs_do_not_show_them(server, caplog, capfd, name: str, wrong: str) -> None:
    server.fault = lambda _: WRONG[wrong]
    storage = storages(server.url)[name]()
    config = frazil.RepositoryConfig(storage=QUICK)
    texts = []
    with caplog.at_level(logging.DEBUG):
        for use in (
            lambda: frazil.Repository.open(storage, config),
            lambda: frazil.Repository.create(storage, config),
            lambda: storage.list_objects(QUICK),
        ):
            try:
                texts.append(shown(use()))
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not show them
                texts.append(told(error))
    texts += [caplog.text, *capfd.readouterr()]
    assert_none_shown("\n".join(texts))


@pytest.mark.parametrize("name", ["s3", "s3 refreshed", "s3 headers", "gcs"])
def test_repositories_and_sessions_do_not_show_them(caplog, capfd, name: str) -> None:
    dialect = "gcs" if name == "gcs" else "s3"
    with ObjectServer(dialect) as server, caplog.at_level(logging.DEBUG):
        repo = frazil.Repository.create(storages(server.url)[name]())
        session = repo.writable_session("main")
        group = zarr.create_group(session.store)
        texts = [shown(value) for value in (repo, repo.config, repo.storage, session, session.store, group)]
        server.fault = lambda request: WRONG["refused"] if request.method == "PUT" else None
        with pytest.raises(frazil.IcechunkError) as caught:
            session.commit("refused")
        texts.append(told(caught.value))
        server.fault = lambda _: None
        written = b"".join(stored.data for stored in server.objects.values()).decode("latin1")
    assert_none_shown("\n".join([*texts, caplog.text, *capfd.readouterr(), written]))


def test_virtual_chunks_do_not_show_the_credentials_of_their_containers(server, caplog, capfd) -> None:
    s3 = frazil.s3_store(region="us-east-1", endpoint_url=server.url, allow_http=True, s3_compatible=True)
    web = frazil.storage.http_store(headers={"authorization": f"Bearer {SECRET}"})
    config = frazil.RepositoryConfig.default()
    config.set_virtual_chunk_container(frazil.VirtualChunkContainer("s3://bucket/", s3))
    config.set_virtual_chunk_container(frazil.VirtualChunkContainer(f"{server.url}/", web))
    access = {
        "s3://bucket/": frazil.Credentials.S3(cr.s3_credentials(**S3_KEYS)),
        f"{server.url}/": frazil.credentials.HttpAccess,
    }
    repo = frazil.Repository.create(frazil.in_memory_storage(), config, authorize_virtual_chunk_access=access)
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(2,), chunks=(1,), dtype="u1", compressors=None)
    session.store.set_virtual_ref("a/c/0", "s3://bucket/x", offset=0, length=1)
    session.store.set_virtual_ref("a/c/1", f"{server.url}/bucket/x", offset=0, length=1)
    texts = [shown(repo), shown(session)]
    with caplog.at_level(logging.DEBUG):
        for wrong in ("refused", "missing"):
            server.fault = lambda _, wrong=wrong: WRONG[wrong]  # type: ignore[misc]
            for chunk in range(2):
                with pytest.raises(frazil.IcechunkError) as caught:
                    zarr.open_array(session.store, path="a", mode="r")[chunk]
                texts.append(told(caught.value))
    assert_none_shown("\n".join([*texts, caplog.text, *capfd.readouterr()]))


# ---- addresses ---------------------------------------------------------------------------------------------------------

FORMS = {
    "user": f"{{scheme}}://{SECRET}@{{host}}/x",
    "password": f"{{scheme}}://user:{SECRET}@{{host}}/x",
    "password with a slash": f"{{scheme}}://user:p/{SECRET}@{{host}}/x",
    "password with a question mark": f"{{scheme}}://user:p?{SECRET}@{{host}}/x",
    "password with blanks": f"{{scheme}}://user:p {SECRET}\"'@{{host}}/x",
    "encoded password": f"{{scheme}}://user%3A{SECRET}%40{{host}}/x",
    "signature": f"{{scheme}}://{{host}}/x?sv=1&sig={SECRET}",
    "amazon": f"{{scheme}}://{{host}}/x?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}&X-Amz-Security-Token={SECRET}",
    "google": f"{{scheme}}://{{host}}/x?GoogleAccessId=a&Signature={SECRET}",
    "access token": f"{{scheme}}://{{host}}/x?access_token={SECRET}#y",
    "upper case": f"{{scheme}}://{{host}}/x?ACCESS_TOKEN={SECRET}",
    "any parameter": f"{{scheme}}://{{host}}/x?q={SECRET}",
    "only parameter": f"{{scheme}}://{{host}}/x?{SECRET}",
    "parameter with blanks": f"{{scheme}}://{{host}}/x?a=b c {SECRET}",
    "parameter after a semicolon": f"{{scheme}}://{{host}}/x?a=b;c={SECRET}",
    "encoded name": f"{{scheme}}://{{host}}/x?%73ig={SECRET}",
    "encoded question mark": f"{{scheme}}://{{host}}/x%3Fsig%3D{SECRET}",
    "encoded twice": f"{{scheme}}://{{host}}/x%253Fsig%253D{SECRET}",
    "address in a parameter": f"{{scheme}}://{{host}}/x?next=https%3A%2F%2Fu%3A{SECRET}%40h",
    "address in the path": f"{{scheme}}://{{host}}/https://u:{SECRET}@h/x",
    "fragment": f"{{scheme}}://{{host}}/x#access_token={SECRET}",
    "only fragment": f"{{scheme}}://{{host}}/x#{SECRET}",
    "path parameter": f"{{scheme}}://{{host}}/x;jsessionid={SECRET}/y",
    "segment with a name": f"{{scheme}}://{{host}}/token={SECRET}/x",
    "segment after a name": f"{{scheme}}://{{host}}/token/{SECRET}/x",
}


def repository(prefix: str, store: Any, authorised: bool = True) -> frazil.Repository:
    container = frazil.VirtualChunkContainer(prefix, store)
    config = frazil.RepositoryConfig(virtual_chunk_containers={prefix: container}, storage=QUICK)
    access = {prefix: None if prefix.startswith("s3") else frazil.credentials.HttpAccess} if authorised else None
    return frazil.Repository.create(frazil.in_memory_storage(), config, authorize_virtual_chunk_access=access)


def web() -> frazil.ObjectStoreConfig.Http:
    return frazil.http_store({"allow_http": "true"})


def uses(location: str, prefix: str) -> dict[str, Callable[[], Any]]:
    """What may be done with a location, and with a prefix, that has a secret in it."""

    def read(repo: frazil.Repository, **more: Any) -> Any:
        store = repo.writable_session("main").store
        zarr.create_array(store, name="a", shape=(1,), chunks=(1,), dtype="u1", compressors=None)
        store.set_virtual_ref("a/c/0", location, offset=0, length=1, validate_container=False, **more)
        return zarr.open_array(store, path="a", mode="r")[0]

    def refer(repo: frazil.Repository) -> Any:
        store = repo.writable_session("main").store
        zarr.create_array(store, name="a", shape=(1,), chunks=(1,), dtype="u1", compressors=None)
        return store.set_virtual_ref("a/c/0", location, offset=0, length=1)

    def container() -> frazil.VirtualChunkContainer:
        return frazil.VirtualChunkContainer(prefix, web())

    def configured() -> frazil.RepositoryConfig:
        config = frazil.RepositoryConfig.default()
        config.set_virtual_chunk_container(container())
        return config

    host = location.partition("://")[2].rpartition("@")[2].partition("/")[0]
    s3 = {"bucket": "b", "prefix": "p", "region": "us-east-1", "allow_http": True, "anonymous": True}
    return {
        "read": lambda: read(repository(f"http://{host}/", web())),
        "read with an ETag": lambda: read(repository(f"http://{host}/", web()), checksum="e"),
        "read by the prefix": lambda: read(repository(prefix, web())),
        "read without authorisation": lambda: read(repository(prefix, web(), authorised=False)),
        "read without a container": lambda: read(repository("http://other/", web())),
        "refer": lambda: refer(repository(prefix, web())),
        "refer without a container": lambda: refer(repository("http://other/", web())),
        "no UTF-8": lambda: refer(repository(f"{prefix}%ff", web())),
        "container": container,
        "configuration": configured,
        "container of another store": lambda: frazil.RepositoryConfig(
            virtual_chunk_containers={prefix: frazil.VirtualChunkContainer(prefix, frazil.gcs_store())}
        ),
        "effective configuration": lambda: repository(prefix, web()).config,
        "wrong credentials": lambda: frazil.Repository.create(
            frazil.in_memory_storage(),
            configured(),
            authorize_virtual_chunk_access={prefix: frazil.Credentials.S3(cr.s3_credentials(**S3_KEYS))},
        ),
        "specification": lambda: frazil.VirtualChunkSpec([0], location, 0, 1),
        "options": lambda: frazil.S3Options(endpoint_url=location),
        "store": lambda: frazil.s3_store(endpoint_url=location, region="us-east-1"),
        "store with a header": lambda: frazil.http_store(
            {"proxy_url": location}, {"X-Api-Key": SECRET, "Cookie": SECRET}
        ),
        "store with a key": lambda: frazil.storage.azure_store(
            account="a", config={"azure_storage_account_key": SECRET}
        ),
        "s3": lambda: frazil.s3_storage(**s3, endpoint_url=location),
        "s3 opened": lambda: frazil.Repository.open(
            frazil.s3_storage(**s3, endpoint_url=location), frazil.RepositoryConfig(storage=QUICK)
        ),
        "http": lambda: frazil.http_storage(location),
        "http opened": lambda: frazil.Repository.open(
            frazil.http_storage(location), frazil.RepositoryConfig(storage=QUICK)
        ),
        "redirect": lambda: frazil.redirect_storage(location),
        "redirect opened": lambda: frazil.Repository.open(frazil.redirect_storage(location)),
    }


PLACES = tuple(uses("http://h/x", "http://h/"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("form", FORMS)
def test_no_address_shows_its_secrets(server, caplog, capfd, form: str) -> None:
    """In none of the places where it may show: every form in every place, with what is logged and pickled."""
    host = server.url.partition("://")[2]
    server.fault = lambda _: WRONG["refused"]
    for scheme in ("http", "s3", "nonsense", "HTTP"):
        location = FORMS[form].format(scheme=scheme, host=host)
        shown_by = {}
        for place, use in uses(location, f"{location}/").items():
            if scheme != "http" and "open" in place:
                continue
            with caplog.at_level(logging.DEBUG):
                try:
                    value = use()
                    shown_by[place] = "\n".join([shown(value), repr(getattr(value, "_backend", ""))])
                except Exception as error:  # noqa: BLE001 - whatever it is, it must not show them
                    shown_by[place] = told(error)
            shown_by[place] += "\n".join([caplog.text, *capfd.readouterr()])
            caplog.clear()
        showing = {place for place, text in shown_by.items() if any(planted in text for planted in PLANTED)}
        assert not showing, (location, {place: shown_by[place] for place in sorted(showing)[:1]})


@pytest.mark.parametrize("form", ["signature", "access token", "any parameter", "path parameter", "password"])
def test_a_warning_shows_no_secrets(form: str) -> None:
    location = FORMS[form].format(scheme="s3", host="bucket")
    with pytest.warns(DeprecationWarning, match="None") as caught:
        frazil.Repository.create(frazil.in_memory_storage(), authorize_virtual_chunk_access={location: None})
    assert_none_shown("".join(str(warning.message) for warning in caught))
