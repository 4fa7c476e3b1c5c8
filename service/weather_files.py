"""What a weather service's file says: CSV in long form, or hourly arrays in JSON as Open-Meteo gives them; in our units, at UTC."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from city.problems import PenstockError, Problem, fault
from forecasting.weather_archive import PERIODS, Told
from meters.roads.local_times import to_utc
from service.weather_units import LIMITS, NAMES, conversion

_AHEAD = timedelta(minutes=5)  # clocks of two machines differ; a forecast that claims more was not issued yet
_FARTHEST = timedelta(days=32)  # beyond its issue no weather service speaks of single hours
_WORST = 0.1  # share of bad rows beyond which a file is refused whole
_NAMED = 8


@dataclass(frozen=True)
class Read:
    """What one file told, and the rows of it that could not be used."""

    told: list[Told]
    problems: list[Problem]
    stated: bool  # does the file say when it was issued?


def read(
    subject: str,
    content: bytes,
    arrived_utc: datetime,
    *,
    step: timedelta,
    zone: str,
    names: Mapping[str, str],
    units: Mapping[str, str],
    marks_end: bool = False,
    archive: bool = False,
) -> Read:
    """Read a file that arrived at `arrived_utc`. `names` and `units` add to what is known: name in the file -> variable, or its unit.

    What it tells is available from its stated issue or its arrival on, whichever is later; only of an `archive` the stated issue counts.
    Rows with text, a value no weather has, or a time off the step are left out and named. Raises `PenstockError` for a file that cannot be
    read, names or units that are not known, an issue in the future, and when more than a tenth of the rows is bad.
    """
    if subject.lower().endswith(".json"):
        rows, step = _json(subject, content, units), timedelta(hours=1)
    else:
        rows = _csv(subject, content, zone, units, marks_end, step)
    known = {**NAMES, **{v: v for v in LIMITS}, **names}
    strange = sorted(set(rows["name"]) - set(known))
    if strange and len(strange) == rows["name"].nunique():
        raise fault(f"{subject}, variables", ", ".join(strange[:_NAMED]), ", ".join(sorted(NAMES)), "Name them in [[weather]] variables.")
    rows = rows[~rows["name"].isin(strange)]
    rows = rows.assign(variable=rows["name"].map(known), number=pd.to_numeric(rows["value"].astype("str"), errors="coerce").astype(float))
    rows["number"] = _converted(subject, rows, step)
    stated = bool(rows["issued"].notna().any())
    future = rows["issued"] > pd.Timestamp(arrived_utc + _AHEAD)
    if future.any():
        first = rows["issued"][future].min()
        raise fault(
            subject, f"issued at {str(first)[:16]} UTC", f"not after its arrival, {arrived_utc:%Y-%m-%d %H:%M} UTC", "Check its clock."
        )
    good, problems = _sound(subject, rows, step)
    return Read(_vectors(good, arrived_utc, step, archive), problems, stated)


def _csv(subject: str, content: bytes, zone: str, units: Mapping[str, str], marks_end: bool, step: timedelta) -> pd.DataFrame:
    """Columns issued_at (empty or absent: measurements), time, variable, value, and unit where it has one."""
    try:
        frame = pd.read_csv(io.BytesIO(content), dtype=str, skipinitialspace=True)
    except (ValueError, UnicodeDecodeError) as error:
        raise fault(subject, str(error).splitlines()[0], "a CSV table in UTF-8, separated by commas", "Save it so.") from None
    lacking = [name for name in ("time", "variable", "value") if name not in frame]
    shifted = not isinstance(frame.index, pd.RangeIndex)  # rows with more fields than the header
    if lacking or shifted or frame.empty:
        observed = f"no column {', '.join(lacking)}" if lacking else "rows with more fields than the header" if shifted else "no rows"
        raise fault(subject, observed, "columns issued_at, time, variable, value (and unit)", "Name them so.")
    order = frame["variable"].fillna("").astype(str)
    times, kept = to_utc(frame["time"], order, zone, None, "refuse", subject)
    issued = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]")
    if "issued_at" in frame and (said := frame["issued_at"].notna()).any():
        issued[said] = to_utc(frame["issued_at"][said], frame["time"][said] + order[said], zone, None, "refuse", subject)[0]
    unit = frame["unit"] if "unit" in frame else order.map(dict(units))
    made = pd.DataFrame({"issued": issued, "time": times, "name": order, "value": frame["value"], "unit": unit, "row": frame.index + 2})
    if marks_end:
        period = order.map(lambda name: NAMES.get(name, name) in PERIODS)
        made["time"] = made["time"].where(~period, made["time"] - step)
    return made[kept]


def _json(subject: str, content: bytes, units: Mapping[str, str]) -> pd.DataFrame:
    """The fields `hourly` (`time` and an array per variable), `hourly_units` and `utc_offset_seconds`, and our own `issued_at`.

    A mean or sum belongs to the hour before its time there, here to the hour that begins at it. The one offset holds for the whole
    file, also beyond a clock change, as the service does it.
    """
    try:
        told: dict[str, Any] = json.loads(content)
        hourly, unit = dict(told["hourly"]), {**told.get("hourly_units", {}), **units}
        offset = timedelta(seconds=float(told.get("utc_offset_seconds", 0)))
        raw = hourly.pop("time")
        unix = unit.get("time") == "unixtime"
        times = pd.to_datetime(raw, unit="s", utc=True) if unix else pd.to_datetime(raw, utc=True, format="ISO8601") - offset
        issued = pd.to_datetime(told.get("issued_at"), utc=True)
        if isinstance(issued, pd.Index):
            raise TypeError("issued_at is no single time")
        parts = [
            pd.DataFrame({"time": times, "name": name, "value": pd.Series(list(values), dtype=object)}) for name, values in hourly.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise fault(subject, reason, "JSON with hourly.time, an array as long per variable, and hourly_units", "Ask for it anew.") from None
    if not parts or any(len(part) != len(raw) or part["time"].isna().any() for part in parts):
        raise fault(subject, "arrays of different lengths, or none", "one value per hourly.time for each variable", "Ask for it anew.")
    rows = pd.concat(parts, ignore_index=True)
    period = rows["name"].map(lambda name: NAMES.get(name) in PERIODS).astype(bool)
    rows["time"] = rows["time"].where(~period, rows["time"] - timedelta(hours=1)).dt.as_unit("us")
    rows["issued"] = pd.Series(issued, index=rows.index, dtype="datetime64[us, UTC]")
    return rows.assign(unit=rows["name"].map(unit), row=rows.groupby("name").cumcount() + 1)


def _converted(subject: str, rows: pd.DataFrame, step: timedelta) -> pd.Series:
    """Numbers in the unit of their variable; without a unit they are in it already. Raises `PenstockError` for another kind of unit."""
    made = rows["number"].copy()
    problems: list[Problem] = []
    units = rows["unit"].astype(object).where(rows["unit"].notna(), "").astype(str).str.strip()
    for (variable, unit), part in rows.groupby([rows["variable"], units]):
        try:
            factor, shift = conversion(str(unit), str(variable), step)
            made[part.index] = part["number"] * factor + shift
        except PenstockError as error:
            problems += [Problem(f"{subject}, {p.subject}", p.observed, p.allowed, p.remedy) for p in error.problems]
    if problems:
        raise PenstockError(problems)
    return made


def _sound(subject: str, rows: pd.DataFrame, step: timedelta) -> tuple[pd.DataFrame, list[Problem]]:
    """Rows that can be used, and what is wrong with the others. An empty value is missing, not bad."""
    empty = rows["value"].isna() | (rows["value"].astype(str).str.strip() == "")
    low, high = (rows["variable"].map({name: limit[side] for name, limit in LIMITS.items()}).astype(float) for side in (0, 1))
    text = rows["number"].isna() & ~empty
    wild = (rows["number"] < low) | (rows["number"] > high)
    off = rows["time"].astype("int64") % int(step.total_seconds() * 1e6) != 0
    told = rows["time"].dt.year.between(1970, 2199) & (rows["issued"].isna() | ((rows["time"] - rows["issued"]).abs() < _FARTHEST))
    key = ["issued", "variable", "time"]
    first = rows.groupby(key, dropna=False)["number"].transform("first")
    twice = rows.duplicated(key) & (rows["number"] != first) & ~empty
    reasons = (
        (text, "not a number", "a number or an empty cell"),
        (wild, "outside what weather can be", "{low:g} to {high:g}"),
        (off, "not on the step", f"times every {step}"),
        (~told, "more than 32 days from its issue", "a forecast of days, in our time"),
        (twice, "told twice with another value", "one value per time"),
    )
    bad = text | wild | off | ~told | twice
    problems: list[Problem] = []
    for mask, observed, allowed in reasons:
        for r in np.flatnonzero(mask)[: _NAMED - len(problems)]:
            row = rows.iloc[r]
            limit = allowed.format(low=low.iloc[r], high=high.iloc[r])
            name = f"{subject}, row {row['row']}, {row['variable']} at {str(row['time'])[:16]} UTC"
            problems.append(Problem(name, f"{row['value']!r}: {observed}", limit, "It was left out; ask the sender."))
    if bad.sum() > _WORST * len(rows):
        raise PenstockError([Problem(subject, f"{int(bad.sum())} of {len(rows)} rows are bad", "a tenth", "Correct it."), *problems])
    return rows[~bad & ~rows.duplicated(key)], problems


def _vectors(rows: pd.DataFrame, arrived_utc: datetime, step: timedelta, archive: bool) -> list[Told]:
    """One vector per issue and variable; measurements are cut at gaps of more than a day."""
    found = []
    for (variable, issued), part in rows.groupby(["variable", "issued"], dropna=False):
        ordered = part.sort_values("time")
        pieces = (ordered["time"].diff() > timedelta(days=1)).cumsum() if pd.isna(issued) else pd.Series(0, index=ordered.index)
        for _, piece in ordered.groupby(pieces):
            start = piece["time"].iloc[0].to_pydatetime()
            at = ((piece["time"] - piece["time"].iloc[0]) // step).to_numpy()
            values = np.full(int(at[-1]) + 1, np.nan, np.float32)
            values[at] = piece["number"].to_numpy(np.float32)
            if not np.isfinite(values).any():
                continue
            end = start + step * len(values)
            when = min(end, arrived_utc) if pd.isna(issued) else issued.to_pydatetime()
            available = when if archive else max(when, arrived_utc)
            found.append(Told(str(variable), when.astimezone(UTC), available.astimezone(UTC), archive, start.astimezone(UTC), step, values))
    return found
