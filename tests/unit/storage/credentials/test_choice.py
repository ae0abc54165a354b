"""Which credentials the arguments speak of."""

from datetime import UTC, datetime

import pytest

import frazil
from frazil import credentials as cr

KEY = {"access_key_id": "a", "secret_access_key": "b"}


def give_s3() -> frazil.S3StaticCredentials:
    return frazil.S3StaticCredentials("given", "secret")


def give_gcs() -> frazil.GcsBearerCredential:
    return frazil.GcsBearerCredential("token")


def give_azure() -> frazil.AzureRefreshableCredential:
    return frazil.AzureRefreshableCredential.BearerToken("token")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, "FromEnv"),
        ({"anonymous": False}, "FromEnv"),
        ({"from_env": True}, "FromEnv"),
        ({"anonymous": True}, "Anonymous"),
        ({"anonymous": True, "from_env": False}, "Anonymous"),
        (KEY, "Static"),
        ({**KEY, "session_token": "t", "from_env": False, "anonymous": False}, "Static"),
        ({"get_credentials": give_s3}, "Refreshable"),
    ],
)
def test_s3(arguments, kind: str) -> None:
    assert type(cr.s3_credentials(**arguments)) is getattr(frazil.S3Credentials, kind)


@pytest.mark.parametrize(
    "arguments",
    [
        {"from_env": False},
        {"anonymous": True, "from_env": True},
        {"access_key_id": "a"},
        {"session_token": "a"},
        {"expires_after": datetime(2030, 1, 1, tzinfo=UTC)},
        {**KEY, "anonymous": True},
        {**KEY, "from_env": True},
        {**KEY, "get_credentials": give_s3},
        {"get_credentials": give_s3, "anonymous": True},
        {"get_credentials": give_s3, "from_env": True},
    ],
)
def test_s3_conflicts(arguments) -> None:
    with pytest.raises(ValueError, match="Conflicting arguments to s3_credentials function"):
        cr.s3_credentials(**arguments)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, "FromEnv"),
        ({"anonymous": True, "from_env": True}, "Anonymous"),
        ({"service_account_file": "f"}, "Static"),
        ({"get_credentials": give_gcs}, "Refreshable"),
        ({"get_credentials": give_gcs, "from_env": False}, "Refreshable"),
    ],
)
def test_gcs(arguments, kind: str) -> None:
    assert type(cr.gcs_credentials(**arguments)) is getattr(frazil.GcsCredentials, kind)


@pytest.mark.parametrize(
    "arguments",
    [
        {"from_env": False},
        {"service_account_file": "f", "from_env": True},
        {"bearer_token": "t", "get_credentials": give_gcs},
    ],
)
def test_gcs_conflicts(arguments) -> None:
    with pytest.raises(ValueError, match="Conflicting arguments to gcs_credentials function"):
        cr.gcs_credentials(**arguments)


def test_gcs_static_takes_the_first() -> None:
    kinds = frazil.GcsStaticCredentials
    assert cr.gcs_static_credentials(service_account_file="f", bearer_token="t") == kinds.ServiceAccount("f")
    assert cr.gcs_static_credentials(service_account_key="k") == kinds.ServiceAccountKey("k")
    assert cr.gcs_static_credentials(application_credentials="p") == kinds.ApplicationCredentials("p")
    assert cr.gcs_static_credentials(bearer_token="t") == kinds.BearerToken("t")
    assert kinds.BearerToken("t") != kinds.ServiceAccount("t")
    with pytest.raises(ValueError, match="Conflicting arguments to gcs_static_credentials function"):
        cr.gcs_static_credentials()


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, "FromEnv"),
        ({"anonymous": True, "access_key": "k"}, "Anonymous"),
        ({"get_credentials": give_azure, "access_key": "k"}, "Refreshable"),
        ({"access_key": "k"}, "Static"),
    ],
)
def test_azure(arguments, kind: str) -> None:
    assert type(cr.azure_credentials(**arguments)) is getattr(frazil.AzureCredentials, kind)


def test_azure_conflicts() -> None:
    for arguments in ({"from_env": False}, {"from_env": True, "access_key": "k"}):
        with pytest.raises(ValueError, match="Conflicting arguments to azure_credentials function"):
            cr.azure_credentials(**arguments)
    for keys in ({}, {"access_key": "k", "sas_token": "s"}):
        with pytest.raises(ValueError, match="Conflicting arguments to azure_static_credentials function"):
            cr.azure_static_credentials(**keys)


def test_containers() -> None:
    wrapped = cr.containers_credentials(
        {
            "s3://a/": frazil.S3Credentials.FromEnv(),
            "gs://a/": frazil.GcsCredentials.Anonymous(),
            "az://a/": frazil.AzureCredentials.FromEnv(),
            "file:///a/": cr.LocalFileSystemAccess,
            "http://a/": cr.HttpAccess,
            "s3://b/": None,
            "s3://c/": frazil.Credentials.S3(frazil.S3Credentials.Anonymous()),
        }
    )
    assert wrapped == {
        "s3://a/": frazil.Credentials.S3(frazil.S3Credentials.FromEnv()),
        "gs://a/": frazil.Credentials.Gcs(frazil.GcsCredentials.Anonymous()),
        "az://a/": frazil.Credentials.Azure(frazil.AzureCredentials.FromEnv()),
        "file:///a/": frazil.Credentials.LocalFileSystemAccess(),
        "http://a/": frazil.Credentials.HttpAccess(),
        "s3://b/": None,
        "s3://c/": frazil.Credentials.S3(frazil.S3Credentials.Anonymous()),
    }
    for other in (3, frazil.S3StaticCredentials("a", "b")):
        with pytest.raises(ValueError, match="Unknown credential type <class"):
            cr.containers_credentials({"a": other})


def test_wrappers_take_their_own_kind_only() -> None:
    with pytest.raises(TypeError, match="S3Credentials"):
        frazil.Credentials.S3(frazil.GcsCredentials.FromEnv())
    with pytest.raises(TypeError, match="S3StaticCredentials"):
        frazil.S3Credentials.Static("key")
