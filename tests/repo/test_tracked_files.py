"""The files that git tracks: nothing of one machine, nothing unfinished, nothing too long to read."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.repo.sources import ROOT, text_of, tracked

PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org", "crates.io", "index.crates.io", "static.crates.io", "github.com"}

# Written in halves so that this file does not find itself.
UNFINISHED = re.compile(
    "|".join(
        (
            r"\bTO" + "DO",
            r"\bFIX" + "ME",
            r"\bXX" + "X",
            "NotImplemented" + "Error",
            "unimpl" + "emented!",
            "to" + r"do!\(",
        )
    )
)
HOME = re.compile(r"(?<![\w.~}$])/(?:ro" + r"ot|home/\w+|Us" + r"ers/\w+)/")

# Path -> why it is longer than the limit.  An entry that is not needed any more fails too.
LINE_LIMIT = 500
LONG_FILES: dict[str, str] = {
    "python/frazil/_core.pyi": "the contract between the two languages reads best in one piece",
}

# Where one of these words is right, and why.
MAY_SAY: dict[tuple[str, str], str] = {
    (
        "python/frazil/concurrency/completions.py",
        "NotImplemented" + "Error",
    ): "raised by event loops that watch no sockets",
    ("tests/contract/test_async_reads.py", "NotImplemented" + "Error"): "such a loop",
}


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if (found := pattern.search(line)) and (str(path.relative_to(ROOT)), found.group()) not in MAY_SAY
    ]


def test_no_unfinished_work() -> None:
    assert not lines_matching(UNFINISHED)


def test_no_home_directories() -> None:
    assert not lines_matching(HOME)


def test_no_path_of_this_checkout() -> None:
    # A folder right under the root ("/src") could be part of any path; two levels are ours.
    ours = {str(place) for place in (ROOT, ROOT.parent, Path.home()) if len(place.parts) > 2}
    assert not lines_matching(
        re.compile("|".join(re.escape(place) + r"(?![\w-])" for place in sorted(ours)) or r"(?!)")
    )


def configured_hosts() -> set[str]:
    """Hosts of package indexes and proxies that this machine is set up with."""
    sources = [
        value for name, value in os.environ.items() if re.search("INDEX|REGISTR|PROXY|GOPROXY", name, re.IGNORECASE)
    ]
    pip = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    sources.append(pip.stdout)
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    sources += [path.read_text() for path in (cargo / "config.toml", cargo / "config") if path.is_file()]
    urls = [url for text in sources for url in re.findall(r"https?://[^\s'\",]+", text)]
    return {host for url in urls if (host := urlsplit(url).hostname)} - PUBLIC_HOSTS - {"localhost", "127.0.0.1"}


def test_no_host_of_a_private_registry() -> None:
    hosts = configured_hosts()
    assert not hosts or not lines_matching(re.compile("|".join(re.escape(host) for host in sorted(hosts))))


def test_lock_file_names_only_the_public_registry() -> None:
    found = set(re.findall(r'^source = "(.+)"$', (ROOT / "Cargo.lock").read_text(), re.MULTILINE))
    assert found <= {"registry+https://github.com/rust-lang/crates.io-index"}


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_requirements_name_no_index(path: Path) -> None:
    assert not re.search(r"^\s*(--|-i\b|-f\b)|://", path.read_text(), re.MULTILINE)


def test_no_file_is_too_long_without_a_reason() -> None:
    sources = tracked("*.py", "*.pyi", "*.rs")
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources
        if (lines := len(path.read_text().splitlines())) > LINE_LIMIT
    }
    assert {name: lines for name, lines in long.items() if name not in LONG_FILES} == {}
    assert set(LONG_FILES) <= set(long), "entries of LONG_FILES that are short again"
