"""The command line: ``config``, ``repo``, ``ancestry``, ``branch`` and ``tag``.

Results go to standard output, failures to standard error with status 1, mistakes in the usage with status 2.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from frazil import Repository
from frazil.cli.click import click
from frazil.cli.config_file import ConfigFile, shown
from frazil.cli.entries import KINDS, entry_of, open_entry
from frazil.cli.failure import Failure, failing
from frazil.cli.groups import Commands
from frazil.config.persistence.tree import Tagged
from frazil.errors import InvalidInputError, RefNotFoundError, SnapshotNotFoundError, StorageError
from frazil.version import __version__

_alias = click.argument("alias")


def _default_path() -> Path:
    return Path(click.get_app_dir("frazil")) / "cli-config.yaml"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_default_path,
    envvar="FRAZIL_CLI_CONFIG",
    help="Where aliases are kept. Default: cli-config.yaml in the user's configuration folder. "
    "The official tool's file has the same shape.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def frazil(context: click.Context, config_file: Path) -> None:
    """Version-controlled storage for Zarr arrays."""
    context.obj = config_file


# ---- config --------------------------------------------------------------------------------------------------------


@frazil.group("config")
def _config() -> None:
    """Manage configuration."""


@_config.command("init")
@click.option("-f", "--force", is_flag=True, help="Overwrite existing config")
@click.pass_obj
def _config_init(path: Path, *, force: bool) -> None:
    """Interactively create a new config file."""
    if not force and ConfigFile.read(path).repos:
        raise Failure("Config already exists and contains repositories. Use --force to overwrite.")
    alias = click.prompt("Enter alias")
    ConfigFile(path, {alias: _ask()}).write()


@_config.command("add")
@_alias
@click.pass_obj
def _config_add(path: Path, alias: str) -> None:
    """Interactively add a repository to the config. Config is created if it doesn't exist."""
    file = ConfigFile.read(path)
    if alias in file.repos:
        raise Failure(f"Repository {shown(alias)} already exists")
    file.with_repo(alias, _ask()).write()


@_config.command("list")
@click.pass_obj
def _config_list(path: Path) -> None:
    """Print the current config."""
    click.echo(ConfigFile.read(path).text_without_secrets(), nl=False)


def _ask() -> Tagged:
    """Where the repository is, from whoever is at the keyboard."""
    titles = [kind.title for kind in KINDS]
    title = click.prompt("Select repository type", type=click.Choice(titles, case_sensitive=False), default=titles[0])
    kind = next(kind for kind in KINDS if kind.title == title)
    answers: dict[str, str | None] = {}
    for question in kind.questions:
        answer = click.prompt(question.text, default="" if question.optional else None, show_default=False)
        answers[question.name] = answer or None
    return entry_of(kind, answers)


# ---- repositories --------------------------------------------------------------------------------------------------


@frazil.group("repo")
def _repo() -> None:
    """Manage repositories."""


@_repo.command("create")
@_alias
@click.pass_obj
def _repo_create(path: Path, alias: str) -> None:
    """Create a repository."""
    try:
        entry = ConfigFile.read(path).entry(alias)
        with failing(f"Failed to create repository {shown(alias)}"):
            storage, config = open_entry(entry)
            Repository.create(storage, config)
    except Failure as failure:
        raise Failure(f"❌ {failure.message}") from failure
    click.echo(f"✅ Created repository {shown(alias)}")


def _open(path: Path, alias: str) -> Repository:
    entry = ConfigFile.read(path).entry(alias)
    with failing(f"Failed to open repository {shown(alias)}"):
        storage, config = open_entry(entry)
        return Repository.open(storage, config)


def _resolve(repo: Repository, reference: str) -> str:
    """The snapshot that a reference names."""
    with failing(f"Failed to look up `{reference}`"):
        try:
            return repo.lookup_snapshot(reference).id
        except (InvalidInputError, SnapshotNotFoundError):
            pass
        except StorageError as problem:
            # What spec 1 says of a snapshot that is not there.
            if problem.kind != "object-not-found":
                raise
        for look_up in (repo.lookup_branch, repo.lookup_tag):
            try:
                return look_up(reference)
            except (InvalidInputError, RefNotFoundError):
                continue
    raise Failure(f"`{reference}` is not a valid snapshot id, branch, or tag")


