"""The wheel, installed into an empty environment away from the checkout: what a user gets.

The optional packages are a matrix: `import frazil` works with none of them, and what needs one says which extra brings
it.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.repo.sources import ROOT, is_module

pytestmark = pytest.mark.timeout(1200)  # a cold build of the extension, or slow downloads

# Extra -> the module that needs it, as far as the package has that module.
NEEDS = {
    extra: module
    for extra, module in (
        ("xarray", "frazil.xarray"),
        ("dask", "frazil.dask"),
        ("arrow", "frazil.arrow"),
        ("cli", "frazil.cli.commands"),
        ("testing", "frazil.testing.strategies"),
    )
    if is_module(module)
}


def run(*command: str | Path, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run away from the checkout: neither its folder nor PYTHONPATH may lend a module."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as it is released.  The cargo target folder is the one of `make build`, so only packaging is left to do."""
    out = tmp_path_factory.mktemp("wheel")
    maturin = Path(sysconfig.get_path("scripts")) / "maturin"
    # One after the other: processes that share the tests share maturin's folder for what it packs.
    with (ROOT / "pyproject.toml").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(maturin, "build", "--release", "--interpreter", sys.executable, "--out", out, cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment_with(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The interpreter of a new environment that holds the wheel with these extras, and further packages."""
    made: dict[tuple[str, ...], Path] = {}

    def make(*extras: str, also: tuple[str, ...] = ()) -> Path:
        if (*extras, *also) not in made:
            root = tmp_path_factory.mktemp("environment")
            venv.create(root / "venv", with_pip=False, symlinks=True)
            python = root / "venv" / "bin" / "python"
            wanted = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
            constraints = ROOT / "requirements" / "constraints.txt"
            pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "-c", constraints)
            run(*pip, wanted, *also, cwd=root)
            made[*extras, *also] = python
        return made[*extras, *also]

    return make


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    assert "-cp311-abi3-" in wheel.name
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"frazil"}
    held = {name for name in names if name.startswith("frazil/")}
    assert {"frazil/__init__.py", "frazil/_core.pyi", "frazil/py.typed", "frazil/_core.abi3.so"} <= held
    ours = {str(path.relative_to(ROOT / "python")) for path in (ROOT / "python" / "frazil").rglob("*.py")}
    assert held - {"frazil/_core.pyi", "frazil/py.typed", "frazil/_core.abi3.so"} == ours
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "License-Expression: Apache-2.0" in metadata
    assert "icechunk" not in "".join(line for line in metadata.splitlines() if line.startswith("Requires-Dist")), (
        "the official package is a test oracle, not a dependency"
    )


def test_import_needs_no_extra(environment_with: Callable[..., Path], tmp_path: Path) -> None:
    script = "import frazil; print(frazil.__file__); print(frazil.__version__)"
    where, version = run(environment_with(), "-W", "error", "-c", script, cwd=tmp_path).stdout.split()
    assert not Path(where).is_relative_to(ROOT)
    assert version in run("git", "grep", "-h", "^version = ", "--", "Cargo.toml", cwd=ROOT).stdout


def test_a_repository_works_without_extras(environment_with: Callable[..., Path], tmp_path: Path) -> None:
    script = """
import frazil, zarr
repo = frazil.Repository.create(frazil.local_filesystem_storage("repo"))
session = repo.writable_session("main")
zarr.create_array(session.store, name="a", shape=(4,), chunks=(2,), dtype="i4")[:] = [1, 2, 3, 4]
session.commit("four numbers")
assert zarr.open_array(repo.readonly_session("main").store, path="a")[:].tolist() == [1, 2, 3, 4]
"""
    run(environment_with(), "-W", "error", "-c", script, cwd=tmp_path)


@pytest.mark.parametrize(("extra", "module"), NEEDS.items())
def test_a_missing_extra_is_named(
    environment_with: Callable[..., Path], tmp_path: Path, extra: str, module: str
) -> None:
    done = run(environment_with(), "-c", f"import {module}", cwd=tmp_path, check=False)
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith(("ImportError", "ModuleNotFoundError"))
    assert f"frazil[{extra}]" in done.stderr.splitlines()[-1]


def test_the_command_names_its_extra(environment_with: Callable[..., Path], tmp_path: Path) -> None:
    done = run(environment_with().with_name("frazil"), "--version", cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "frazil: click is not installed; `pip install 'frazil[cli]'` brings it\n"


def test_the_command_runs_from_the_wheel(environment_with: Callable[..., Path], tmp_path: Path) -> None:
    config = tmp_path / "cli-config.yaml"
    config.write_text(f"repos:\n  r: !LocalFileSystem {{path: {tmp_path / 'repo'}}}\n")
    command = (environment_with("cli").with_name("frazil"), "--config-file", config)
    run(*command, "repo", "create", "r", cwd=tmp_path)
    assert "  Repository initialized\n" in run(*command, "ancestry", "r", cwd=tmp_path).stdout


@pytest.mark.parametrize(("extra", "module"), NEEDS.items())
def test_an_extra_brings_what_its_module_needs(
    environment_with: Callable[..., Path], tmp_path: Path, extra: str, module: str
) -> None:
    run(environment_with(extra), "-W", "error", "-c", f"import {module}", cwd=tmp_path)


def test_quickstart_runs_from_the_wheel(environment_with: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("quickstart.py", "era5_like.py"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    python = environment_with("xarray", also=("matplotlib",))
    said = run(python, "-W", "error", "quickstart.py", "--small", "--output", "output", cwd=tmp_path).stdout
    assert "identical, bit for bit" in said
    assert (tmp_path / "output" / "sst-correction.png").stat().st_size > 10_000
