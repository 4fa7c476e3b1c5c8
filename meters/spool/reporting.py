"""What a station sends of what it reads: values within a dead-band stay at home, and noisy points send their average.

A point with a rule is read at its meter's step and stored at the rule's, a longer one: readings on that grid are always sent, because
usage, balances and forecasts stand on them. What is between them is for the eye, and a line that is paid by the byte need not carry it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pandas as pd
from pydantic import Field, field_validator, model_validator

from city.places import Place, whole_part_of_an_hour
from city.quality import Cause, Flag, code, missing, usable

_AVERAGE = code(Flag.VALID | Flag.DERIVED)


class Reporting(Place):
    """What of one point is sent: values outside a dead-band, or averages."""

    point: str = Field(description="point id")
    deadband: float | None = Field(default=None, ge=0, description="a change of no more is not sent between the slots [unit of the point]")
    average_s: int | None = Field(default=None, gt=0, description="send the mean over so long instead of each value [s]")
    step_s: int = Field(default=900, ge=60, le=3600, description="length of a stored interval; its slots are always sent [s]")
    max_silence_s: int = Field(default=900, gt=0, description="within a dead-band, send at least this often [s]")
    least_share: float = Field(default=0.75, gt=0, le=1, description="of an average's readings that must be usable, else it has no value")

    @field_validator("step_s")
    @classmethod
    def _part_of_an_hour(cls, value: int) -> int:
        return whole_part_of_an_hour(value)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.deadband is None) == (self.average_s is None):
            raise ValueError("give deadband or average_s, not both and not none")
        if self.average_s is not None and self.step_s % self.average_s:
            raise ValueError(f"average_s = {self.average_s} does not divide step_s = {self.step_s}")
        return self


@dataclass
class _Sent:
    """The last reading sent of a point."""

    time_s: float
    value: float
    quality: int


@dataclass
class _Window:
    """The readings of an average that is being made: `end_s` is its last moment [s since 1970]."""

    end_s: int
    seen: int = 0
    values: list[float] = field(default_factory=list)


class Reporter:
    """Applies the rules to readings as they come. What was sent last, and averages half made, are lost with the process: the next
    value is then sent, and an average that lacks readings has no value."""

    def __init__(self, rules: Sequence[Reporting], sample_s: Mapping[str, int]) -> None:
        """`sample_s`: how often each point is read, the step of its meter [s]."""
        self._rules = {rule.point: rule for rule in rules}
        self._sample_s = sample_s
        self._sent: dict[str, _Sent] = {}
        self._window: dict[str, _Window] = {}

    def report(self, readings: pd.DataFrame) -> pd.DataFrame:
        """Of `readings` (columns of `city.frames.READINGS`), in order of time, those that are sent; averages in place of their last one."""
        ruled = readings["point_id"].isin(self._rules.keys())
        if not ruled.any():
            return readings
        kept: list[dict[str, Any]] = []
        for row in readings[ruled].sort_values("time_utc", kind="stable").to_dict("records"):
            rule = self._rules[row["point_id"]]
            kept += self._averages(rule, row) if rule.average_s is not None else self._outside(rule, row)
        made = pd.DataFrame(kept, columns=readings.columns).astype(readings.dtypes.to_dict())
        return pd.concat([readings[~ruled], made], ignore_index=True)

    def _outside(self, rule: Reporting, row: dict[str, Any]) -> list[dict[str, Any]]:
        """The row, if it is on the grid or says something new."""
        time_s, value, quality = row["time_utc"].timestamp(), float(row["value"]), int(row["quality"])
        last = self._sent.get(rule.point)
        if last is not None and time_s % rule.step_s != 0:
            same = quality == last.quality and (
                abs(value - last.value) <= (rule.deadband or 0.0) or (math.isnan(value) and math.isnan(last.value))
            )
            if same and 0 <= time_s - last.time_s < rule.max_silence_s:
                return []
        self._sent[rule.point] = _Sent(time_s, value, quality)
        return [row]

    def _averages(self, rule: Reporting, row: dict[str, Any]) -> list[dict[str, Any]]:
        """The averages that are whole with this row: the mean of the usable values in (end - average_s, end], at `end`."""
        time_s = row["time_utc"].timestamp()
        length = rule.average_s or 1
        end_s = math.ceil(time_s / length) * length
        made = []
        window = self._window.get(rule.point)
        if window is not None and window.end_s != end_s:  # its last reading never came
            made.append(self._mean(rule, window, row))
            window = None
        window = window or _Window(end_s)
        window.seen += 1
        if bool(usable(row["quality"])) and not math.isnan(row["value"]):
            window.values.append(float(row["value"]))
        self._window[rule.point] = window
        if time_s == end_s:
            made.append(self._mean(rule, window, row))
            del self._window[rule.point]
        return made

    def _mean(self, rule: Reporting, window: _Window, row: dict[str, Any]) -> dict[str, Any]:
        due = max(window.seen, (rule.average_s or 1) // self._sample_s.get(rule.point, rule.average_s or 1))
        enough = len(window.values) >= rule.least_share * due
        value = math.fsum(window.values) / len(window.values) if enough else math.nan
        time = pd.Timestamp(window.end_s, unit="s", tz="UTC")
        return {**row, "time_utc": time, "value": value, "quality": _AVERAGE if enough else missing(Cause.GAP)}
