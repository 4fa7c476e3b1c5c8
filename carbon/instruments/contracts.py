"""Contracts for electricity: power purchase agreements with a volume by the hour or the month, and suppliers' own factors."""

import csv
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from city.clock import parse_utc
from city.places import Place
from city.problems import PenstockError, Problem, fault

LARGEST_WH = 10**15  # of an hour; more is a slip of the unit


class Contract(Place):
    """A power purchase agreement: which accounts it supplies, and how much of which hours or months."""

    id: str = Field(description="short name", pattern=r"[A-Za-z0-9._-]{1,60}")
    accounts: tuple[str, ...] = Field(min_length=1, description="electricity accounts it supplies")
    plant: str = Field(description="the generating plant")
    technology: str = Field(description="wind, solar, hydro, ...")
    market: str = Field(description="ISO 3166 code of the market of the plant, such as CN", min_length=2)
    first_day: date = Field(description="first civil day of delivery")
    last_day: date = Field(description="last civil day of delivery")
    kg_co2_per_kwh: Decimal = Field(default=Decimal(0), ge=0, description="emission rate it conveys [kg/kWh]")
    renewable: bool = Field(default=True, description="does it count for the matching share?")
    certificates: Literal["none issued", "bundled", "kept by the seller"] = Field(
        description="who holds the attributes; only `none issued` lets the contract carry a claim, `bundled` claims by certificates"
    )
    months_mwh: dict[str, Decimal] = Field(default={}, description="volume of each civil month, as 2023-05 = 120.5 [MWh]")
    hours_file: str | None = Field(default=None, description="CSV beside city.toml with columns hour (ISO 8601 with offset) and kwh")

    @model_validator(mode="after")
    def _one_volume(self) -> Self:
        if bool(self.months_mwh) == bool(self.hours_file):
            raise ValueError("give either months_mwh or hours_file: its volume is by the month or by the hour")
        for month, volume in self.months_mwh.items():
            if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month) or volume < 0 or Fraction(volume) * 1_000_000 % 1:
                raise ValueError(f"months_mwh '{month}' = {volume}: write a month as 2023-05 and whole watt-hours")
        if self.last_day < self.first_day:
            raise ValueError(f"delivery from {self.first_day} to {self.last_day}; the end comes first")
        return self

    @property
    def kg_per_kwh(self) -> Fraction:
        return Fraction(self.kg_co2_per_kwh)

    def month_wh(self, month: str) -> int:
        """Volume of a civil month [Wh]. Raises `PenstockError` for a month the contract does not name."""
        if month not in self.months_mwh:
            allowed = ", ".join(sorted(self.months_mwh))
            raise fault(f"contract '{self.id}'", f"no volume for {month}", allowed, "Add the month to months_mwh.")
        return int(Fraction(self.months_mwh[month]) * 1_000_000)


class Supplier(Place):
    """A supplier with a factor of its own for what it delivers: used where no certificate or contract covers an hour."""

    id: str = Field(description="short name")
    accounts: tuple[str, ...] = Field(min_length=1, description="electricity accounts it supplies")
    factor_id: str = Field(description="its factor, in the city's own sets, for delivered electricity")
    sold_attributes_out: bool = Field(
        description="is what it sold as certificates to others taken out of its factor (quality criterion 6)? only then it is used"
    )


def read_hours(path: Path, subject: str) -> tuple[pd.DatetimeIndex, NDArray[np.int64]]:
    """Hours [start, UTC] and volumes int64 [Wh] of a contract's file, in time order.

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
    order = sorted(volumes)
    return pd.DatetimeIndex(order), np.array([volumes[hour] for hour in order], dtype=np.int64)


def _wrong(start: pd.Timestamp, wh: Decimal, before: dict[pd.Timestamp, int]) -> tuple[str, str] | None:
    if start.minute or start.second or start.microsecond:
        return f"{start:%Y-%m-%dT%H:%M:%S}Z is no whole hour", "the start of an hour"
    if start in before:
        return f"the hour {start:%Y-%m-%dT%H}Z again", "each hour once"
    if not wh.is_finite() or wh < 0 or wh % 1 or wh > LARGEST_WH:
        return f"{wh / 1000} kWh", f"zero to {LARGEST_WH // 1000} kWh, up to three decimals"
    return None
