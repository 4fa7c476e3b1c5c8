"""Small files that would become large: refused by what they state or hold, before the memory is gone."""

import hashlib
import io
import resource
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from city.problems import PenstockError
from meters.roads.drop import read_drop, read_rows
from meters.roads.headend import read_messages
from meters.roads.mapping import Mapping, Messages
from meters.spool.packing import _SCHEMA, Batch

POWER = Mapping(quantity="power_kw")  # type: ignore[arg-type]
ANY = {"channels": [{"meter": "m", "reading_type": ".".join("*" * 18), "point": "m.x"}], "others": "leave"}
TIMES = pd.to_datetime(["2022-06-15T00:00Z"])


def grown_mb(before_kb: int) -> float:
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024


def parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def refused(name: str, content: bytes) -> str:
    """What `read_rows` says of a file; it may not take 300 MB to say it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PenstockError) as told:
        read_rows(name, content, POWER)
    assert grown_mb(before) < 300, "it was expanded first"
    return str(told.value)


def test_a_long_text_that_two_million_rows_name_is_refused() -> None:
    """20 GB of text in a file of some kilobytes: Parquet keeps the text once."""
    rows = 2_000_000
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * 10_000]))
    content = parquet(pa.table({"time_utc": words, "m.power": pa.array(np.zeros(rows))}))
    assert len(content) < 100_000
    assert "a text of 10,000 bytes" in refused("bomb.parquet", content)


def test_a_cell_that_is_a_list_of_four_million_is_refused() -> None:
    inner = pa.array(np.zeros(4_000_000))
    cells = pa.ListArray.from_arrays(pa.array([0, len(inner)], pa.int32()), inner)
    assert "lists or tables in its cells" in refused("bomb.parquet", parquet(pa.table({"time_utc": TIMES, "m.power": cells})))


def test_a_csv_of_separators_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meters.roads.table_size.MOST_CELLS", 1_000_000)
    assert "cells" in refused("bomb.csv", b"time_utc,m.power\n" + b"," * 2_000_000)


def test_an_archive_in_an_archive_is_no_table_and_thousands_of_members_are_refused(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "0" * 1_000_000)
    with zipfile.ZipFile(tmp_path / "outer.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.zip", inner.getvalue())
    with pytest.raises(PenstockError, match="another kind of file"):
        read_drop(tmp_path / "outer.zip", POWER)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}.csv", "")
    with pytest.raises(PenstockError, match="10001 members"):
        read_drop(tmp_path / "many.zip", POWER)


BILLION = "".join(f'<!ENTITY l{i} "{"".join(f"&l{i - 1};" for _ in range(10))}">' for i in range(1, 10))
HOSTILE_XML = {
    "a billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{BILLION}]><x>&l9;</x>',
    "a file of this machine": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
    "an address outside": '<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd"><x/>',
    "a deep nest": "<a>" * 100_000 + "</a>" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE_XML)
def test_a_message_of_a_head_end_that_attacks_the_parser_is_refused(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PenstockError) as told:
        read_messages("m.xml", HOSTILE_XML[name].encode(), Messages.model_validate(ANY))
    assert "root:" not in str(told.value)
    assert grown_mb(before) < 300


def kept(content: bytes, stated: int | None = None) -> Batch:
    """A batch as a station with a token, and bad intentions, would send it."""
    size = len(content) if stated is None else stated
    return Batch(hashlib.sha256(content).hexdigest(), size.to_bytes(8, "big") + pa.Codec("zstd").compress(content, asbytes=True))


def stream(table: pa.Table, compression: str | None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA, options=pa.ipc.IpcWriteOptions(compression=compression)) as out:
        out.write_table(table)
    return sink.getvalue().to_pybytes()


def readings(rows: int, quantity: str = "power_kw") -> pa.Table:
    time = pa.array(np.zeros(rows, dtype="datetime64[us]"), pa.timestamp("us", "UTC"))
    index = pa.array(np.zeros(rows, dtype=np.int32))
    columns = {
        "point_id": pa.array(["m.p"] * rows),
        "time_utc": time,
        "quantity": pa.DictionaryArray.from_arrays(index, pa.array([quantity])),
        "value": pa.array(np.zeros(rows)),
        "quality": pa.array(np.zeros(rows, dtype=np.int64)),
        "received_at_utc": time,
    }
    return pa.table(columns, schema=_SCHEMA)


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_station_s_batch_that_is_compressed_within_is_refused(compression: str) -> None:
    """Expanded, it would be as large as it likes: the limit is on what the outer compression states."""
    content = stream(readings(200_000), compression)
    assert len(content) < 3_000_000
    with pytest.raises(PenstockError, match="compressed within"):
        kept(content).readings()
    assert len(kept(stream(readings(10), None)).readings()) == 10, "what a station sends otherwise is read"


def test_a_station_s_batch_whose_quantity_is_a_megabyte_in_every_row_is_refused() -> None:
    with pytest.raises(PenstockError, match="more than 80 characters"):
        kept(stream(readings(100_000, "x" * 1_000_000), None)).readings()


def test_a_station_s_batch_that_states_another_size_is_refused() -> None:
    content = stream(readings(10), None)
    for stated in (0, 10, 1 << 40, len(content) + 1):
        with pytest.raises(PenstockError):
            kept(content, stated).readings()
