"""What does a year of reanalysis cost to look at, with the chunks that a cautious person chooses?

Nothing here was tuned for: two variables every six hours on a grid of 1.5 degrees (as ERA5, coarser), chunks of about a
megabyte that suit neither maps nor time series, zarr's default codecs, and xarray with and without dask.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness import Bench, case

CHUNKS = {"time": 40, "latitude": 61, "longitude": 120}


def weather(steps: int) -> Any:
    """Temperature that varies smoothly and a little at random, and rain in a tenth of all places."""
    import xarray as xr

    rng = np.random.default_rng(0)
    time = np.datetime64("2020-01-01") + np.arange(steps) * np.timedelta64(6, "h")
    latitude, longitude = np.linspace(90, -90, 121), np.arange(240) * 1.5
    season = np.cos(np.arange(steps) / 1460 * 2 * np.pi)[:, None, None] * latitude[:, None] / -6
    day = np.sin(np.arange(steps)[:, None, None] * np.pi / 2 + np.radians(longitude)) * 4
    noise = rng.normal(0, 1.5, (steps, 121, 240))
    temperature = (288 - 40 * np.sin(np.radians(latitude)) ** 2)[:, None] + season + day + noise
    rain = np.maximum(rng.gamma(0.3, 2, (steps, 121, 240)) - 2, 0)
    dimensions = ("time", "latitude", "longitude")
    return xr.Dataset(
        {
            # Two decimals, as packed data of the archive have.
            "t2m": (dimensions, temperature.round(2).astype("f4")),
            "tp": (dimensions, rain.round(2).astype("f4")),
        },
        coords={"time": time, "latitude": latitude, "longitude": longitude},
    )


@case("year.xarray")
def year(bench: Bench) -> None:
    """Time series, maps and means of a year of weather, opened anew each time."""
    try:
        import dask
        import xarray as xr
    except ImportError:
        return
    dataset = weather(bench.scale(1460, 160))
    encoding = {name: {"chunks": tuple(CHUNKS.values())} for name in dataset.data_vars}
    with bench.workdir() as root:
        handles = {s.spec: s.create(root / s.spec.replace(":", "_")) for s in bench.subjects}
        for spec, handle in handles.items():
            with next(s for s in bench.subjects if s.spec == spec).pipeline():
                dataset.to_zarr(handle.writable(), mode="w", encoding=encoding, consolidated=False, zarr_format=3)
            handle.commit()

        def opened(spec: str, chunks: Any = None) -> Any:
            return xr.open_zarr(handles[spec].readable(), consolidated=False, chunks=chunks)

        def series(spec: str) -> Any:
            return opened(spec).t2m.sel(latitude=47.3, longitude=8.5, method="nearest").values

        def maps(spec: str) -> Any:
            t2m = opened(spec).t2m
            return [t2m.isel(time=step).values for step in range(0, t2m.sizes["time"], t2m.sizes["time"] // 8)]

        def region(spec: str) -> Any:
            part = opened(spec).sel(latitude=slice(60, 35), longitude=slice(0, 30))
            return part.isel(time=slice(20, 140)).load()

        def rainy(spec: str) -> Any:
            with dask.config.set(scheduler="threads", num_workers=4):
                return opened(spec, {}).tp.mean("time").values

        def anomaly(spec: str) -> Any:
            with dask.config.set(scheduler="threads", num_workers=4):
                t2m = opened(spec, {}).t2m
                return (t2m.groupby("time.month").mean() - t2m.mean("time")).values

        for part, work in {
            "one place": series,
            "eight maps": maps,
            "a region for a month": region,
            "dask mean": rainy,
            "dask monthly anomaly": anomaly,
        }.items():
            bench.measure(
                "year.xarray",
                {spec: (lambda s=spec, w=work: w(s)) for spec in handles},
                unit="ms",
                part=part,
                rounds=min(bench.rounds, 5),
            )