@frazil.command("ancestry", short_help="Show ancestry of a branch, tag or snapshot")
@_alias
@click.argument("reference", default="main")
@click.option(
    "-n", "count", metavar="N", type=click.IntRange(min=0), default=10, show_default=True, help="Snapshots to list."
)
@click.pass_obj
def _ancestry(path: Path, alias: str, reference: str, count: int) -> None:
    """Show the history of REFERENCE, newest snapshot first: a snapshot id, a branch or a tag; main if not given."""
    repo = _open(path, alias)
    snapshot = _resolve(repo, reference)
    with failing(f"Failed to read the history of `{reference}`"):
        for info in islice(repo.ancestry(snapshot_id=snapshot), count):
            message = "\n".join(f"  {line}".rstrip() for line in info.message.split("\n"))
            click.echo(f"Snapshot: {info.id}\nDate: {info.written_at:%B %d %Y  %H:%M:%S}\n\n{message}\n")


# ---- branches ------------------------------------------------------------------------------------------------------


@frazil.group("branch")
def _branch() -> None:
    """Manage branches."""


@_branch.command("list")
@_alias
@click.pass_obj
def _branch_list(path: Path, alias: str) -> None:
    """List branches."""
    repo = _open(path, alias)
    with failing("Failed to list branches"):
        for name in sorted(repo.list_branches()):
            click.echo(f"{repo.lookup_branch(name)}  {name}")


@_branch.command("create")
@_alias
@click.argument("branch")
@click.argument("source", metavar="FROM")
@click.pass_obj
def _branch_create(path: Path, alias: str, branch: str, source: str) -> None:
    """Create BRANCH at FROM: a snapshot id, a branch or a tag, looked up in this order."""
    repo = _open(path, alias)
    snapshot = _resolve(repo, source)
    with failing(f'Failed to create branch "{branch}" from "{source}"'):
        repo.create_branch(branch, snapshot)
    click.echo(f'✅ Created branch "{branch}" from "{source}" in repository {shown(alias)}')


@_branch.command("delete")
@_alias
@click.argument("branch")
@click.pass_obj
def _branch_delete(path: Path, alias: str, branch: str) -> None:
    """Delete branch."""
    repo = _open(path, alias)
    with failing(f'Failed to delete branch "{branch}"'):
        repo.delete_branch(branch)
    click.echo(f'✅ Deleted branch "{branch}" in repository {shown(alias)}')


# ---- tags ----------------------------------------------------------------------------------------------------------


@frazil.group("tag")
def _tag() -> None:
    """Manage tags."""


@_tag.command("list")
@_alias
@click.pass_obj
def _tag_list(path: Path, alias: str) -> None:
    """List tags."""
    repo = _open(path, alias)
    with failing("Failed to list tags"):
        for name in sorted(repo.list_tags()):
            click.echo(f"{repo.lookup_tag(name)}  {name}")


@_tag.command("create")
@_alias
@click.argument("tag")
@click.argument("target")
@click.pass_obj
def _tag_create(path: Path, alias: str, tag: str, target: str) -> None:
    """Create TAG at TARGET: a snapshot id, a branch or a tag, looked up in this order."""
    repo = _open(path, alias)
    snapshot = _resolve(repo, target)
    with failing(f'Failed to create tag "{tag}" from "{target}"'):
        repo.create_tag(tag, snapshot)
    click.echo(f'✅ Created tag "{tag}" for {snapshot} in repository {shown(alias)}')


@_tag.command("delete")
@_alias
@click.argument("tag")
@click.pass_obj
def _tag_delete(path: Path, alias: str, tag: str) -> None:
    """Delete tag."""
    repo = _open(path, alias)
    with failing(f'Failed to delete tag "{tag}"'):
        repo.delete_tag(tag)
    click.echo(f'✅ Deleted tag "{tag}" in repository {shown(alias)}')
