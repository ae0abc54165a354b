"""Keep a growing weather archive under version control, and get any published version back bit for bit.

    python examples/quickstart.py            # quarter-degree grid, about half a gigabyte
    python examples/quickstart.py --small    # two-degree grid, a few seconds

Writes a data set into a new repository, appends a day at a time, tags a release, corrects the sea surface temperature
on a branch, shows the history, checks the tagged release against what was written, and draws what the branch changed.
Needs xarray and matplotlib: ``pip install 'frazil[xarray]' matplotlib``.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr
import zarr

import frazil

sys.path.insert(0, str(Path(__file__).resolve().parent))
from era5_like import STEPS_PER_DAY, Planet, dataset

mpl.use("agg")  # pictures go to files; no display is needed
from matplotlib import pyplot as plt

RELEASE = "v1.0"
BRANCH = "sst-correction"
# A made-up instrument bias in one ocean basin: what the branch takes out.
REGION = {"latitude": slice(55, 25), "longitude": slice(280, 330)}
BIAS_KELVIN = 0.7


class Steps:
    """Prints what happens and how long it took since the start."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def __call__(self, text: str) -> None:
        print(f"[{time.perf_counter() - self._start:5.1f} s] {text}", flush=True)


def encoding(data: xr.Dataset) -> dict[str, dict[str, object]]:
    """One chunk per map: what a reader of single moments wants."""
    maps: dict[str, dict[str, object]] = {str(name): {"chunks": (1, *data[name].shape[1:])} for name in data.data_vars}
    return maps | {"time": {"units": "hours since 1900-01-01", "dtype": "int64", "chunks": (1024,)}}


def write_archive(repo: frazil.Repository, planet: Planet, days: int, say: Steps) -> xr.Dataset:
    """The first day in one commit, then one commit per day appended.  Returns what was written."""
    written = dataset(planet, 0, STEPS_PER_DAY)
    session = repo.writable_session("main")
    written.to_zarr(session.store, zarr_format=3, consolidated=False, encoding=encoding(written))
    snapshot = session.commit("Add the first day")
    say(f"main {snapshot}  first day, {written.nbytes / 1e6:.0f} MB of fields, six variables")

    for day in range(1, days):
        one_day = dataset(planet, day * STEPS_PER_DAY, STEPS_PER_DAY)
        session = repo.writable_session("main")
        one_day.to_zarr(session.store, append_dim="time", zarr_format=3, consolidated=False)
        snapshot = session.commit(f"Append day {day + 1}")
        say(f"main {snapshot}  day {day + 1} appended")
        written = xr.concat([written, one_day], dim="time", data_vars="minimal")
    return written


def correct_sea_surface(repo: frazil.Repository, archive: xr.Dataset) -> str:
    """Take the bias out of one region, on a branch of its own; readers of main and of the tag see nothing of it."""
    rows = archive.indexes["latitude"].slice_indexer(REGION["latitude"].start, REGION["latitude"].stop)
    columns = archive.indexes["longitude"].slice_indexer(REGION["longitude"].start, REGION["longitude"].stop)
    session = repo.writable_session(BRANCH)
    sst = zarr.open_array(session.store, path="sst", mode="r+")
    sst[:, rows, columns] = np.asarray(sst[:, rows, columns]) - np.float32(BIAS_KELVIN)
    return session.commit(f"Remove a warm bias of {BIAS_KELVIN} K from 25-55 N, 80-30 W")


def same_bits(read: xr.Dataset, written: xr.Dataset) -> bool:
    """Whether every variable and coordinate has the same bytes, NaN payloads included."""
    return set(read.variables) == set(written.variables) and all(
        read[name].dtype == written[name].dtype and read[name].values.tobytes() == written[name].values.tobytes()
        for name in written.variables
    )


def draw(tagged: xr.Dataset, corrected: xr.Dataset, path: Path) -> None:
    """The tagged field, the corrected one, and their difference, at the last moment."""
    before, after = tagged["sst"].isel(time=-1), corrected["sst"].isel(time=-1)
    panels = (
        (f"tag {RELEASE}", before, {"cmap": "turbo", "vmin": 271, "vmax": 304}),
        (f"branch {BRANCH}", after, {"cmap": "turbo", "vmin": 271, "vmax": 304}),
        ("branch - tag", after - before, {"cmap": "RdBu_r", "vmin": -1, "vmax": 1}),
    )
    figure, axes = plt.subplots(3, 1, figsize=(8, 11), layout="constrained")
    for axis, (title, field, style) in zip(axes, panels, strict=True):
        image = axis.imshow(field.values, extent=(0, 360, -90, 90), interpolation="nearest", **style)
        axis.set_title(f"Sea surface temperature, {title}", loc="left", fontsize=10)
        axis.set_facecolor("0.75")  # land
        figure.colorbar(image, ax=axis, label="K", shrink=0.9)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def run(output: Path, planet: Planet, days: int) -> None:
    say = Steps()
    where = output / "era5-like"
    shutil.rmtree(where, ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)

    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(where)))
    say(f"new repository in {where}")
    written = write_archive(repo, planet, days, say)

    released = repo.lookup_branch("main")
    repo.create_tag(RELEASE, snapshot_id=released)
    say(f"tagged {released} as {RELEASE}")

    repo.create_branch(BRANCH, snapshot_id=released)
    fix = correct_sea_surface(repo, written)
    say(f"branch {BRANCH} {fix}  one region corrected")

    say(f"history of {BRANCH}, newest first:")
    for version in repo.ancestry(branch=BRANCH):
        print(f"            {version.id}  {version.written_at:%Y-%m-%d %H:%M:%S}  {version.message}")

    # Opened anew, as another reader would.
    reader = frazil.Repository.open(frazil.local_filesystem_storage(str(where)))
    tagged = xr.open_zarr(reader.readonly_session(tag=RELEASE).store, consolidated=False, chunks=None)
    if not same_bits(tagged, written):
        sys.exit(f"the data read back from {RELEASE} differ from what was written")
    say(f"read {RELEASE} back: all {len(written.variables)} variables are identical, bit for bit")

    corrected = xr.open_zarr(reader.readonly_session(branch=BRANCH).store, consolidated=False, chunks=None)
    change = corrected["sst"].sel(REGION) - tagged["sst"].sel(REGION)
    say(f"the branch is {float(change.mean()):+.2f} K in the region and the tag is untouched")

    picture = output / "sst-correction.png"
    draw(tagged, corrected, picture)
    size = sum(path.stat().st_size for path in where.rglob("*") if path.is_file())
    say(f"{size / 1e6:.0f} MB on disk for {written.nbytes / 1e6:.0f} MB of fields and {days + 1} versions")
    say(f"picture in {picture}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="two-degree grid and two days")
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent / "output")
    options = parser.parse_args()
    if options.small:
        run(options.output, Planet(rows=91), days=2)
    else:
        run(options.output, Planet(), days=5)


if __name__ == "__main__":
    main()
