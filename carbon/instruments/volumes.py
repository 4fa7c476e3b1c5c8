"""The volume of a contract by the hour, out of the file that settles it."""

import csv
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from city.clock import parse_utc
from city.problems import PenstockError, Problem, fault

LARGEST_WH = 10**15  # of an hour; more is a slip of the unit


def read_hours(path: Path, subject: str) -> tuple[tuple[pd.Timestamp, int], ...]:
    """(hour [start, UTC], volume [Wh]) of each row of a contract's file, in time order.

    Raises `PenstockError` with every fault and its line: no whole hour, an hour twice, a negative volume, more than three decimals.
    """
    problems: list[Problem] = []
    volumes: dict[pd.Timestamp, int] = {}
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise fault(subject, f"{path.name} cannot be read ({error})", "a CSV file with hour and kwh", "Correct the file.") from None
    for line, row in enumerate(rows, 2):
        try:
            hour, wh = parse_utc((row.get("hour") or "").strip()), Decimal((row.get("kwh") or "").strip()) * 1000
        except (PenstockError, InvalidOperation):
            problems.append(
                Problem(f"{subject}, {path.name}:{line}", f"{row}"[:200], "hour with offset, kwh as a number", "Correct the row.")
            )
            continue
        start = pd.Timestamp(hour).as_unit("us")
        wrong = _wrong(start, wh, volumes)
        if wrong:
            problems.append(Problem(f"{subject}, {path.name}:{line}", *wrong, "Correct the row."))
        else:
            volumes[start] = int(wh)
    if problems or not volumes:
        raise PenstockError(problems[:20] or [Problem(subject, f"{path.name} has no rows", "one row an hour", "Fill the file.")])
    return tuple(sorted(volumes.items()))


def _wrong(start: pd.Timestamp, wh: Decimal, before: dict[pd.Timestamp, int]) -> tuple[str, str] | None:
    if start.minute or start.second or start.microsecond:
        return f"{start:%Y-%m-%dT%H:%M:%S}Z is no whole hour", "the start of an hour"
    if start in before:
        return f"the hour {start:%Y-%m-%dT%H}Z again", "each hour once"
    if not wh.is_finite() or wh < 0 or wh % 1 or wh > LARGEST_WH:
        return f"{wh / 1000} kWh", f"zero to {LARGEST_WH // 1000} kWh, up to three decimals"
    return None
