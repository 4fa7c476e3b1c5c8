"""Where the sun stands and what a clear sky gives, for the places of a city over the columns of a history."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
FINEST_MIN = 15.0
"""A step is seen at the midpoints of its parts of at most this length [min]: an hour in which the sun rises is half dark."""
MOST_LATE_MIN = 60
"""Clocks of meters that stamp the end of a step, or a zone wrong by an hour, are looked for within this time [min]."""
PLACE_DEG = 0.1
"""Coordinates are rounded to this: within 11 km the sun is the same to half a minute [deg]."""
PLANES = ((0, 0), (30, 0), (30, -90), (30, 90), (60, 0), (60, -90), (60, 90), (85, -90), (85, 90))
"""Planes whose mixtures stand for any roof or field: tilt and azimuth from the equator, east negative [deg]."""
AEROSOL, WATER_CM = 0.1, 1.0
"""A clean sky: optical depth at 700 nm [1] and precipitable water [cm]; what a plant makes of it is fitted to its own output."""


@dataclass(frozen=True)
class Sun:
    """The sun over p places at the midpoints of the parts of T steps, with an hour before and after: m parts in all.

    `place` says which of the places each of n series stands on.
    """

    place: NDArray[np.int64]  # [n]
    elevation_deg: FloatArray  # [p, m], with refraction
    planes_kw_per_m2: FloatArray  # [p, planes, m], irradiance of a clear sky
    parts: int  # of a step
    part_min: float

    def rows(self, select: NDArray[np.int64] | slice) -> "Sun":
        """The same sun for some of the series."""
        return Sun(self.place[select], self.elevation_deg, self.planes_kw_per_m2, self.parts, self.part_min)

    def since(self, column: int) -> "Sun":
        """The same sun on the grid that begins at `column`."""
        first = column * self.parts
        return Sun(self.place, self.elevation_deg[:, first:], self.planes_kw_per_m2[..., first:], self.parts, self.part_min)

    @property
    def lates(self) -> list[int]:
        """Every clock that can be asked for, in parts of a step; zero (a right clock) first."""
        most = int(MOST_LATE_MIN // self.part_min)
        every = max(1, int(FINEST_MIN // self.part_min))
        return sorted((late for late in range(-most, most + 1) if late % every == 0), key=abs)

    def clear(self, place: int, late: int = 0) -> FloatArray:
        """Mean irradiance of a clear sky on each plane over each step, float32[planes, T] [kW/m2], as stamped by a clock that is `late`
        parts of a step behind what it shows."""
        kept = self._cut(self.planes_kw_per_m2[place], late)
        return kept.reshape(len(kept), -1, self.parts).mean(axis=2).astype(np.float32)

    def highest_deg(self, place: int, late: int = 0) -> FloatArray:
        """The sun's largest elevation within each step, float32[T] [deg]: at or below zero the step is night."""
        return self._cut(self.elevation_deg[place][None], late).reshape(-1, self.parts).max(axis=1)

    def _cut(self, a: FloatArray, late: int) -> FloatArray:
        most = int(MOST_LATE_MIN // self.part_min)
        return a[:, most + late : a.shape[1] - most + late]


def available() -> bool:
    """Is pvlib installed (the extra `solar`)?"""
    return find_spec("pvlib") is not None


def sun(coordinates_deg: NDArray[np.float64], start_utc: datetime, step: timedelta, steps: int) -> Sun:
    """The sun for n series at `coordinates_deg` float64[n, 2] (latitude, longitude, WGS 84 [deg]) over `steps` columns from `start_utc`.

    Needs pvlib. Position: Reda and Andreas 2004, doi 10.1016/j.solener.2003.12.003 (NREL SPA). Clear sky: Ineichen 2008,
    doi 10.1016/j.solener.2007.10.004 (simplified Solis), with one clean sky for all days. Diffuse light comes evenly from the whole sky
    and none from the ground: what differs at a plant, its fitted planes take up.
    """
    places, place = np.unique(np.round(coordinates_deg / PLACE_DEG) * PLACE_DEG, axis=0, return_inverse=True)
    parts = max(1, int(np.ceil(step / timedelta(minutes=FINEST_MIN))))
    part_min = step / timedelta(minutes=1) / parts
    most = int(MOST_LATE_MIN // part_min)
    middle_min: NDArray[np.float64] = (np.arange(-most, steps * parts + most, dtype=float) + 0.5) * part_min
    found = [_place(latitude, longitude, start_utc, middle_min) for latitude, longitude in places]
    return Sun(place.ravel().astype(np.int64), np.stack([f[0] for f in found]), np.stack([f[1] for f in found]), parts, part_min)


def _place(latitude: float, longitude: float, start_utc: datetime, middle_min: NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
    """Elevation [m] and clear-sky irradiance on each plane [planes, m] of one place."""
    import pandas as pd
    from pvlib import clearsky, solarposition

    times = pd.Timestamp(start_utc) + pd.to_timedelta(middle_min, unit="min")
    position = solarposition.get_solarposition(pd.DatetimeIndex(times), latitude, longitude, method="nrel_numpy")
    elevation = position["apparent_elevation"].to_numpy()
    height = np.radians(elevation)
    sky = clearsky.simplified_solis(np.maximum(elevation, 0.01), aod700=AEROSOL, precipitable_water=WATER_CM)
    up = elevation > 0
    direct, diffuse = (np.where(up, sky[name], 0.0) / 1000 for name in ("dni", "dhi"))
    azimuth = position["azimuth"].to_numpy()
    from_equator = np.radians(azimuth - 180 if latitude >= 0 else -azimuth)  # east negative on both halves of the globe
    planes = []
    for tilt, faces in PLANES:
        slope = np.radians(tilt)
        hits = np.sin(height) * np.cos(slope) + np.cos(height) * np.sin(slope) * np.cos(from_equator - np.radians(faces))
        planes.append(direct * np.maximum(hits, 0) + diffuse * (1 + np.cos(slope)) / 2)
    return elevation.astype(np.float32), np.stack(planes).astype(np.float32)
