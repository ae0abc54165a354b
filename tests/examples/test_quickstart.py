"""The example that `make demo` runs, small; and that its data are what they claim to be."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from era5_like import ATTRIBUTES, Planet, dataset
from tests.repo.sources import ROOT

PLANET = Planet(rows=181)


def test_quickstart_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "examples/quickstart.py", "--small", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "identical, bit for bit" in done.stdout
    assert (tmp_path / "sst-correction.png").read_bytes().startswith(b"\x89PNG")


def test_fields_are_reproducible_at_any_moment() -> None:
    together, alone = dataset(PLANET, 0, 3), dataset(Planet(rows=181), 2, 1)
    assert together.isel(time=[2]).identical(alone)


def test_fields_have_the_shape_of_reanalysis() -> None:
    fields = PLANET.fields(hours=6)
    assert list(fields) == list(ATTRIBUTES)
    assert {(field.dtype, field.shape) for field in fields.values()} == {(np.dtype("f4"), (181, 360))}
    assert np.array_equal(np.isnan(fields["sst"]), ~PLANET.is_sea)
    assert 0.5 < np.mean(fields["tp"] == 0) < 0.95
    assert all(len(np.unique(field)) <= 2**16 for field in fields.values())


def test_spectrum_falls_as_the_third_power() -> None:
    planet = Planet(rows=361)
    wind = planet.fields(hours=0)["v10"][planet.rows // 2]
    power = np.abs(np.fft.rfft(wind)) ** 2
    waves = np.arange(len(power))
    fit = slice(10, 100)
    slope = np.polyfit(np.log(waves[fit]), np.log(power[fit]), 1)[0]
    assert -3.8 < slope < -2.2
