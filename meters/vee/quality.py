"""Validation: what a reading's neighbours, limits and own past say about it. Flags are set, values are never touched.

A reading keeps the first cause it was given, by acquisition or here. Missing: GAP. Questionable, so that no sum and no forecast
uses it: TIME_TOLERANCE, NEGATIVE, LIMIT, SPIKE, FLAT, SUM_CHECK. Usable, with the cause as a warning, because the register did
count it and a person has to look: HIGH_USAGE, LOW_USAGE, NIGHT_MINIMUM, REVERSE_FLOW of a flow, ROLLOVER, RESET.

References: California DASMMD (1999), attachment VEE: interval data; IEC 61968-9 (meter reading quality); IEEE 2030.5-2018.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from city import quality as q
from city.frames import Block
from city.quality import Cause, Flag
from city.quantities import Quantity
from meters.vee import rules as rules
from meters.vee.norms import SPIKE_RATIO, Norms
from meters.vee.rules import Bools, Civil, Floats

_ROWS = 500  # judged at a time: bounds the memory of a province's block


class Limits(BaseModel):
    """What is believable at one point, and how it may be commanded."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    point: str = Field(description="point id, <meter>.<register>")
    minimum: float | None = Field(default=None, description="least believable value, and least setpoint [unit of the stored quantity]")
    maximum: float | None = Field(default=None, description="largest believable value, and largest setpoint [unit of the stored quantity]")
    spike_step: float | None = Field(
        default=None, gt=0, description="a value further than this from both its neighbours is a spike; learned for sensors [unit]"
    )
    flat_steps: int | None = Field(default=None, ge=2, description="so many equal values in a row are a stuck sensor; learned")
    flat_zero: bool = Field(default=False, description="zeros in a row count as stuck too; off for what may rest (PV at night, a pump)")
    flat_tolerance: float = Field(default=0.0, ge=0, description="values this close to the one before count as equal [unit]")
    spike_ratio: float | None = Field(
        default=None, gt=0, description="usage this far above the third highest peak of four weeks is a spike, as a share of it; 1.8"
    )
    day_minimum: float | None = Field(default=None, ge=0, description="a civil day that uses less is LOW_USAGE; learned [unit]")
    day_maximum: float | None = Field(default=None, ge=0, description="a civil day that uses more is HIGH_USAGE; learned [unit]")
    night_maximum: float | None = Field(
        default=None, ge=0, description="water: the least interval from 01:00 to 05:00 may use this; learned [unit]"
    )
    sum_tolerance: float | None = Field(
        default=None, ge=0, description="intervals and register of a day may differ by this; 0.5 % of the register when not given [unit]"
    )
    time_tolerance_s: float | None = Field(
        default=None, gt=0, description="a polled reading may be taken this far from its slot; one step when not given [s]"
    )
    modulus: float | None = Field(default=None, gt=0, description="a register starts again at zero here [unit of the register]")
    write_interval_s: float = Field(default=0.0, ge=0, description="least time between two writes [s]")
    write_tolerance: float = Field(default=0.0, ge=0, description="read-back may differ from the rounded setpoint by this [unit]")
    write_step: float | None = Field(default=None, gt=0, description="largest change per write; a larger one goes in several writes [unit]")
    writes_per_hour: int | None = Field(default=None, ge=1, description="most writes within any hour; further ones wait")
    revert_after_s: float | None = Field(default=None, ge=0, description="so long after the end of a setpoint that nothing follows [s]")
    revert_to: float | None = Field(default=None, description="the point is set to this [unit of the stored quantity]")

    @model_validator(mode="after")
    def _ordered(self) -> "Limits":
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        if (self.revert_after_s is None) != (self.revert_to is None):
            raise ValueError("revert_after_s and revert_to need each other: give both or none")
        low, high = (value if value is not None else self.revert_to for value in (self.minimum, self.maximum))
        if self.revert_to is not None and low is not None and high is not None and not low <= self.revert_to <= high:
            raise ValueError(f"revert_to {self.revert_to:g} is outside {low:g} to {high:g}")
        return self


