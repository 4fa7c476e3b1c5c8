"""Number vectors as bytes: int64 and uint16 compressed where they live for years, float32 plain where they live for days."""

import zlib

import numpy as np
from numpy.typing import NDArray


def pack_int(values: NDArray[np.int64]) -> bytes:
    """int64[t] as bytes: differences first, since neighbours are alike, then zlib."""
    flat = np.ascontiguousarray(values, dtype="<i8")
    return zlib.compress(np.diff(flat, prepend=np.int64(0)).tobytes(), 1)


def unpack_int(data: bytes) -> NDArray[np.int64]:
    """The vector that `pack_int` packed, exactly."""
    return np.add.accumulate(np.frombuffer(zlib.decompress(data), dtype="<i8"))


def pack_quality(values: NDArray[np.uint16]) -> bytes:
    return zlib.compress(np.ascontiguousarray(values, dtype="<u2").tobytes(), 1)


def unpack_quality(data: bytes) -> NDArray[np.uint16]:
    return np.frombuffer(zlib.decompress(data), dtype="<u2")


def pack_float(values: NDArray[np.floating]) -> bytes:
    return np.ascontiguousarray(values, dtype="<f4").tobytes()


def unpack_float(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, dtype="<f4")
