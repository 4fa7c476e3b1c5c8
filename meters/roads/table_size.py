"""How large a table becomes in memory, looked at before it is: a few bytes of Parquet or of separators can state any number of cells."""

import io

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from city.problems import fault

MOST_CELLS = 1 << 28  # of a table
MOST_TEXT = 1000  # characters of a cell: an id, a status, a time; a longer one that each of a million rows names is an attack


def parquet(name: str, content: bytes) -> pd.DataFrame:
    """The table of a Parquet file. Raises `PenstockError`: more than MOST_CELLS, cells that are lists, texts above MOST_TEXT; what pyarrow
    raises for a broken file."""
    file = pq.ParquetFile(io.BytesIO(content))
    stated, fields = file.metadata, list(file.schema_arrow)
    if stated.num_rows * stated.num_columns > MOST_CELLS:
        raise fault(name, f"{stated.num_rows:,} rows, {stated.num_columns} columns", f"{MOST_CELLS:,} cells", "Split it.")
    if nested := [field.name for field in fields if pa.types.is_nested(field.type)]:
        raise fault(f"{name}, column '{nested[0]}'", "lists or tables in its cells", "one value a cell", "Write it flat.")
    texts = [field.name for field in fields if _text(field.type)]
    for text in texts:  # as a dictionary, so that a text which a million rows name is looked at once
        kept = pq.ParquetFile(io.BytesIO(content), read_dictionary=[text])
        for batch in kept.iter_batches(1 << 20, columns=[text]):
            column = batch.column(0)
            words = column.dictionary if isinstance(column, pa.DictionaryArray) else column
            longest = pc.max(pc.binary_length(words)).as_py() or 0
            if longest > MOST_TEXT:
                raise fault(f"{name}, column '{text}'", f"a text of {longest:,} bytes", f"at most {MOST_TEXT:,}", "Leave that column out.")
    return pd.read_parquet(io.BytesIO(content))


def _text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_binary(inner) or pa.types.is_large_binary(inner)


def csv_fits(name: str, content: bytes, separator: str) -> None:
    """Raises `PenstockError` for a text of more cells than MOST_CELLS."""
    cells = content.count(separator.encode()) + content.count(b"\n") + 1
    if cells > MOST_CELLS:
        raise fault(name, f"about {cells:,} cells", f"{MOST_CELLS:,} cells", "Split it.")
