"""Readings that arrive as files: CSV or Parquet, wide or long, in somebody else's names, units and local time."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from city import quality as q
from city.frames import Block
from city.problems import fault
from city.quality import Cause
from city.quantities import Quantity
from meters.local_times import to_utc

_MOST_BYTES = 4 << 30  # of one member of an archive after unpacking: more is a mistake or an attack
_KINDS = (".csv", ".txt", ".parquet")


class Column(BaseModel):
    """One series of the file: a column (wide), or a name in the id column (long)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(description="as in the file")
    point: str = Field(description="point id, <meter>.<register>")
    quantity: Quantity | None = Field(default=None, description="what it measures; default: the mapping's")
    factor: float | None = Field(default=None, description="units of the quantity per unit of the file; default: the mapping's")


class Mapping(BaseModel):
    """How to read one kind of file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    layout: Literal["wide", "long"] = Field(default="wide", description="wide: a column per series; long: a row per reading")
    time: str = Field(default="time_utc", description="name of the time column")
    zone: str = Field(default="UTC", description="zone of times without offset, e.g. Europe/Rome")
    time_format: str | None = Field(default=None, description="strptime format; default: ISO 8601")
    time_marks: Literal["start", "end"] = Field(default="start", description="end: the time of a period is its end")
    missing_hour: Literal["refuse", "drop"] = Field(default="refuse", description="rows at local times that the spring change leaves out")
    step_s: int = Field(default=900, gt=0, description="length of an interval [s]")
    id: str = Field(default="point_id", description="long: the column that names the series")
    value: str = Field(default="value", description="long: the column of values")
    quantity: Quantity | None = Field(default=None, description="what the columns measure, where they do not say")
    factor: float = Field(default=1.0, description="units of the quantity per unit of the file")
    columns: tuple[Column, ...] = Field(default=(), description="the series to take; none: all of them, their names being point ids")
    separator: str = Field(default=",", min_length=1, max_length=1, description="between CSV fields")
    decimal: Literal[".", ","] = Field(default=".", description="decimal sign of a CSV")
    encoding: str = Field(default="utf-8-sig", description="of a CSV")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{zone!r} is not an IANA time zone such as Europe/Rome") from None
        return zone

    @model_validator(mode="after")
    def _quantities_known(self) -> "Mapping":
        if self.quantity is None and (not self.columns or any(column.quantity is None for column in self.columns)):
            raise ValueError("quantity is missing: give it for the mapping or for every column")
        return self


def within(folder: Path | str, name: str) -> Path:
    """The file `name` inside `folder`. Raises `PenstockError` when it lies elsewhere (.., a link, an absolute path)."""
    root = Path(folder).resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or path == root:
        raise fault(f"file '{name}'", f"outside {root}", "a file inside the drop folder", "Move the file into it.")
    return path


def read_drop(path: Path | str, mapping: Mapping) -> list[Block]:
    """The series of a CSV, Parquet or ZIP file of such, as one Block per quantity in the order of the mapping.

    Period quantities and registers become int64 in the store's scale, instants float32 in the unit of the quantity; a cell that is
    empty or NaN, and a grid time without a row, is missing (GAP). Nothing is filled or interpolated.

    Raises `PenstockError` with every fault found: unreadable file, missing columns, text among the numbers, times that cannot be
    told (a naive time in the autumn hour that occurs once only), times off the grid, a series with two values at one time.
    """
    path = Path(path)
    frame = pd.concat([_table(stream, name, mapping) for name, stream in _members(path)], ignore_index=True)
    tidy = _tidy(frame, mapping, str(path))
    step = timedelta(seconds=mapping.step_s)
    tidy["time_utc"], kept = to_utc(tidy["time"], tidy["point"], mapping.zone, mapping.time_format, mapping.missing_hour, str(path))
    tidy = tidy[kept]
    shift = step if mapping.time_marks == "end" else timedelta(0)
    tidy = tidy.assign(time_utc=tidy["time_utc"].where(~tidy["is_period"], tidy["time_utc"] - shift))
    return [_block(group, Quantity(str(name)), step, str(path)) for name, group in tidy.groupby("quantity", sort=False)]


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The table files behind `path`; those of an archive are read in memory, never unpacked to the disk."""
    if not path.is_file():
        raise fault(str(path), "no such file", "a CSV, Parquet or ZIP file", "Check the path.")
    if path.suffix.lower() != ".zip":
        if path.suffix.lower() not in _KINDS:
            raise fault(str(path), f"a {path.suffix or 'nameless'} file", ", ".join((*_KINDS, ".zip")), "Convert it.")
        with path.open("rb") as stream:
            yield str(path), stream
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = PurePosixPath(member.filename.replace("\\", "/"))
                if member.is_dir():
                    continue
                if name.is_absolute() or ".." in name.parts or ":" in member.filename:
                    raise fault(f"{path}, member '{member.filename}'", "a path out of the archive", "names inside it", "Refuse this file.")
                if name.suffix.lower() not in _KINDS or member.file_size > _MOST_BYTES:
                    raise fault(
                        f"{path}, member '{member.filename}'", f"{member.file_size} bytes", f"{', '.join(_KINDS)} up to 4 GiB", "Remove it."
                    )
                yield f"{path}/{name}", io.BytesIO(archive.read(member))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise fault(str(path), str(error), "a ZIP file without password", "Send the file again.") from None


