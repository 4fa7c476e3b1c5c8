"""Number vectors as bytes: int64 and uint16 compressed where they live for years, float32 plain where they live for days."""

import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_ALIKE = 1024  # marks kept at hand: nearly all days of a city have the same


def pack_int(values: NDArray[np.int64]) -> bytes:
    """int64[t] as bytes: differences first, since neighbours are alike, then zlib."""
    flat = np.ascontiguousarray(values, dtype="<i8")
    return zlib.compress(np.diff(flat, prepend=np.int64(0)).tobytes(), 1)


def unpack_int(data: bytes) -> NDArray[np.int64]:
    """The vector that `pack_int` packed, exactly."""
    return np.add.accumulate(np.frombuffer(zlib.decompress(data), dtype="<i8"))


def pack_quality(values: NDArray[np.uint16]) -> bytes:
    return _packed(np.ascontiguousarray(values, dtype="<u2").tobytes())


@lru_cache(maxsize=_ALIKE)
def _packed(data: bytes) -> bytes:
    return zlib.compress(data, 1)


@lru_cache(maxsize=_ALIKE)
def unpack_quality(data: bytes) -> NDArray[np.uint16]:
    """The marks that `pack_quality` packed; not to be written to."""
    return np.frombuffer(zlib.decompress(data), dtype="<u2")


def pack_float(values: NDArray[np.floating]) -> bytes:
    return np.ascontiguousarray(values, dtype="<f4").tobytes()


def unpack_float(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, dtype="<f4")
