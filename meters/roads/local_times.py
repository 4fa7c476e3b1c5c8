"""Times as written in files to UTC: with offset as they are, without one by the zone, and the two autumn hours told apart."""

import numpy as np
import pandas as pd

from city.problems import fault


def to_utc(
    texts: pd.Series, series: pd.Series, zone: str, time_format: str | None, missing_hour: str, subject: str
) -> tuple[pd.Series, pd.Series]:
    """UTC times and which rows to keep.

    Parameters
    ----------
    texts : times as read: text, naive or aware timestamps
    series : name of the series of each row; order within a series tells the first autumn hour from the second
    missing_hour : "drop" rows at local times that do not exist, or "refuse" them

    A naive time in the repeated hour is the first time summer time, the second time winter time, in file order; one that occurs once
    only could be either and is refused. Raises `PenstockError` for that, for times that are none and for mixed offsets and naive ones.
    """
    times = _parsed(texts, time_format, subject)
    keep = pd.Series(True, index=texts.index)
    if times.dt.tz is not None:
        return times.dt.tz_convert("UTC").dt.as_unit("us"), keep
    if zone == "UTC":
        return times.dt.tz_localize("UTC").dt.as_unit("us"), keep
    ambiguous = times.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna()
    occurrence = pd.DataFrame({"series": series, "time": times})[ambiguous].groupby(["series", "time"]).cumcount()
    number = pd.DataFrame({"series": series, "time": times})[ambiguous].groupby(["series", "time"])["time"].transform("size")
    if (number == 1).any():
        row = number[number == 1].index[0]
        raise fault(
            f"{subject}, series {series[row]}",
            f"{times[row]} occurs once, but twice in the day in {zone}",
            "both hours of the change, in order, or times with offset",
            "Write the times with offset or in UTC.",
        )
    summer = pd.Series(True, index=texts.index)
    summer[occurrence.index[occurrence > 0]] = False
    local = times.dt.tz_localize(zone, ambiguous=summer.to_numpy(), nonexistent="NaT")
    absent = local.isna()
    if absent.any() and missing_hour == "refuse":
        raise fault(
            f"{subject}, series {series.iloc[_first(absent)]}",
            f"{int(absent.sum())} times like {times.iloc[_first(absent)]}, which {zone} does not have",
            "local times that exist",
            "Set the right zone, or missing_hour = drop.",
        )
    return local.dt.tz_convert("UTC").dt.as_unit("us"), keep & ~absent


def _parsed(texts: pd.Series, time_format: str | None, subject: str) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(texts):
        times = texts
    else:
        try:
            times = pd.to_datetime(texts, format=time_format or "ISO8601", errors="raise")
        except (ValueError, TypeError):
            times = _mixed_offsets(texts, time_format, subject)
    if times.isna().any():
        row = _first(times.isna())
        raise fault(f"{subject}, row {row}", f"time {texts.iloc[row]!r}", "a time in every row", "Complete or remove the row.")
    return times


def _mixed_offsets(texts: pd.Series, time_format: str | None, subject: str) -> pd.Series:
    """Times with summer and winter offsets in one column, which pandas reads only when told to go to UTC. Naive ones must not mix."""
    wanted = time_format or "ISO 8601"
    with_offset = texts.astype(str).str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$", regex=True)
    if with_offset.any() and not with_offset.all():
        row = _first(~with_offset)
        raise fault(
            f"{subject}, row {row}", f"time {texts.iloc[row]!r} without offset among others with", "one way for all", "Add the offset."
        )
    times = pd.to_datetime(texts, format=time_format or "ISO8601", errors="coerce", utc=bool(with_offset.all()))
    bad = times.isna() & texts.notna()
    if bad.any():
        raise fault(f"{subject}, row {_first(bad)}", f"time {texts.iloc[_first(bad)]!r}", wanted, "Set time_format.")
    return times


def _first(mask: pd.Series) -> int:
    return int(np.flatnonzero(mask)[0])
