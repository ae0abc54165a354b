"""The functions that make storage handles: in memory, in directories, on web servers, at Google's and Azure's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike

from frazil.names import public
from frazil.storage.credentials.azure import azure_credentials
from frazil.storage.credentials.gcs import GcsBearerCredential, gcs_credentials
from frazil.storage.storage import Storage


@public
def in_memory_storage() -> Storage:
    """Storage in the memory of this process: for tests and for trying things out.

    Copies of the handle share the data.  Pickles do not carry it: another process sees an empty storage.
    """
    return Storage.new_in_memory()


@public
def local_filesystem_storage(path: str | PathLike[str], *, durable: bool = True) -> Storage:
    """Storage in a directory, which is made when something is first written.

    Processes on one machine can commit at the same time; on shared file systems that needs working locks.  Symbolic links
    are followed, and never written or deleted through; what is no regular file is refused.

    Parameters
    ----------
    path
        The directory.
    durable
        Put everything that a commit refers to on stable storage before the commit is visible.  Without it the loss of
        power can damage recent commits; the end of a process never does.
    """
    return Storage.new_local_filesystem(path, durable=durable)


@public
def http_storage(
    base_url: str,
    opts: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    *,
    redirect_hosts: Iterable[str] = (),
) -> Storage:
    """Storage on a web server, for reading only.

    Parameters
    ----------
    base_url
        Where the files of the repository are.
    opts
        Options of the object store client.
    headers
        Headers that go with every request, but never to another origin that the server redirects to.
    redirect_hosts
        Hosts that the server may redirect to although they are on this machine, its link or a private network; public
        ones need no mention.
    """
    return Storage.new_http(base_url, opts, headers, redirect_hosts=redirect_hosts)


@public
def redirect_storage(base_url: str, *, redirect_hosts: Iterable[str] = ()) -> Storage:
    """Storage at the place to which a web address redirects, for reading only.

    Up to ten HTTP redirects are followed, when the storage is first used, until one leads to ``s3://bucket/prefix?region=R``,
    ``r2://bucket/prefix?region=R&account_id=A``, ``tigris://bucket/prefix?region=R``, ``gs://bucket/prefix`` or
    ``https+icechunk://host/path``.  What is there is opened without credentials.

    Parameters
    ----------
    base_url
        The address that redirects.
    redirect_hosts
        Hosts that it may lead to although they are on this machine, its link or a private network; its own host and
        public ones need no mention.
    """
    return Storage.new_redirect(base_url, redirect_hosts=redirect_hosts)


@public
def gcs_storage(
    *,
    bucket: str,
    prefix: str | None,
    service_account_file: str | None = None,
    service_account_key: str | None = None,
    application_credentials: str | None = None,
    bearer_token: str | None = None,
    anonymous: bool | None = None,
    from_env: bool | None = None,
    config: dict[str, str] | None = None,
    get_credentials: Callable[[], GcsBearerCredential] | None = None,
    scatter_initial_credentials: bool = False,
    read_headers: dict[str, str] | None = None,
    write_headers: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Storage:
    """Storage in a bucket of Google Cloud Storage.

    Parameters
    ----------
    bucket, prefix
        Where the repository is.
    service_account_file, service_account_key, application_credentials, bearer_token, anonymous, from_env, \
get_credentials, scatter_initial_credentials
        Credentials, as ``gcs_credentials`` takes them; those of the environment if none are given.
    config
        Options of the object store client.
    read_headers, write_headers, headers
        HTTP headers that go with requests that read, that write, and with all; the more specific ones win.
    """
    credentials = gcs_credentials(
        service_account_file=service_account_file,
        service_account_key=service_account_key,
        application_credentials=application_credentials,
        bearer_token=bearer_token,
        from_env=from_env,
        anonymous=anonymous,
        get_credentials=get_credentials,
        scatter_initial_credentials=scatter_initial_credentials,
    )
    return Storage.new_gcs(
        bucket,
        prefix,
        credentials,
        config=config,
        read_headers=read_headers,
        write_headers=write_headers,
        headers=headers,
    )


@public
def azure_storage(
    *,
    account: str,
    container: str,
    prefix: str,
    access_key: str | None = None,
    sas_token: str | None = None,
    bearer_token: str | None = None,
    from_env: bool | None = None,
    anonymous: bool | None = None,
    config: dict[str, str] | None = None,
) -> Storage:
    """Storage in a container of Azure Blob Storage.

    Parameters
    ----------
    account, container, prefix
        Where the repository is.
    access_key, sas_token, bearer_token, from_env, anonymous
        Credentials, as ``azure_credentials`` takes them; those of the environment if none are given.
    config
        Options of the object store client.
    """
    credentials = azure_credentials(
        access_key=access_key, sas_token=sas_token, bearer_token=bearer_token, from_env=from_env, anonymous=anonymous
    )
    return Storage.new_azure_blob(account, container, prefix, credentials, config=config)
