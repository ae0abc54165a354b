"""What does an xarray user wait for?"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness import Bench, case
from questions.whole_arrays import sample


@case("array.xarray")
def xarray(bench: Bench) -> None:
    """A data set with coordinates: to_zarr, open_zarr, a mean, one time step."""
    try:
        import xarray as xr
    except ImportError:
        return
    steps = bench.scale(365, 60)
    values = sample(steps * 90 * 180 * 4).reshape(steps, 90, 180)
    dataset = xr.Dataset(
        {"t2m": (("time", "lat", "lon"), values)},
        coords={
            "time": np.datetime64("2020-01-01") + np.arange(steps).astype("m8[D]"),
            "lat": np.linspace(-90, 90, 90),
            "lon": np.linspace(0, 358, 180),
        },
    )
    encoding = {"t2m": {"chunks": (1, 90, 180)}}
    with bench.workdir() as root:
        handles = {s.spec: s.create(root / s.spec.replace(":", "_")) for s in bench.subjects}
        stores: dict[str, Any] = {}

        def begin(spec: str) -> None:
            stores[spec] = handles[spec].writable()

        def save(spec: str) -> None:
            dataset.to_zarr(stores[spec], mode="w", encoding=encoding, consolidated=False)
            handles[spec].commit()

        def opened(spec: str) -> Any:
            return xr.open_zarr(handles[spec].readable(), consolidated=False, chunks=None)

        specs = list(handles)
        bench.measure(
            "array.xarray",
            {s: (lambda s=s: save(s)) for s in specs},
            prepare={s: (lambda s=s: begin(s)) for s in specs},
            unit="ms",
            part="to_zarr+commit",
        )
        bench.measure("array.xarray", {s: (lambda s=s: opened(s)) for s in specs}, unit="ms", part="open")
        data: dict[str, Any] = {}
        bench.measure(
            "array.xarray",
            {s: (lambda s=s: data[s].t2m.mean().item()) for s in specs},
            prepare={s: (lambda s=s: data.__setitem__(s, opened(s))) for s in specs},
            unit="ms",
            part="mean of all",
        )
        bench.measure(
            "array.xarray",
            {s: (lambda s=s: data[s].t2m.isel(time=7).values) for s in specs},
            prepare={s: (lambda s=s: data.__setitem__(s, opened(s))) for s in specs},
            unit="ms",
            part="one step",
        )
