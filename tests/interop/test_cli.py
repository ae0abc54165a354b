"""Our command and the official one on the same repositories and the same config files."""

import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

import frazil
from tests.unit.cli.processes import Done, Shell, needs_xdg, shell_with

pytestmark = [pytest.mark.interop, needs_xdg]


@pytest.fixture
def shells(tmp_path: Path) -> tuple[Shell, Shell]:
    """Ours and the official one, each with a copy of one repository under the alias ``r``."""
    command = shutil.which("icechunk", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("the official package is not installed")
    if Version(metadata.version("icechunk")).major < 2:
        pytest.skip("the official tool of the 1.x releases has other subcommands")
    made = tmp_path / "made"
    repo = frazil.Repository.create(frazil.local_filesystem_storage(made))
    for number in range(3):
        repo.writable_session("main").commit(f"number {number}", allow_empty=True)
    repo.create_branch("dev", "1CECHNKREP0F1RSTCMT0")
    repo.create_tag("v1", repo.lookup_branch("main"))
    both = []
    for name, program in (("frazil", None), ("icechunk", (command,))):
        home = tmp_path / name
        shutil.copytree(made, home / "repo")
        repos = {"r": home / "repo", "empty": home / "empty"}
        both.append(shell_with(home, repos, program, name) if program else shell_with(home, repos))
    return both[0], both[1]


SAME_OUTPUT = [
    "branch list r",
    "tag list r",
    "ancestry r",
    "ancestry r v1 -n 2",
    "ancestry r 1CECHNKREP0F1RSTCMT0",
    "branch create r new main",
    "branch delete r dev",
    "tag create r v2 dev",
    "tag delete r v1",
    "repo create empty",
]
SAME_STATUS = [
    "",
    "bogus",
    "repo create nope",
    "branch list empty",
    "branch create r dev main",
    "branch create r new nope",
    "branch delete r main",
    "tag create r v1 main",
    "ancestry r -n x",
    "config init",
    "config add r",
]


@pytest.mark.parametrize("command", SAME_OUTPUT)
def test_same_output(shells: tuple[Shell, Shell], command: str) -> None:
    ours, theirs = (shell(*command.split()) for shell in shells)
    assert (ours.status, ours.out) == (theirs.status, theirs.out)
    assert ours.status == 0


@pytest.mark.parametrize("command", SAME_STATUS)
def test_same_status(shells: tuple[Shell, Shell], command: str) -> None:
    ours, theirs = (shell(*command.split()) for shell in shells)
    assert ours.status == theirs.status != 0
    assert (ours.out, bool(ours.err)) == (theirs.out, bool(theirs.err)) == ("", True)


@pytest.mark.parametrize(
    "typed",
    ["Local\n/x\n", "S3\nb\np\nus-east-1\n\n", "Tigris\nb\np\nauto\n\n", "GCS\nb\np\n", "Azure\na\nc\np\n"],
    ids=lambda typed: typed.split("\n")[0],
)
def test_the_official_tool_reads_the_entries_that_we_write(
    tmp_path: Path, shells: tuple[Shell, Shell], typed: str
) -> None:
    _, official = shells
    ours = Shell(tmp_path / "new")
    assert ours("config", "add", "a", typed=typed).status == 0
    official.config_file("icechunk").write_text(ours.config_file().read_text())
    read = official("config", "list")
    # It takes a file that it cannot read for an empty one.
    assert "  a: !" in read.out
    assert ours("config", "list", FRAZIL_CLI_CONFIG=str(official.config_file("icechunk"))) == Done(
        0, ours.config_file().read_text(), ""
    )
