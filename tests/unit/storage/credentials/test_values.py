"""How credentials show themselves, compare and travel."""

import pickle
from datetime import UTC, datetime

import pytest

import frazil
from frazil import credentials as cr

WHEN = datetime(2030, 1, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "do-not-show"


def give() -> frazil.S3StaticCredentials:
    return frazil.S3StaticCredentials("AKIAsomething", SECRET, SECRET)


EVERYTHING = [
    cr.s3_static_credentials(access_key_id="AKIAsomething", secret_access_key=SECRET, session_token=SECRET),
    cr.s3_anonymous_credentials(),
    cr.s3_from_env_credentials(),
    cr.s3_refreshable_credentials(give, scatter_initial_credentials=True),
    frazil.GcsBearerCredential(SECRET, expires_after=WHEN),
    frazil.GcsCredentials.Static(frazil.GcsStaticCredentials.ServiceAccountKey(SECRET)),
    frazil.GcsStaticCredentials.BearerToken(SECRET),
    frazil.AzureCredentials.Static(frazil.AzureStaticCredentials.SasToken(SECRET)),
    frazil.AzureRefreshableCredential.AccessKey(SECRET, expires_after=WHEN),
    frazil.AzureRefreshableCredential.BearerToken(SECRET),
    frazil.Credentials.S3(cr.s3_static_credentials(access_key_id="a", secret_access_key=SECRET)),
    cr.HttpAccess,
    cr.LocalFileSystemAccess,
    give(),
]


@pytest.mark.parametrize("thing", EVERYTHING, ids=lambda thing: type(thing).__qualname__)
def test_no_secret_is_shown(thing) -> None:
    for text in (repr(thing), str(thing), f"{thing}"):
        assert SECRET not in text
    if hasattr(thing, "_repr_html_"):
        assert SECRET not in thing._repr_html_()


@pytest.mark.parametrize("thing", EVERYTHING, ids=lambda thing: type(thing).__qualname__)
def test_pickles_carry_everything(thing) -> None:
    copy = pickle.loads(pickle.dumps(thing))
    assert copy == thing
    assert type(copy) is type(thing)


def test_access_keys() -> None:
    key = frazil.S3StaticCredentials("abcdefgh", SECRET, None, WHEN)
    assert (
        str(key)
        == repr(key)
        == (
            "<frazil.credentials.S3StaticCredentials>\naccess_key_id: abcd****\nsecret_access_key: ****\n"
            "session_token: None\nexpires_after: datetime.datetime(2030,1,1,2,3,4,5, tzinfo=datetime.timezone.utc)\n"
        )
    )
    key.session_token = "t"
    assert "session_token: ****" in str(key)
    with pytest.raises(TypeError):
        key.secret_access_key = None  # type: ignore[assignment]
    with pytest.raises(TypeError, match="non-None tzinfo"):
        key.expires_after = datetime(2030, 1, 1)  # noqa: DTZ001 - naive on purpose


def test_kinds_are_named() -> None:
    assert repr(cr.s3_from_env_credentials()) == "frazil.S3Credentials.FromEnv()"
    assert repr(EVERYTHING[0]) == "frazil.S3Credentials.Static(****)"
    assert isinstance(EVERYTHING[0], frazil.S3Credentials)


def test_scattering_calls_the_function_at_once() -> None:
    assert cr.s3_refreshable_credentials(give).current is None
    assert cr.s3_refreshable_credentials(give, True).current == give()
    with pytest.raises(TypeError, match="S3StaticCredentials"):
        cr.s3_refreshable_credentials(dict, True)


def test_functions_must_travel() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        cr.s3_refreshable_credentials(lambda: give())