def _table(stream: IO[bytes], name: str, mapping: Mapping) -> pd.DataFrame:
    try:
        if name.lower().endswith(".parquet"):
            return pd.read_parquet(io.BytesIO(stream.read()))
        return pd.read_csv(stream, sep=mapping.separator, decimal=mapping.decimal, encoding=mapping.encoding)
    except (ValueError, OSError, LookupError) as error:  # of which the parsers' own errors are subclasses
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise fault(name, reason, f"a table in {mapping.encoding}, separated by '{mapping.separator}'", "Check the mapping.") from None


def _tidy(frame: pd.DataFrame, mapping: Mapping, subject: str) -> pd.DataFrame:
    """Columns time, point, quantity, is_period, value [unit of the quantity]. Raises with every missing column and bad cell."""
    long = mapping.layout == "long"
    needed = [mapping.time, *((mapping.id, mapping.value) if long else (column.name for column in mapping.columns))]
    lacking = [name for name in needed if name not in frame.columns]
    if lacking:
        have = ", ".join(map(str, frame.columns[:12]))
        raise fault(subject, f"no column {', '.join(lacking)}", f"its columns: {have}", "Correct the mapping.")
    if not long:
        names = [column.name for column in mapping.columns] or [str(name) for name in frame.columns if name != mapping.time]
        frame = frame.melt(id_vars=[mapping.time], value_vars=names, var_name=mapping.id, value_name=mapping.value)
    ids = frame[mapping.id].astype(str)
    known = {column.name: column for column in mapping.columns}
    if known:
        frame, ids = frame[ids.isin(list(known))], ids[ids.isin(list(known))]
    unseen = sorted(set(known) - set(ids))
    if unseen:
        raise fault(subject, f"no rows of {', '.join(unseen[:8])}", f"one of its names, e.g. {', '.join(ids.unique()[:5])}", "Correct it.")
    factors = {name: column.factor if column.factor is not None else mapping.factor for name, column in known.items()}
    quantities = {name: column.quantity or mapping.quantity for name, column in known.items()}
    return pd.DataFrame(
        {
            "time": frame[mapping.time],
            "point": ids.map({name: column.point for name, column in known.items()}) if known else ids,
            "quantity": ids.map({name: str(one) for name, one in quantities.items()}) if known else str(mapping.quantity),
            "is_period": ids.map({n: bool(one and one.is_period) for n, one in quantities.items()}).astype(bool)
            if known
            else bool(mapping.quantity and mapping.quantity.is_period),
            "value": _numbers(frame[mapping.value], ids, subject) * (ids.map(factors).astype(float) if known else mapping.factor),
        }
    ).reset_index(drop=True)


def _numbers(cells: pd.Series, ids: pd.Series, subject: str) -> pd.Series:
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    text = numbers.isna() & cells.notna() & (cells.astype(str).str.strip() != "")
    if text.any():
        row = int(np.flatnonzero(text)[0])
        raise fault(
            f"{subject}, series {ids[row]}",
            f"{int(text.sum())} cells like {cells[row]!r}",
            "numbers or empty cells",
            "Correct or empty them.",
        )
    infinite = np.isinf(numbers)
    return numbers.mask(infinite)


def _block(group: pd.DataFrame, quantity: Quantity, step: timedelta, subject: str) -> Block:
    times = pd.DatetimeIndex(group["time_utc"])
    step_us = step // timedelta(microseconds=1)
    at_us = np.asarray(times.as_unit("us").asi8)
    off = at_us % step_us != 0
    if off.any():
        raise fault(
            f"{subject}, {quantity}", f"{int(off.sum())} times like {times[off][0]:%Y-%m-%dT%H:%M:%SZ}", f"a grid of {step}", "Set step_s."
        )
    slots = at_us // step_us
    first, columns = int(slots.min()), int(slots.max() - slots.min()) + 1
    names, row = pd.factorize(group["point"])[::-1]
    place = row * columns + (slots - first)
    if len(np.unique(place)) < len(place):
        twice = pd.Series(place)[pd.Series(place).duplicated()].iloc[0]
        raise fault(
            f"{subject}, series {names[twice // columns]}",
            f"two values at {datetime.fromtimestamp((first + twice % columns) * step_us / 1e6, UTC):%Y-%m-%dT%H:%MZ}",
            "one value per time",
            "Remove one of them.",
        )
    cells = np.full((len(names), columns), np.nan)
    cells[row, slots - first] = group["value"].to_numpy()
    exact = quantity.is_period or quantity.is_register
    values = quantity.to_int(cells) if exact else cells.astype(np.float32)
    quality = np.where(np.isfinite(cells), q.VALID, q.missing(Cause.GAP)).astype(np.uint16)
    return Block(tuple(map(str, names)), datetime.fromtimestamp(first * step_us / 1e6, UTC), step, quantity, values, quality)
