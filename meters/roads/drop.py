"""Readings that arrive as tables: CSV or Parquet, in somebody else's layout, names, units, status words and local time."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from city import quality as q
from city.clock import civil_day
from city.frames import Block
from city.problems import fault
from city.quality import Cause
from meters.roads.archives import members
from meters.roads.delivered import as_blocks, single
from meters.roads.local_times import to_utc
from meters.roads.mapping import QUALITY, TABLE_KINDS, Column, Mapping, factor_and_shift
from meters.roads.table_size import csv_fits, parquet


def read_drop(path: Path | str, mapping: Mapping) -> list[Block]:
    """The series of a CSV, Parquet or ZIP file of such, as one Block per quantity in the order of the mapping.

    A cell that is empty or NaN, and a grid time without a row, is missing (GAP). Nothing is filled or interpolated.
    Raises `PenstockError` as `read_rows` does, and for times off the grid.
    """
    path = Path(path)
    if not path.is_file():
        raise fault(str(path), "no such file", "a CSV, Parquet or ZIP file", "Check the path.")
    return as_blocks(read_rows(str(path), path.read_bytes(), mapping), timedelta(seconds=mapping.step_s), str(path))


def read_rows(subject: str, content: bytes, mapping: Mapping) -> pd.DataFrame:
    """The rows (see `meters.roads.delivered`) of a CSV, Parquet or ZIP file of such.

    Parameters
    ----------
    subject : its name, for its ending and for faults

    Raises `PenstockError` with every fault found: unreadable file, missing columns, text among the numbers, a status or unit that is not
    known, times that cannot be told (a naive time in the autumn hour that occurs once only), a series with two values at one time.
    """
    frame = pd.concat([_table(part, name, mapping) for name, part in members(subject, content, TABLE_KINDS)] or [pd.DataFrame()])
    cells = _cells(frame.reset_index(drop=True), mapping, subject)
    known = {column.name: column for column in mapping.columns}
    cells = _chosen(cells, list(known), subject)
    each: Sequence[tuple[str, Column | None]] = list(known.items()) or [(name, None) for name in cells["name"].unique()]
    rows = pd.DataFrame(
        {
            "point_id": cells["name"].map({name: column.point for name, column in known.items()}) if known else cells["name"],
            "quantity": cells["name"].map({name: str(mapping.quantity_of(column)) for name, column in each}),
            "value": _numbers(cells, subject),
        }
    )
    rows["value"] = _converted(rows, cells, mapping, each, subject)
    rows["quality"] = _quality(cells, rows["value"], mapping, subject)
    rows.loc[rows["quality"] & 0xFF == 0, "value"] = np.nan
    utc, kept = to_utc(cells["time"], rows["point_id"], mapping.zone, mapping.time_format, mapping.missing_hour, subject)
    if mapping.time_marks == "end":
        period = cells["name"].map({name: mapping.quantity_of(column).is_period for name, column in each}).astype(bool)
        utc = utc.where(~period, utc - timedelta(seconds=mapping.step_s))
    return single(rows.assign(time_utc=utc)[kept], subject)


def _table(content: bytes, name: str, mapping: Mapping) -> pd.DataFrame:
    try:
        if not name.lower().endswith(".parquet"):
            csv_fits(name, content, mapping.separator)
            return _csv(content, mapping)
        return parquet(name, content)
    except (ValueError, OSError, LookupError, pa.ArrowException, MemoryError) as error:  # of which the parsers' errors are subclasses
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise fault(name, reason, f"a table in {mapping.encoding}, separated by '{mapping.separator}'", "Check the mapping.") from None


def _csv(content: bytes, mapping: Mapping) -> pd.DataFrame:
    form: dict[str, Any] = {"sep": mapping.separator, "encoding": mapping.encoding}
    ids = [mapping.id] if isinstance(mapping.id, str) else list(mapping.id)
    texts = [*ids, mapping.status, mapping.unit_column, *(column.status for column in mapping.columns)]
    types = {name: str for name in texts if name is not None}  # a meter is called 007, not 7
    if mapping.header_lines == 1:
        return pd.read_csv(io.BytesIO(content), decimal=mapping.decimal, skiprows=mapping.skip_lines, dtype=types, **form)
    form |= {"header": None, "skip_blank_lines": False}  # so that both reads count the same lines
    head = pd.read_csv(io.BytesIO(content), dtype=str, skiprows=mapping.skip_lines, nrows=mapping.header_lines, **form)
    head = head.apply(lambda line: line.str.strip().replace("", np.nan), axis=1)
    head.iloc[:-1] = head.iloc[:-1].ffill(axis=1)  # what is merged over several columns is written above the first of them only
    names = ["/".join(head[column].dropna()) for column in head]
    behind = mapping.skip_lines + mapping.header_lines
    body = pd.read_csv(io.BytesIO(content), decimal=mapping.decimal, names=names, skiprows=behind, dtype=types, **form)
    return body.dropna(how="all")


def _cells(frame: pd.DataFrame, mapping: Mapping, subject: str) -> pd.DataFrame:
    """One row per cell: time, name of its series, value, and status and unit where the file has them. Raises for missing columns."""
    ids = [mapping.id] if isinstance(mapping.id, str) else list(mapping.id)
    wide, table = mapping.layout == "wide", mapping.layout == "table"
    needed = [mapping.time, *([] if wide else ids), *([] if wide or table else [mapping.value])]
    needed += [column.name for column in mapping.columns if wide]
    needed += [name for name in (mapping.status, mapping.unit_column, *(c.status for c in mapping.columns if wide)) if name]
    lacking = list(dict.fromkeys(name for name in needed if name not in frame.columns))
    if lacking:
        have = ", ".join(map(str, frame.columns[:12]))
        raise fault(subject, f"no column {', '.join(lacking)}", f"its columns: {have}", "Correct the mapping.")
    name = pd.Series(dtype=str) if wide else frame[ids[0]].astype(str)
    for more in () if wide else ids[1:]:
        name = name + "/" + frame[more].astype(str)
    shared = {"status": frame[mapping.status]} if mapping.status else {}
    if mapping.unit_column:
        shared["unit"] = frame[mapping.unit_column]
    if mapping.layout == "long":
        return pd.DataFrame({"time": frame[mapping.time], "name": name, "value": frame[mapping.value], **shared})
    if mapping.layout == "days":
        return _days(frame, name, shared, mapping, subject)
    if wide:
        taken = [c.name for c in mapping.columns] or [str(c) for c in frame.columns if c not in (mapping.time, mapping.status)]
        status = {c.name: c.status for c in mapping.columns if c.status}
        parts = [(one, one, {**shared, **({"status": frame[status[one]]} if one in status else {})}) for one in taken]
    else:
        taken = list(dict.fromkeys(column.name.rpartition("/")[2] for column in mapping.columns))
        parts = [(name + "/" + one, one, shared) for one in taken if one in frame.columns]
    made = [pd.DataFrame({"time": frame[mapping.time], "name": label, "value": frame[one], **rest}) for label, one, rest in parts]
    return pd.concat(made, ignore_index=True) if made else pd.DataFrame({"time": [], "name": [], "value": []})


def _days(frame: pd.DataFrame, name: pd.Series, shared: dict[str, pd.Series], mapping: Mapping, subject: str) -> pd.DataFrame:
    """Rows of a civil day each, spelled out: as many intervals as the day has, 92, 96 or 100 quarters."""
    first = list(frame.columns).index(mapping.value)
    last = [c for c in frame.columns[first:] if c not in (mapping.status, mapping.time)]
    texts = frame[mapping.time].fillna("").astype(str)
    days = texts.map(_dates(texts.unique(), mapping, subject))
    made = []
    for day, part in frame.groupby(days, sort=False):
        start, end = civil_day(day, mapping.zone)
        count = (end - start) // timedelta(seconds=mapping.step_s)
        behind = part[last[count:]].notna().to_numpy().any() if len(last) > count else False
        if len(last) < count or behind:
            observed = f"{len(last)} interval columns" if len(last) < count else f"values behind the last of {count}"
            raise fault(f"{subject}, {day}", observed, f"{count} intervals in {mapping.zone}", "Check zone, step_s and value.")
        times = pd.date_range(start, periods=count, freq=timedelta(seconds=mapping.step_s), unit="us")
        cells = pd.DataFrame({"time": np.tile(times, len(part)), "name": np.repeat(name[part.index].to_numpy(), count)})
        cells["value"] = part[last[:count]].to_numpy().ravel()
        for key, column in shared.items():
            cells[key] = np.repeat(column[part.index].to_numpy(), count)
        made.append(cells)
    whole = pd.concat(made, ignore_index=True) if made else pd.DataFrame({"time": [], "name": [], "value": []})
    return whole.assign(time=pd.to_datetime(whole["time"], utc=True))


def _dates(texts: Sequence[str], mapping: Mapping, subject: str) -> dict[str, date]:
    made = {}
    for one in texts:
        try:
            found = datetime.strptime(one, mapping.time_format) if mapping.time_format else datetime.fromisoformat(one)  # noqa: DTZ007 - a date
        except ValueError:
            found = datetime(1, 1, 1, tzinfo=UTC)
        if not 1970 <= found.year < 2200:
            raise fault(subject, f"date {one!r}", f"{mapping.time_format or 'ISO 8601'}, 1970 to 2199", "Set time_format, or correct it.")
        made[one] = found.date()
    return made


def _chosen(cells: pd.DataFrame, known: list[str], subject: str) -> pd.DataFrame:
    if not known:
        return cells
    found = cells["name"].isin(known)
    unseen = sorted(set(known) - set(cells["name"][found]))
    if unseen:
        some = ", ".join(map(str, cells["name"].unique()[:5]))
        raise fault(subject, f"no rows of {', '.join(unseen[:8])}", f"one of its names, e.g. {some}", "Correct it.")
    return cells[found].reset_index(drop=True)


def _numbers(cells: pd.DataFrame, subject: str) -> pd.Series:
    numbers = pd.to_numeric(cells["value"], errors="coerce").astype(float)
    text = numbers.isna() & cells["value"].notna() & (cells["value"].astype(str).str.strip() != "")
    if text.any():
        row = int(np.flatnonzero(text)[0])
        raise fault(
            f"{subject}, series {cells['name'].iloc[row]}",
            f"{int(text.sum())} cells like {cells['value'].iloc[row]!r}",
            "numbers or empty cells",
            "Correct or empty them.",
        )
    return numbers.mask(np.isinf(numbers))


def _converted(
    rows: pd.DataFrame, cells: pd.DataFrame, mapping: Mapping, each: Sequence[tuple[str, Column | None]], subject: str
) -> pd.Series:
    """Values in the unit of their quantity."""
    if mapping.unit_column is None:
        scale = {name: mapping.scale(column) for name, column in each}
        return rows["value"] * cells["name"].map({n: f for n, (f, _) in scale.items()}).astype(float) + cells["name"].map(
            {n: s for n, (_, s) in scale.items()}
        ).astype(float)
    units = cells["unit"].fillna("").astype(str).str.strip()
    made = rows["value"].copy()
    for (unit, quantity), part in rows.groupby([units, rows["quantity"]], sort=False):
        try:
            factor, shift = factor_and_shift(str(unit), mapping.quantity_of(dict(each)[cells["name"][part.index[0]]]))
        except ValueError as error:
            raise fault(f"{subject}, column {mapping.unit_column}", f"'{unit}' for {quantity}", "a unit of its kind", str(error)) from None
        made[part.index] = part["value"] * factor + shift
    return made


def _quality(cells: pd.DataFrame, values: pd.Series, mapping: Mapping, subject: str) -> pd.Series:
    """Quality by the status of a row; a row without a value is missing, whatever its status says."""
    quality = pd.Series(q.VALID, index=cells.index)
    if "status" in cells:
        told = cells["status"].fillna("").astype(str).str.strip()
        given = {"": "valid", **mapping.statuses}
        meaning = {one: given.get(one) or mapping.statuses.get("*") for one in told.unique()}
        unknown = sorted(one for one, word in meaning.items() if word is None)
        if unknown:
            allowed = ", ".join(mapping.statuses) or "none is listed"
            raise fault(f"{subject}, status", ", ".join(map(repr, unknown[:8])), allowed, "Add it to statuses.")
        quality = told.map({one: QUALITY[word] for one, word in meaning.items() if word})
    return quality.where(values.notna(), q.missing(Cause.GAP)).astype("int64")
