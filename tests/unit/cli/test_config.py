"""The config file: made by answering questions, shown without secrets, never overwritten unread."""

import stat
from pathlib import Path

import pytest

import frazil
from frazil.cli.config_file import ConfigFile
from frazil.cli.entries import open_entry
from tests.unit.cli.processes import Done, Shell, needs_xdg

pytestmark = needs_xdg


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_without_a_file_there_are_no_repositories(shell: Shell) -> None:
    assert shell("config", "list") == Done(0, "repos: {}\n", "")
    assert not shell.config_file().exists()


def test_init_asks_and_writes(shell: Shell, tmp_path: Path) -> None:
    done = shell("config", "init", typed=f"weather\nLocal\n{tmp_path / 'repo'}\n")
    assert (done.status, done.err) == (0, "")
    assert shell("repo", "create", "weather").status == 0
    assert frazil.Repository.exists(frazil.local_filesystem_storage(tmp_path / "repo"))
    assert stat.S_IMODE(shell.config_file().stat().st_mode) == 0o600


def test_init_overwrites_only_by_force(shell: Shell) -> None:
    shell("config", "add", "a", typed="Local\n/x\n")
    refused = shell("config", "init", typed="b\nLocal\n/y\n")
    assert refused == Done(1, "", "Config already exists and contains repositories. Use --force to overwrite.\n")
    assert "  a: !LocalFileSystem" in shell("config", "list").out
    assert shell("config", "init", "-f", typed="b\nLocal\n/y\n").status == 0
    listed = shell("config", "list").out
    assert "  b: !LocalFileSystem" in listed
    assert "  a:" not in listed


def test_add_keeps_what_is_there(shell: Shell) -> None:
    shell.config_file().parent.mkdir(parents=True)
    shell.config_file().write_text("repos:\n  strange: !FromTheFuture\n    key: [1, '2', null]\n")
    assert shell("config", "add", "a", typed="Local\n/x\n").status == 0
    listed = shell("config", "list").out
    assert "strange: !FromTheFuture\n    key:\n    - 1\n    - '2'\n    - null\n" in listed
    assert "  a: !LocalFileSystem\n    path: /x\n" in listed
    again = shell("config", "add", "a", typed="Local\n/y\n")
    assert again == Done(1, "", 'Repository RepositoryAlias("a") already exists\n')


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Local\n/data\n", ["path: /data"]),
        (
            "S3\nbucket\nfolder\nus-east-1\n\n",
            ["bucket: bucket", "prefix: folder", "region: us-east-1", "endpoint_url: null", "type: from_env"],
        ),
        ("s3\nb\np\nr\nhttp://localhost:9000\n", ["endpoint_url: http://localhost:9000"]),
        ("Tigris\nb\np\nauto\n\n", ["bucket: b", "region: auto"]),
        ("GCS\nb\np\n", ["bucket: b", "gcs_credential_type: from_env"]),
        ("Azure\nacc\ncont\np\n", ["account: acc", "container: cont", "az_credential_type: from_env"]),
    ],
    ids=lambda value: value.splitlines()[0] if isinstance(value, str) else "",
)
def test_every_kind_of_storage_can_be_added_and_opened(shell: Shell, typed: str, shown: list[str]) -> None:
    done = shell("config", "add", "a", typed=typed)
    assert (done.status, done.err) == (0, "")
    listed = shell("config", "list").out
    assert [line for line in shown if line not in listed] == []
    storage, config = open_entry(ConfigFile.read(shell.config_file()).entry("a"))
    assert isinstance(storage, frazil.Storage)
    assert config == frazil.RepositoryConfig()


def test_nobody_at_the_keyboard(shell: Shell) -> None:
    done = shell("config", "add", "a")
    assert done.status == 1
    assert "Aborted" in done.err
    assert not shell.config_file().exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("repos: [", "cannot be read"),
        ("repos: 1", "must hold a mapping `repos`"),
        ("- 1", "must hold a mapping `repos`"),
        ("repos:\n  a: {path: /x}", "`a` must be a mapping with a tag"),
        ("repos:\n  a: !S3 b", "`a` must be a mapping with a tag"),
    ],
)
def test_a_file_that_is_not_understood(shell: Shell, text: str, reason: str) -> None:
    shell.config_file().parent.mkdir(parents=True)
    shell.config_file().write_text(text)
    done = shell("config", "list")
    assert (done.status, done.out) == (1, "")
    assert str(shell.config_file()) in done.err
    assert reason in done.err


@pytest.mark.parametrize("command", ["config add b", "config init"])
def test_a_file_that_is_not_understood_is_left_alone(shell: Shell, command: str) -> None:
    shell.config_file().parent.mkdir(parents=True)
    shell.config_file().write_text("repos: [")
    done = shell(*command.split(), typed="Local\n/x\n/x\n")
    assert (done.status, done.out) == (1, "")
    assert shell.config_file().read_text() == "repos: ["


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("!FromTheFuture {}", "Unknown storage !FromTheFuture; known are !LocalFileSystem"),
        ("!LocalFileSystem {}", "the entry has no 'path'"),
        ("!S3 {location: {prefix: p}}", "the entry has no 'bucket'"),
        (
            "!S3 {location: {bucket: b}, credentials: {s3_credential_type: spell}}",
            "use one of from_env, anonymous, static",
        ),
        ("!GCS {location: {bucket: b}, credentials: {gcs_credential_type: spell}}", "use one of from_env, anonymous"),
        ("!LocalFileSystem {path: /x, config: {inline_chunk_threshold_bytes: many}}", "inline_chunk_threshold_bytes"),
    ],
)
def test_an_entry_that_does_not_fit(shell: Shell, entry: str, reason: str) -> None:
    shell.config_file().parent.mkdir(parents=True)
    shell.config_file().write_text(f"repos:\n  a: {entry}\n")
    done = shell("branch", "list", "a")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("Unknown" if "Unknown" in reason else 'Failed to open repository RepositoryAlias("a"): ')
    assert reason in done.err
    assert "Traceback" not in done.err


def test_secrets_are_not_shown_and_are_used(shell: Shell) -> None:
    shell.config_file().parent.mkdir(parents=True)
    shell.config_file().write_text(
        "repos:\n  a: !S3\n    location: {bucket: b}\n    object_store_config: {region: us-east-1}\n"
        "    credentials: {s3_credential_type: static, access_key_id: key, secret_access_key: hush}\n    config: {}\n"
    )
    listed = shell("config", "list").out
    assert "hush" not in listed
    assert "access_key_id: key\n" in listed
    assert shell("config", "add", "b", typed="Local\n/x\n").status == 0
    assert "secret_access_key: hush" in shell.config_file().read_text()


def test_the_configuration_of_an_entry_is_that_of_the_repository(shell: Shell, tmp_path: Path) -> None:
    shell.config_file().parent.mkdir(parents=True)
    shell.config_file().write_text(
        f"repos:\n  a: !LocalFileSystem\n    path: {tmp_path / 'repo'}\n    config: {{inline_chunk_threshold_bytes: 7}}\n"
    )
    assert shell("repo", "create", "a").status == 0
    stored = frazil.Repository.fetch_config(frazil.local_filesystem_storage(tmp_path / "repo"))
    assert stored is not None
    assert stored.inline_chunk_threshold_bytes == 7


def test_another_file_can_be_named(shell: Shell, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    assert shell("--config-file", other, "config", "add", "a", typed="Local\n/x\n").status == 0
    assert "path: /x" in other.read_text()
    assert "path: /x" in shell("config", "list", FRAZIL_CLI_CONFIG=str(other)).out
    assert not shell.config_file().exists()
