"""Files of an export: CSV or Parquet, written once, whole or not at all; the same rows give the same bytes."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from city.problems import fault
from city.quantities import Quantity
from service.exchange.kind import Kind
from service.exchange.lines import header, lines

FORMATS = ("csv", "parquet")
_GROUP = 131_072  # rows of a row group, whatever pieces they come in
_PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 3, "write_page_checksum": True}


class _Hashing:
    """A file that hashes what goes into it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest, self.size, self.closed = file, hashlib.sha256(), 0, False

    def write(self, content: Any) -> int:
        self.digest.update(content)
        self.size += len(content)
        return self._file.write(content)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.closed = True


def write(kind: Kind, tables: Iterable[pa.Table], folder: Path, form: str) -> dict[str, Any]:
    """Write one kind as `folder`/<name>.<form>. Returns its entry of the manifest. Raises `PenstockError` where it cannot be written."""
    path = folder / f"{kind.name}.{form}"
    half = folder / f"{path.name}.part"
    try:
        with half.open("xb") as file:
            out = _Hashing(file)
            rows = (_csv if form == "csv" else _parquet)(kind, tables, out)
            file.flush()
            os.fsync(file.fileno())
        half.rename(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise fault(f"file {path}", error.strerror or str(error), "a folder with room that can be written", "Free the disk.") from None
    columns = [{"name": field.name, "type": str(field.type)} for field in kind.schema]
    return {"file": path.name, "rows": rows, "bytes": out.size, "sha256": out.digest.hexdigest(), "about": kind.about, "columns": columns}


def _csv(kind: Kind, tables: Iterable[pa.Table], out: _Hashing) -> int:
    out.write(header(kind.schema.names))
    rows = 0
    for table in tables:
        for at in range(0, table.num_rows, _GROUP):
            out.write(lines(table.slice(at, _GROUP)))
        rows += table.num_rows
    return rows


def _parquet(kind: Kind, tables: Iterable[pa.Table], out: _Hashing) -> int:
    scales = {f"scale.{quantity}": str(quantity.scale) for quantity in Quantity}
    schema = kind.schema.with_metadata(scales if "value_scaled" in kind.schema.names else None)
    rows = 0
    with pq.ParquetWriter(pa.PythonFile(out, mode="w"), schema, **_PARQUET) as writer:
        for group in _groups(tables):
            plain = pa.table([_alike(column) for column in group.columns], schema=schema)
            writer.write_table(plain, row_group_size=_GROUP)
            rows += group.num_rows
    return rows


def _alike(column: pa.ChunkedArray) -> pa.Array:
    """One array whose words stand in the order they come in: the bytes must not show in which pieces the rows were streamed."""
    whole = column.combine_chunks()
    if not pa.types.is_dictionary(whole.type):
        return whole
    return whole.cast(pa.string()).dictionary_encode()


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of exactly a row group; the last one is shorter."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        if count >= _GROUP:
            whole = pa.concat_tables(held, promote_options="none")
            full = count // _GROUP * _GROUP
            for at in range(0, full, _GROUP):
                yield whole.slice(at, _GROUP)
            held, count = [whole.slice(full)], count - full
    if count:
        yield pa.concat_tables(held, promote_options="none")
