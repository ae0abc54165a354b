"""Weather that looks like ERA5 to a storage engine: same grid, same variables, same compressibility.

Real reanalysis cannot be shipped with an example, and white noise compresses like nothing a user stores.  These fields
are a climatology plus waves whose power falls as k^-3 (the spectrum of large-scale turbulence), over a made-up
orography; sea surface temperature is missing on land, rain is mostly zero, and every field is rounded to 16 bits of its
own range, as GRIB packing does.  A field of any moment is computed on its own: nothing has to be integrated up to it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import xarray as xr

Field = npt.NDArray[np.float32]

EPOCH = np.datetime64("2024-01-01T00", "h")
STEP_HOURS = 6
STEPS_PER_DAY = 24 // STEP_HOURS

ATTRIBUTES = {
    "t2m": {"long_name": "2 metre temperature", "units": "K"},
    "msl": {"long_name": "Mean sea level pressure", "units": "Pa"},
    "u10": {"long_name": "10 metre U wind component", "units": "m s**-1"},
    "v10": {"long_name": "10 metre V wind component", "units": "m s**-1"},
    "tp": {"long_name": "Total precipitation", "units": "m"},
    "sst": {"long_name": "Sea surface temperature", "units": "K"},
}


@dataclass(frozen=True)
class Planet:
    """A reproducible planet on a regular grid that includes both poles.

    ``rows`` is odd (721 for a quarter degree); there are ``2 * (rows - 1)`` columns.
    """

    rows: int = 721
    seed: int = 0

    @property
    def columns(self) -> int:
        return 2 * (self.rows - 1)

    @cached_property
    def latitude(self) -> Field:
        return np.linspace(90, -90, self.rows, dtype=np.float32)

    @cached_property
    def longitude(self) -> Field:
        return np.arange(self.columns, dtype=np.float32) * np.float32(360 / self.columns)

    @cached_property
    def _wavenumber(self) -> Field:
        # The grid is mirrored over the pole, so that the transform is periodic in latitude too.
        north = np.fft.fftfreq(self.columns, 1 / self.columns).astype(np.float32)
        east = np.fft.rfftfreq(self.columns, 1 / self.columns).astype(np.float32)
        return np.hypot(north[:, None], east[None, :])

    @cached_property
    def _waves(self) -> dict[str, npt.NDArray[np.complex64]]:
        """Random amplitudes of every variable's waves, with a k^-3 power spectrum."""
        rng = np.random.default_rng(self.seed)
        shape = self._wavenumber.shape
        # Power over rings is k^-3, and a ring of the plane holds k waves: amplitude k^-2.
        slope = (self._wavenumber + 3) ** -2
        slope[0, 0] = 0

        def amplitudes() -> npt.NDArray[np.complex64]:
            noise = rng.standard_normal(shape, np.float32) + 1j * rng.standard_normal(shape, np.float32)
            return (slope * noise).astype(np.complex64)

        return {name: amplitudes() for name in ("land", *ATTRIBUTES)}

    def _anomaly(self, name: str, hours: float) -> Field:
        """A field of zero mean and unit deviation; small waves travel and turn faster than large ones."""
        turn = np.exp(1j * (0.02 * hours) * (1 + self._wavenumber) ** (2 / 3)).astype(np.complex64)
        whole = np.fft.irfft2(self._waves[name] * turn, s=(self.columns, self.columns))
        field = whole[: self.rows].astype(np.float32)
        return np.asarray((field - field.mean()) / field.std(), np.float32)

    @cached_property
    def elevation(self) -> Field:
        """Metres above the sea; 0 where there is water (about 70 % of the grid)."""
        raw = self._anomaly("land", 0)
        above = np.clip(raw - np.quantile(raw, 0.7), 0, None)
        return np.asarray((above / above.max()) ** 1.5 * 5000, np.float32)

    @cached_property
    def is_sea(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.elevation, 0)

    def fields(self, hours: float) -> dict[str, Field]:
        """The six variables, ``hours`` after the epoch."""
        anomaly = {name: self._anomaly(name, hours) for name in ATTRIBUTES}
        angle = np.deg2rad(self.latitude)[:, None]
        polar = np.sin(angle) ** 2
        season = np.sin(angle) * np.float32(np.cos(2 * np.pi * (hours / 24 - 200) / 365))
        local_noon = np.cos(2 * np.pi * (hours / 24 + self.longitude / 360 - 0.6)).astype(np.float32)[None, :]
        land = ~self.is_sea
        sea_surface = np.clip(301 - 32 * polar + 3 * season + anomaly["sst"], 271.35, None)
        air = 302 - 50 * polar + (12 * land + 4) * season + (5 * land + 0.5) * local_noon * np.cos(angle)
        return {
            "t2m": packed(air - 0.0065 * self.elevation + 2.5 * anomaly["t2m"]),
            "msl": packed(101_300 + 1_200 * np.cos(6 * angle) * np.cos(angle) + 900 * anomaly["msl"]),
            "u10": packed(-6 * np.cos(3 * angle) * np.cos(angle) + 5 * anomaly["u10"]),
            "v10": packed(4 * anomaly["v10"]),
            "tp": packed(np.clip(anomaly["tp"] - 0.7, 0, None) ** 1.5 * 0.002),
            "sst": packed(np.where(self.is_sea, sea_surface, np.nan)),
        }


def packed(values: npt.NDArray[np.floating]) -> Field:
    """Values rounded to 16 bits of their range, with a power of two as the step, as GRIB's simple packing does."""
    low = np.float32(np.nanmin(values))
    spread = float(np.nanmax(values)) - float(low)
    step = np.float32(2.0 ** np.ceil(np.log2(max(spread, 1e-30) / 65535)))
    return np.asarray(low + np.rint((values - low) / step).astype(np.float32) * step, np.float32)


def dataset(planet: Planet, first_step: int, steps: int) -> xr.Dataset:
    """``steps`` six-hourly time steps from ``first_step`` on, with coordinates and attributes."""
    hours = [STEP_HOURS * step for step in range(first_step, first_step + steps)]
    moments = [planet.fields(hour) for hour in hours]
    dimensions = ("time", "latitude", "longitude")
    return xr.Dataset(
        {
            name: (dimensions, np.stack([moment[name] for moment in moments]), attributes)
            for name, attributes in ATTRIBUTES.items()
        },
        coords={
            "time": (EPOCH + np.array(hours, dtype="timedelta64[h]")).astype("datetime64[ns]"),
            "latitude": ("latitude", planet.latitude, {"units": "degrees_north"}),
            "longitude": ("longitude", planet.longitude, {"units": "degrees_east"}),
        },
        attrs={"title": "ERA5-like fields made for examples and benchmarks; not weather"},
    )
