"""What the documents say exists."""

import enum
import inspect
import keyword
import re
import subprocess
import sys
from pathlib import Path

import pytest

import frazil
from tests.repo.sources import PACKAGE, ROOT, tracked

DOCUMENTS = sorted(tracked("*.md"))
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_are_in_the_makefile(path: Path) -> None:
    text = path.read_text()
    code = "\n".join(
        [
            block
            for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
            if language in ("", "sh", "bash", "console")
        ]
        + re.findall(r"`([^`\n]+)`", text)
    )
    named = {word for line in re.findall(r"\bmake (?:-\w+ )*([a-z][a-z -]*)", code) for word in line.split()}
    assert named <= TARGETS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_linked_files_exist(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text())
    assert not [link for link in links if not (path.parent / link).exists()]


def test_files_named_by_the_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"`([\w./-]+(?:/|\.py|\.rs|\.toml|\.pyi|\.sh))`", text)
    roots = (ROOT, PACKAGE, ROOT / "rust" / "core" / "src", ROOT / "rust/core/src/array_io", PACKAGE / "codec_pipeline")
    assert len(named) > 60
    assert not [name for name in named if not any((root / name).exists() for root in roots)]


def test_cited_sections_of_the_format_exist() -> None:
    text = (ROOT / "docs" / "format.md").read_text()
    sections = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", text, re.MULTILINE))
    assert {"1", "9.4", "17.5"} <= sections
    cited: dict[str, set[str]] = {}
    for path in tracked("*.py", "*.pyi", "*.rs", "*.md", "*.toml", "*.fbs"):
        for numbers in re.findall(r"[Ff]ormat sections? (\d[\d., and]*)", path.read_text()):
            for number in re.findall(r"\d+(?:\.\d+)?", numbers):
                cited.setdefault(number, set()).add(str(path.relative_to(ROOT)))
    assert len(cited) > 40
    assert not {number: paths for number, paths in cited.items() if number not in sections}


def test_every_public_name_is_documented() -> None:
    headings = re.findall(r"^### (\w+)$", (ROOT / "docs" / "reference.md").read_text(), re.MULTILINE)
    assert not sorted(set(frazil.__all__) - set(headings))


def test_every_public_member_is_in_the_reference() -> None:
    headings = set(re.findall(r"^#### (\S+)$", (ROOT / "docs" / "reference.md").read_text(), re.MULTILINE))
    wanted = set()
    for name in frazil.__all__:
        cls = getattr(frazil, name)
        if not inspect.isclass(cls) or issubclass(cls, enum.Enum | BaseException):
            continue
        outside = {member for base in cls.__mro__ if not base.__module__.startswith("frazil") for member in vars(base)}
        for member in dir(cls):
            twin = member.removesuffix("_async")
            is_repeated = twin != member and hasattr(cls, twin)
            # Two cases have names that are keywords of Python; the docstring of their class names them.
            if keyword.iskeyword(member):
                continue
            if not member.startswith("_") and not is_repeated and member not in outside:
                wanted.add(f"{name}.{member}")
    assert len(wanted) > 300
    assert not sorted(wanted - headings)


def test_reference_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_names_every_target_of_the_contributing_guide() -> None:
    promised = {"setup", "build", "demo", "test", "soak", "lint", "bench", "wheel", "clean", "help"}
    helped = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert promised <= helped
