"""Every subcommand: what it prints where, what it changes, and the status it leaves with."""

import re
from pathlib import Path

import pytest

import frazil
from tests.unit.cli.processes import Done, Shell, shell_with

ROOT_ID = "1CECHNKREP0F1RSTCMT0"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "repo"


@pytest.fixture
def shell(tmp_path: Path, directory: Path) -> Shell:
    """Knows the alias ``r``, whose repository does not exist yet."""
    return shell_with(tmp_path, {"r": directory})


@pytest.fixture
def repo(directory: Path) -> frazil.Repository:
    """Behind the alias ``r``, with one commit, a branch ``dev`` at the root and a tag ``v1`` at the tip."""
    repo = frazil.Repository.create(frazil.local_filesystem_storage(directory))
    repo.writable_session("main").commit("First\n\nwith a second paragraph", allow_empty=True)
    repo.create_branch("dev", ROOT_ID)
    repo.create_tag("v1", repo.lookup_branch("main"))
    return repo


# ---- repositories, branches, tags, history --------------------------------------------------------------------------


def test_repo_create(shell: Shell, directory: Path) -> None:
    assert shell("repo", "create", "r") == Done(0, '✅ Created repository RepositoryAlias("r")\n', "")
    assert frazil.Repository.exists(frazil.local_filesystem_storage(directory))
    again = shell("repo", "create", "r")
    assert (again.status, again.out) == (1, "")
    assert again.err.startswith('❌ Failed to create repository RepositoryAlias("r"): ')
    assert "there is a repository here already" in again.err


def test_branch_list(shell: Shell, repo: frazil.Repository) -> None:
    tip = repo.lookup_branch("main")
    assert shell("branch", "list", "r") == Done(0, f"{ROOT_ID}  dev\n{tip}  main\n", "")


def test_tag_list(shell: Shell, repo: frazil.Repository) -> None:
    assert shell("tag", "list", "r") == Done(0, f"{repo.lookup_tag('v1')}  v1\n", "")


@pytest.mark.parametrize("source", ["main", "v1", "the snapshot"])
def test_branch_create_takes_any_reference(shell: Shell, repo: frazil.Repository, source: str) -> None:
    source = repo.lookup_tag("v1") if source == "the snapshot" else source
    said = f'✅ Created branch "new" from "{source}" in repository RepositoryAlias("r")\n'
    assert shell("branch", "create", "r", "new", source) == Done(0, said, "")
    assert repo.lookup_branch("new") == repo.lookup_tag("v1")


def test_a_name_of_both_a_branch_and_a_tag_is_the_branch(shell: Shell, repo: frazil.Repository) -> None:
    repo.create_tag("dev", repo.lookup_branch("main"))
    assert f"for {ROOT_ID} in" in shell("tag", "create", "r", "t", "dev").out


def test_branch_delete(shell: Shell, repo: frazil.Repository) -> None:
    said = '✅ Deleted branch "dev" in repository RepositoryAlias("r")\n'
    assert shell("branch", "delete", "r", "dev") == Done(0, said, "")
    assert repo.list_branches() == {"main"}


def test_tag_create_and_delete(shell: Shell, repo: frazil.Repository) -> None:
    said = f'✅ Created tag "v0" for {ROOT_ID} in repository RepositoryAlias("r")\n'
    assert shell("tag", "create", "r", "v0", "dev") == Done(0, said, "")
    assert repo.lookup_tag("v0") == ROOT_ID
    assert shell("tag", "delete", "r", "v0") == Done(0, '✅ Deleted tag "v0" in repository RepositoryAlias("r")\n', "")
    assert repo.list_tags() == {"v1"}


def test_ancestry(shell: Shell, repo: frazil.Repository) -> None:
    newest, root = repo.ancestry(branch="main")
    first, last = (f"Snapshot: {s.id}\nDate: {s.written_at:%B %d %Y  %H:%M:%S}\n\n" for s in (newest, root))
    first += "  First\n\n  with a second paragraph\n\n"
    last += "  Repository initialized\n\n"
    assert shell("ancestry", "r") == Done(0, first + last, "")
    assert shell("ancestry", "r", "v1", "-n", "1").out == first
    assert shell("ancestry", "r", "dev").out == last
    assert shell("ancestry", "r", newest.id, "-n", "0").out == ""


