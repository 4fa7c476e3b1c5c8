"""Coordinates on the ground: degrees to metres, and which of the two a layer is in.

A plane that touches the ellipsoid at the middle of the city: x = N cos(lat0) (lon - lon0), y = M (lat - lat0), with the radii of
curvature N and M of WGS 84 there. North-south lengths are right to 1e-4; east-west ones are wrong by tan(lat0) (lat - lat0), that is
0.19 % at 10 km north of the middle in 50 degrees. A tolerance of metres does not feel it.

References: RFC 7946, The GeoJSON Format (2016), section 4. Snyder, J. (1987). Map Projections, USGS PP 1395, pages 90 and 25.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_A_M, _E2 = 6378137.0, 0.00669437999014


@dataclass(frozen=True, slots=True)
class Ground:
    """The plane of a city: degrees around (`lon`, `lat`) become metres; metres stay what they are."""

    lon: float = 0.0
    lat: float = 0.0

    @classmethod
    def around(cls, points: NDArray[np.float64]) -> "Ground":
        """The plane at the middle of lon, lat float64[n, 2]."""
        lon, lat = points.T
        if np.ptp(lon) > 180:
            lon = np.where(lon < 0, lon + 360.0, lon)
        return cls((lon.min() + lon.max()) / 2, (lat.min() + lat.max()) / 2)

    def metres(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, 2] of lon, lat [degrees] as x, y [m] from the middle."""
        lat0 = np.radians(self.lat)
        curve = 1 - _E2 * np.sin(lat0) ** 2
        scale = np.array([_A_M / np.sqrt(curve) * np.cos(lat0), _A_M * (1 - _E2) / curve**1.5])
        off = points - (self.lon, self.lat)
        off[:, 0] -= 360.0 * np.round(off[:, 0] / 360.0)  # a city on both sides of the 180th meridian lies together
        return np.radians(off) * scale

    def degrees(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The way back: x, y [m] as lon, lat [degrees]."""
        return points / self.metres(np.array([[self.lon + 1.0, self.lat + 1.0]])) + (self.lon, self.lat)

    def error(self, points: NDArray[np.float64]) -> float:
        """The largest relative error of an east-west length among these lon, lat [1]."""
        return float(np.abs(np.tan(np.radians(self.lat)) * np.radians(points[:, 1] - self.lat)).max()) if len(points) else 0.0


def could_be_degrees(points: NDArray[np.float64]) -> bool:
    """Whether all of x, y lie within the ranges of longitude and latitude."""
    return bool(len(points) == 0 or (np.abs(points) <= (180.0, 90.0)).all())


def fitted(from_xy: NDArray[np.float64], to_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[3, 2] that takes (1, x, y) of one plane to another: the affine map of least squares through points float64[n, 2], n >= 3.

    Affine, so that swapped axes and another projection's stretch do not matter. Some pairs may be wrong: the fit is repeated without
    those that lie more than three times the median off.
    """
    design = np.column_stack([np.ones(len(from_xy)), from_xy])
    found = np.linalg.lstsq(design, to_xy, rcond=None)[0]
    for _ in range(5):
        off = np.hypot(*(design @ found - to_xy).T)
        near = off <= max(3 * float(np.median(off)), 1e-6)
        found = np.linalg.lstsq(design[near], to_xy[near], rcond=None)[0]
    return np.asarray(found)
