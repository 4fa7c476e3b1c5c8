"""The file of a batch: an uncompressed ZIP of fixed layout, so that the same content is the same bytes and columns can be memory-mapped.

References: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16; NumPy's .npy format, version 1.0.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from city.problems import fault

ALIGNED = 64  # the data of a member begin at a multiple of it
NPY_BYTES = 128  # header of a column
_DAY_ZERO = 33  # 1980-01-01, as ZIP counts days: no clock enters a file
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")


def npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The 128 bytes before the data of an array in C order, version 1.0, whatever version of NumPy runs."""
    said = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", NPY_BYTES - 10) + said.ljust(NPY_BYTES - 11) + b"\n"


def frame(members: Mapping[str, tuple[int, int]]) -> list[bytes]:
    """What stands before the data of each member, and behind the last, from the size and CRC-32 of each by name."""
    made, central, offset = [], b"", 0
    for name, (size, crc) in members.items():
        text = name.encode()
        padding = -(offset + _LOCAL.size + len(text) + 4) % ALIGNED
        extra = struct.pack("<2H", 0xD935, padding) + bytes(padding)  # id of padding for alignment, as Android's zipalign writes it
        known = (0, 0, 0, _DAY_ZERO, crc, size, size, len(text))
        made.append(_LOCAL.pack(b"PK\3\4", 10, *known, len(extra)) + text + extra)
        central += _CENTRAL.pack(b"PK\1\2", 10, 10, *known, 0, 0, 0, 0, 0, offset) + text
        offset += len(made[-1]) + size
    return [*made, central + _END.pack(b"PK\5\6", 0, 0, len(members), len(members), len(central), offset, 0)]


def members(data: memoryview, subject: str) -> dict[str, memoryview]:
    """The members of a file by name, without a copy. Raises `PenstockError` when it is not laid out as `frame` says."""
    made: dict[str, memoryview] = {}
    offset = 0
    while data[offset : offset + 4] == b"PK\3\4" and len(data) >= offset + _LOCAL.size:
        *_, size, _, name_bytes, extra_bytes = _LOCAL.unpack_from(data, offset)
        begin = offset + _LOCAL.size + name_bytes
        name = bytes(data[offset + _LOCAL.size : begin]).decode("ascii", "replace")
        offset = begin + extra_bytes + size
        if name in made or offset > len(data):
            raise fault(subject, f"member '{name}' given twice or cut off", "the file as it was written", "Restore it from a copy.")
        made[name] = data[begin + extra_bytes : offset]
    return made


def same_frame(data: memoryview, found: Mapping[str, memoryview]) -> bool:
    """Is every byte of a file around the data of its members what it was written as? CRCs are computed from the data."""
    offset = 0
    parts = frame({name: (len(view), zlib.crc32(view)) for name, view in found.items()})
    for part, view in zip(parts, [*found.values(), b""], strict=True):
        if data[offset : offset + len(part)] != part:
            return False
        offset += len(part) + len(view)
    return offset == len(data)
