"""tools/once.py: a command runs when, and only when, what it depends on has changed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.repo.sources import ROOT

# Adds a line to log.txt, and copies in.txt to out.txt.
COMMAND = "open('log.txt', 'a').write('ran\\n'); open('out.txt', 'w').write(open('in.txt').read())"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in.txt").write_text("one")
    return tmp_path


def once(folder: Path, *, command: str = COMMAND, glob: str = "*in.txt", value: str = "") -> int:
    tool = [sys.executable, str(ROOT / "tools" / "once.py"), "stamps/copy", "--input", glob, "--value", value]
    return subprocess.run(
        [*tool, "--output", "out.txt", "--", sys.executable, "-c", command], cwd=folder, check=False
    ).returncode


def runs(folder: Path) -> int:
    return (folder / "log.txt").read_text().count("ran")


def test_runs_once_for_the_same_inputs(folder: Path) -> None:
    assert [once(folder), once(folder), runs(folder)] == [0, 0, 1]


def test_touching_an_input_changes_nothing(folder: Path) -> None:
    once(folder)
    (folder / "in.txt").write_text("one")
    assert [once(folder), runs(folder)] == [0, 1]


def test_runs_again_for_other_contents_values_and_files(folder: Path) -> None:
    once(folder)
    (folder / "in.txt").write_text("two")
    assert [once(folder), runs(folder)] == [0, 2]
    assert [once(folder, value="other"), runs(folder)] == [0, 3]
    (folder / "second-in.txt").write_text("")
    assert [once(folder, value="other"), runs(folder)] == [0, 4]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("foreign")], ids=["missing", "foreign"])
def test_runs_again_when_the_output_is_not_its_own(folder: Path, spoil: object) -> None:
    once(folder)
    assert callable(spoil)
    spoil(folder / "out.txt")
    assert [once(folder), runs(folder), (folder / "out.txt").read_text()] == [0, 2, "one"]


def test_a_failure_is_passed_on_and_repeated(folder: Path) -> None:
    failing = COMMAND + "; raise SystemExit(3)"
    assert [once(folder, command=failing), once(folder, command=failing), runs(folder)] == [3, 3, 2]


def test_a_command_that_makes_nothing_fails(folder: Path) -> None:
    assert once(folder, command="pass") == 1


def test_an_input_that_changes_meanwhile_is_seen_next_time(folder: Path) -> None:
    changing = COMMAND + "; open('in.txt', 'a').write('.')"
    assert [once(folder, command=changing), once(folder, command=changing), runs(folder)] == [0, 0, 2]


def test_a_glob_that_matches_nothing_is_a_mistake(folder: Path) -> None:
    assert once(folder, glob="absent*") == 1