def test_ancestry_stops_after_ten(shell: Shell, repo: frazil.Repository) -> None:
    for number in range(10):
        repo.writable_session("main").commit(f"number {number}", allow_empty=True)
    assert re.findall(r"number (\d)", shell("ancestry", "r").out) == list("9876543210")
    assert shell("ancestry", "r", "-n", "100").out.count("Snapshot: ") == 12


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "branch list nope",
            'Repository RepositoryAlias("nope") not found in config; `frazil config add nope` adds it',
        ),
        (
            "repo create nope",
            '❌ Repository RepositoryAlias("nope") not found in config; `frazil config add nope` adds it',
        ),
        ("branch create r new nope", "`nope` is not a valid snapshot id, branch, or tag"),
        (f"branch create r new {'Z' * 20}", f"`{'Z' * 20}` is not a valid snapshot id, branch, or tag"),
        ("ancestry r nope", "`nope` is not a valid snapshot id, branch, or tag"),
        ("tag create r t nope", "`nope` is not a valid snapshot id, branch, or tag"),
        ("branch create r dev main", 'Failed to create branch "dev" from "main": branch already exists'),
        ("branch delete r main", 'Failed to delete branch "main": main branch cannot be deleted'),
        ("branch delete r nope", 'Failed to delete branch "nope": ref not found'),
        ("tag create r v1 dev", 'Failed to create tag "v1" from "dev": tag already exists'),
        ("tag delete r nope", 'Failed to delete tag "nope": ref not found'),
    ],
)
def test_failures_say_what_and_why(shell: Shell, repo: frazil.Repository, arguments: str, said: str) -> None:
    done = shell(*arguments.split())
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(said)
    assert "Traceback" not in done.err
    assert "context:" not in done.err


def test_a_repository_that_is_not_there(shell: Shell, directory: Path) -> None:
    done = shell("branch", "list", "r")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith('Failed to open repository RepositoryAlias("r"): the repository doesn\'t exist')
    assert not directory.exists()


def test_references_of_spec_1(shell: Shell, directory: Path) -> None:
    repo = frazil.Repository.create(frazil.local_filesystem_storage(directory), spec_version=1)
    repo.create_tag("v1", ROOT_ID)
    assert shell("ancestry", "r", "v1").out.startswith(f"Snapshot: {ROOT_ID}\n")
    unknown = shell("ancestry", "r", "0" * 20)
    assert (unknown.status, unknown.err) == (1, f"`{'0' * 20}` is not a valid snapshot id, branch, or tag\n")


# ---- usage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Usage: frazil [OPTIONS] COMMAND"),
        ("branch", "Usage: frazil branch [OPTIONS] COMMAND"),
        ("bogus", "No such command 'bogus'"),
        ("help branch bogus", "No such command 'bogus'"),
        ("repo create", "Missing argument 'ALIAS'"),
        ("branch list r extra", "unexpected extra argument (extra)"),
        ("config list --zz", "No such option"),
        ("ancestry r -n x", "Invalid value for '-n'"),
        ("ancestry r -n -1", "Invalid value for '-n'"),
    ],
)
def test_mistakes_in_the_usage_leave_with_2(shell: Shell, arguments: str, said: str) -> None:
    done = shell(*arguments.split())
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_help_is_on_standard_output(shell: Shell) -> None:
    everything = shell("--help")
    assert (everything.status, everything.err) == (0, "")
    assert re.findall(r"^  (\w+)  ", everything.out, re.MULTILINE) == [
        "config",
        "repo",
        "ancestry",
        "branch",
        "tag",
        "help",
    ]
    assert shell("help", "branch", "create") == shell("branch", "create", "-h")
    assert shell("branch", "help", "create").out == shell("branch", "create", "-h").out


def test_version(shell: Shell) -> None:
    assert shell("--version") == Done(0, f"frazil {frazil.__version__}\n", "")