def validate(block: Block, limits: dict[str, Limits], norms: Norms | None = None, civil: Civil | None = None) -> Block:
    """`block` with quality flags set by the rules above.

    Values may be float (NaN: no value) or the store's integers. What `limits` leaves open comes from `norms`, where given; rules
    about days and nights need `civil`, the block's columns by the wall clock. A point with neither is only checked for gaps and
    what cannot be. The first and last usable value of a row have one neighbour and are never called a spike: a step and a
    spike look the same there. Raises nothing; costs O(n t).
    """
    quality = block.quality.copy()
    for first in range(0, len(block.ids), _ROWS):
        some = slice(first, first + _ROWS)
        part = replace(block, ids=block.ids[some], values=block.values[some], quality=quality[some])
        known = [limits.get(point) for point in part.ids]
        _judge(part, _Limit(known, None if norms is None else norms.rows(some)), civil)
    return replace(block, quality=quality)


class _Limit:
    """Limits of some points as columns: what city.toml says, else what was learned, else the default."""

    def __init__(self, known: list[Limits | None], norms: Norms | None) -> None:
        self.known, self.norms = known, norms

    def __call__(self, name: str, unset: float = np.nan) -> Floats:
        found = [getattr(one, name, None) for one in self.known]
        given = np.array([np.nan if value is None else float(value) for value in found])
        learned = getattr(self.norms, name, np.full(len(given), unset))
        return np.where(np.isnan(given), np.where(np.isnan(learned), unset, learned), given)[:, None]


def _judge(block: Block, limit: _Limit, civil: Civil | None) -> None:
    """Set the flags of a few rows in place."""
    quality, quantity = block.quality, block.quantity
    values = quantity.to_unit(block.values) if block.values.dtype.kind == "i" else block.values.astype(np.float64)
    absent = ~np.isfinite(values) | ((quality & 0xFF) == 0)
    quality[absent & (quality >> 8 == 0)] = q.missing(Cause.GAP)
    quality[absent & q.usable(quality)] = q.missing(Cause.GAP)
    with np.errstate(invalid="ignore"):
        if quantity.is_register:
            _judge_register(quality, quantity, values, limit)
            return
        if quantity.is_period:
            _doubt(quality, values < 0, Cause.NEGATIVE)
        _doubt(quality, rules.outside(values, limit("minimum"), limit("maximum")), Cause.LIMIT)
        usable = q.usable(quality)
        spikes = rules.alone(values, usable) > limit("spike_step")
        if limit.norms is not None and quantity.is_period:
            spikes |= rules.above_peaks(values, usable, limit.norms.peaks, limit("spike_ratio", SPIKE_RATIO))
        steps = limit("flat_steps")
        if np.isfinite(steps).any():
            flat = rules.run_lengths(values, usable, limit("flat_tolerance", 0.0)) >= steps
            _doubt(quality, flat & ~spikes & ((values != 0) | (limit("flat_zero", 0.0) != 0)), Cause.FLAT)
        _doubt(quality, spikes, Cause.SPIKE)
        if quantity is Quantity.FLOW_M3_PER_H:
            _warn(quality, (values < 0) & ~(limit("minimum") < 0), Cause.REVERSE_FLOW)
        if civil is not None and quantity.is_period and values.shape[1]:
            _warn_of_days(quality, values, limit, civil)


