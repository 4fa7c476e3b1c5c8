"""A batch of Readings as bytes, named by its content: what waits in the spool and what travels from a station to the central.

Kept form: 8 bytes with the length of the content (big-endian), then the content compressed by Zstandard. Content: one Arrow IPC stream.
The id is the SHA-256 of the content, so it is the same wherever and however often the batch is sent.
"""

import hashlib
from dataclasses import dataclass
from typing import Self

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from city.frames import READINGS, checked
from city.problems import PenstockError, fault
from meters.spool.plain_stream import LONGEST, check_plain

MAX_CONTENT = 256 << 20  # [bytes]; a stated length beyond it is not believed, so it costs no memory

_SCHEMA = pa.schema(
    {
        "point_id": pa.string(),
        "time_utc": pa.timestamp("us", "UTC"),
        "quantity": pa.dictionary(pa.int32(), pa.string()),
        "value": pa.float64(),
        "quality": pa.int64(),
        "received_at_utc": pa.timestamp("us", "UTC"),
    }
)


@dataclass(frozen=True)
class Batch:
    """Readings under one id, as they are kept.

    `origin` says where they were read: `<station>/<SHA-256 of its configuration>`, or '' on this machine. `reason` says why they were
    refused before, so that they belong to the dead letters; '' when they were not.
    """

    batch_id: str
    kept: bytes
    origin: str = ""
    reason: str = ""

    @classmethod
    def of(cls, readings: pd.DataFrame, origin: str = "") -> Self:
        """Pack `readings` (columns of `city.frames.READINGS`). Raises `PenstockError` on wrong columns."""
        content = _packed(checked(READINGS, readings, "batch for the spool"))
        kept = len(content).to_bytes(8, "big") + pa.Codec("zstd").compress(content, asbytes=True)
        return cls(hashlib.sha256(content).hexdigest(), kept, origin)

    def readings(self) -> pd.DataFrame:
        """The readings, exactly as they were packed. Raises `PenstockError` when the bytes are not those the id names."""
        try:
            content = _expanded(self.kept)
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            raise self._fault(f"cannot be read ({error})") from None
        if hashlib.sha256(content).hexdigest() != self.batch_id:
            raise self._fault("content was changed")
        try:
            return _unpacked(content)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._fault(f"is no table of readings ({error})") from None

    def _fault(self, observed: str) -> PenstockError:
        return fault(f"batch {self.batch_id[:12]}", observed, "the bytes that its id names", "It goes to the dead letters.")


def _packed(frame: pd.DataFrame) -> bytes:
    columns = {
        "point_id": pa.array(frame["point_id"].astype(object), pa.string()),
        "time_utc": pa.array(frame["time_utc"], pa.timestamp("us", "UTC")),
        "quantity": pa.array(frame["quantity"].astype(object), pa.string()).dictionary_encode(),
        # NaN is the Readings' word for no value; null would be another bit pattern for the same batch.
        "value": pa.array(frame["value"].to_numpy(dtype=float), pa.float64(), from_pandas=False),
        "quality": pa.array(frame["quality"].to_numpy(dtype="int64"), pa.int64()),
        "received_at_utc": pa.array(frame["received_at_utc"], pa.timestamp("us", "UTC")),
    }
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA) as stream:
        stream.write_table(pa.table(columns, schema=_SCHEMA))
    return sink.getvalue().to_pybytes()


def _expanded(kept: bytes) -> bytes:
    size = int.from_bytes(kept[:8], "big")
    if size > MAX_CONTENT:
        raise ValueError(f"{size} bytes are stated")
    content: bytes = pa.Codec("zstd").decompress(kept[8:], decompressed_size=size, asbytes=True)
    return content


def _unpacked(content: bytes) -> pd.DataFrame:
    check_plain(content)
    with pa.ipc.open_stream(pa.py_buffer(content)) as stream:
        if not stream.schema.equals(_SCHEMA):
            raise ValueError("other columns")
        table = stream.read_all()
    table.validate(full=True)
    if any(table[name].null_count for name in table.column_names):
        raise ValueError("empty cells")
    for part in table["quantity"].chunks:
        if len(part.dictionary) and (pc.max(pc.binary_length(part.dictionary)).as_py() or 0) > LONGEST:
            raise ValueError(f"a quantity of more than {LONGEST} characters")
    return table.to_pandas().astype({"quantity": "str", "point_id": "str"})
