"""From credentials to what the extension is given to authenticate with."""

from __future__ import annotations

from frazil.storage.credentials.azure import AzureCredentials, AzureRefreshableCredential, AzureStaticCredentials
from frazil.storage.credentials.gcs import GcsBearerCredential, GcsCredentials, GcsStaticCredentials
from frazil.storage.credentials.profile_keys import ProfileKeys
from frazil.storage.credentials.profiles import keys_from_elsewhere, s3_keys
from frazil.storage.credentials.refresh import Refresher, refresher_of
from frazil.storage.credentials.s3 import S3Credentials, S3StaticCredentials
from frazil.storage.remote import Access, Options


def s3_access(credentials: S3Credentials | None, *, anonymous: bool = False) -> Access:
    """For S3; no credentials at all mean those of the environment, unless ``anonymous``."""
    match credentials:
        case S3Credentials.Static(key):
            return Access(_s3_options(key))
        case S3Credentials.Refreshable():
            key_source: Refresher[S3StaticCredentials] = refresher_of(credentials)
            return Access(provider=lambda: _s3_options(key_source()))
        case S3Credentials.Anonymous():
            return Access({"aws_skip_signature": "true"})
        case _:
            return Access({"aws_skip_signature": "true"}) if anonymous else _s3_environment()


def _s3_environment() -> Access:
    elsewhere = keys_from_elsewhere()
    if elsewhere is None:
        return Access(s3_keys(), from_env=True)
    return Access(provider=ProfileKeys(*elsewhere), from_env=True)


def _s3_options(key: S3StaticCredentials) -> Options:
    options = {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}
    return options if key.session_token is None else {**options, "aws_session_token": key.session_token}


def gcs_access(credentials: GcsCredentials | None) -> Access:
    """For Google Cloud Storage; no credentials at all mean those of the environment."""
    match credentials:
        case GcsCredentials.Static(static):
            return Access(_gcs_options(static))
        case GcsCredentials.Refreshable():
            token_source: Refresher[GcsBearerCredential] = refresher_of(credentials)
            return Access(provider=lambda: {"google_bearer_token": token_source().bearer})
        case GcsCredentials.Anonymous():
            return Access({"google_skip_signature": "true"})
        case _:
            return Access(from_env=True)


def _gcs_options(static: GcsStaticCredentials) -> Options:
    match static:
        case GcsStaticCredentials.ServiceAccount(path):
            return {"google_service_account": path}
        case GcsStaticCredentials.ServiceAccountKey(key):
            return {"google_service_account_key": key}
        case GcsStaticCredentials.ApplicationCredentials(path):
            return {"google_application_credentials": path}
        case GcsStaticCredentials.BearerToken(token):
            return {"google_bearer_token": token}
        case _:
            return {}


def azure_access(credentials: AzureCredentials | None) -> Access:
    """For Azure Blob Storage; no credentials at all mean those of the environment."""
    match credentials:
        case AzureCredentials.Static(static):
            return Access(_azure_options(static))
        case AzureCredentials.Refreshable():
            source: Refresher[AzureRefreshableCredential] = refresher_of(credentials)
            return Access(provider=lambda: _azure_options(source()))
        case AzureCredentials.Anonymous():
            return Access({"azure_skip_signature": "true"})
        case _:
            return Access(from_env=True)


def _azure_options(credential: AzureStaticCredentials | AzureRefreshableCredential) -> Options:
    match credential:
        case AzureStaticCredentials.AccessKey(secret) | AzureRefreshableCredential.AccessKey(secret):
            return {"azure_storage_account_key": secret}
        case AzureStaticCredentials.SasToken(secret) | AzureRefreshableCredential.SasToken(secret):
            return {"azure_storage_sas_key": secret}
        case AzureStaticCredentials.BearerToken(secret) | AzureRefreshableCredential.BearerToken(secret):
            return {"azure_storage_token": secret}
        case _:
            return {}