def _judge_register(quality: NDArray[np.uint16], quantity: Quantity, values: Floats, limit: _Limit) -> None:
    """A reading its neighbours do not enclose is a spike; a counter that went down rolled over, was reset, or ran backwards.

    Backwards: a water register that went down by no more than the point ever uses in an interval.
    """
    back = np.zeros((len(values), 1))
    if quantity is Quantity.VOLUME_REGISTER_M3 and limit.norms is not None:
        back = np.nan_to_num(limit.norms.peaks.max(axis=1, keepdims=True))
    for _ in range(3):  # of two wrong readings side by side the second shows once the first is out
        wrong = rules.misread(values, q.usable(quality), back)
        if not wrong.any():
            break
        _doubt(quality, wrong, Cause.SPIKE)
    down = rules.fall(values, q.usable(quality))
    modulus = limit("modulus")
    rolled = modulus - down <= modulus / 10
    _warn(quality, (down > 0) & rolled, Cause.ROLLOVER)
    _warn(quality, (down > 0) & ~rolled & (down <= back), Cause.REVERSE_FLOW)
    _warn(quality, (down > 0) & ~rolled & ~(down <= back), Cause.RESET)


def _warn_of_days(quality: NDArray[np.uint16], values: Floats, limit: _Limit, civil: Civil) -> None:
    """Usage of whole days and nights; what was doubted as a value still counts for the day it is part of."""
    present = q.usable(quality) | np.isin(quality >> 8, (Cause.SPIKE, Cause.FLAT))
    totals = rules.day_totals(values, present, civil)
    _warn(quality, rules.over_days(totals > limit("day_maximum"), civil), Cause.HIGH_USAGE)
    _warn(quality, rules.over_days(totals < limit("day_minimum"), civil), Cause.LOW_USAGE)
    most = limit("night_maximum")
    if np.isfinite(most).any():
        high = rules.night_minima(values, present, civil) > most
        _warn(quality, rules.over_days(high, civil) & rules.is_night(civil), Cause.NIGHT_MINIMUM)


def _doubt(quality: NDArray[np.uint16], where: Bools, cause: Cause) -> None:
    """Questionable where it was usable, keeping the IEEE 2030.5 flags that were there."""
    where = where & q.usable(quality)
    quality[where] = (quality[where] & 0xFF) | int(Flag.QUESTIONABLE) | int(cause) << 8


def _warn(quality: NDArray[np.uint16], where: Bools, cause: Cause) -> None:
    """The cause beside a value that stays usable."""
    where = where & q.usable(quality) & (quality >> 8 == 0)
    quality[where] |= np.uint16(int(cause) << 8)


def doubt_sums(intervals: Block, register: Block, limits: dict[str, Limits], civil: Civil) -> Block:
    """`intervals` with the days questionable (SUM_CHECK) whose sum is not what the meter's register counted.

    `register` is the usage by the register of the same meters, row by row, on the same grid.
    """
    quality = intervals.quality.copy()
    tolerance = _Limit([limits.get(point) for point in intervals.ids], None)("sum_tolerance")
    sides = [side.quantity.to_unit(side.values) for side in (intervals, register)]
    _doubt(quality, rules.sums_differ(sides[0], intervals.usable(), sides[1], register.usable(), civil, tolerance), Cause.SUM_CHECK)
    return replace(intervals, quality=quality)


def doubt_times(block: Block, off_s: Floats, limits: dict[str, Limits]) -> Block:
    """`block` with readings questionable (TIME_TOLERANCE) that were taken too far from their slot.

    `off_s` float64[n, t] [s] is how far after (or before) its slot each reading came, NaN where nobody knows. Without a limit a
    whole step is allowed, because a link's units are read one after the other: what is further off belongs to another slot.
    """
    quality = block.quality.copy()
    allowed = _Limit([limits.get(point) for point in block.ids], None)("time_tolerance_s", block.step.total_seconds())
    with np.errstate(invalid="ignore"):
        _doubt(quality, np.abs(off_s) > allowed, Cause.TIME_TOLERANCE)
    return replace(block, quality=quality)


def counts(block: Block) -> dict[str, Any]:
    """How many readings are usable, and how many have each cause: `{"usable": 95, "gap": 1}`."""
    found, number = np.unique(block.quality >> 8, return_counts=True)
    causes = {Cause(int(one)).name.lower(): int(n) for one, n in zip(found, number, strict=True) if one}
    return {"usable": int(block.usable().sum()), **causes}
