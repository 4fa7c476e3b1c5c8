"""Validation: what a reading's neighbours and limits say about it. Flags are set, values are never touched.

Rules, in this order; a reading keeps the first cause it was given, by acquisition or here:
GAP no value; LIMIT outside [minimum, maximum]; SPIKE away from both usable neighbours, to the same side, by more than
`spike_step`; FLAT part of `flat_steps` or more equal usable values in a row; ROLLOVER or RESET (registers only) a counter that
went down. LIMIT, SPIKE and FLAT are questionable, a gap is missing; a register after a rollover or reset is itself a good reading.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from city import quality as q
from city.frames import Block
from city.quality import Cause, Flag

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Limits(BaseModel):
    """What is believable at one point, and how it may be commanded."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    point: str = Field(description="point id, <meter>.<register>")
    minimum: float | None = Field(default=None, description="least believable value, and least setpoint [unit of the stored quantity]")
    maximum: float | None = Field(default=None, description="largest believable value, and largest setpoint [unit of the stored quantity]")
    spike_step: float | None = Field(default=None, gt=0, description="a value further than this from both its neighbours is a spike [unit]")
    flat_steps: int | None = Field(default=None, ge=2, description="so many equal values in a row are a stuck sensor")
    flat_zero: bool = Field(default=False, description="zeros in a row count as stuck too; off for what may rest (PV at night, a pump)")
    flat_tolerance: float = Field(default=0.0, ge=0, description="values this close to the one before count as equal [unit]")
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


def validate(block: Block, limits: dict[str, Limits]) -> Block:
    """`block` with quality flags set by the rules above; a point without limits is only checked for gaps.

    Values may be float (NaN: no value) or the store's integers. The first and last usable value of a row have one neighbour and
    are never called a spike: a step and a spike look the same there. Raises nothing; costs O(n t).
    """
    known = [limits.get(point) for point in block.ids]
    values = block.quantity.to_unit(block.values) if block.values.dtype.kind == "i" else block.values.astype(np.float64)
    quality = block.quality.copy()
    absent = ~np.isfinite(values) | ((quality & 0xFF) == 0)
    quality[absent & (quality >> 8 == 0)] = q.missing(Cause.GAP)
    quality[absent & q.usable(quality)] = q.missing(Cause.GAP)

    def column(name: str, unset: float = np.nan) -> Floats:
        found = [getattr(one, name, None) for one in known]
        return np.array([unset if value is None else float(value) for value in found])[:, None]

    with np.errstate(invalid="ignore"):
        outside = (values < column("minimum")) | (values > column("maximum"))
        _flag(quality, outside & q.usable(quality), Cause.LIMIT)
        usable = q.usable(quality)
        spikes = _spikes(values, usable, column("spike_step"))
        flat = _flat(values, usable, column("flat_steps"), column("flat_tolerance", 0.0))
        flat &= (values != 0) | (column("flat_zero", 0.0) != 0)
        _flag(quality, spikes, Cause.SPIKE)
        _flag(quality, flat & ~spikes, Cause.FLAT)
        if block.quantity.is_register:
            _mark_fallen(quality, values, column("modulus"))
    return replace(block, quality=quality)


def _flag(quality: NDArray[np.uint16], where: Bools, cause: Cause) -> None:
    """Questionable, keeping the IEEE 2030.5 flags that were there."""
    quality[where] = (quality[where] & 0xFF) | int(Flag.QUESTIONABLE) | int(cause) << 8


def _before(usable: Bools) -> NDArray[np.intp]:
    """Index of the last usable column before each column, -1 where there is none."""
    columns = np.where(usable, np.arange(usable.shape[1]), -1)
    last = np.maximum.accumulate(columns, axis=1)
    return np.concatenate([np.full((len(usable), 1), -1), last[:, :-1]], axis=1)


def _after(usable: Bools) -> NDArray[np.intp]:
    """Index of the first usable column after each column, -1 where there is none."""
    mirrored = _before(usable[:, ::-1])[:, ::-1]
    return np.where(mirrored < 0, -1, usable.shape[1] - 1 - mirrored)


def _neighbour(values: Floats, index: NDArray[np.intp]) -> Floats:
    taken: Floats = np.take_along_axis(values, np.maximum(index, 0), axis=1)
    return np.where(index < 0, np.nan, taken)


def _spikes(values: Floats, usable: Bools, step: Floats) -> Bools:
    if not np.isfinite(step).any() or not values.shape[1]:
        return np.zeros(values.shape, dtype=bool)
    from_last = values - _neighbour(values, _before(usable))
    from_next = values - _neighbour(values, _after(usable))
    same_side = np.sign(from_last) == np.sign(from_next)
    found: Bools = usable & same_side & (np.minimum(np.abs(from_last), np.abs(from_next)) > step)
    return found


def _flat(values: Floats, usable: Bools, steps: Floats, tolerance: Floats) -> Bools:
    """Runs of equal usable values; a value that is missing in between does not end a run, because it says nothing."""
    if not np.isfinite(steps).any() or not values.shape[1]:
        return np.zeros(values.shape, dtype=bool)
    last = _neighbour(values, _before(usable))
    starts = usable & ~(np.abs(values - last) <= tolerance)
    run = np.cumsum(starts, axis=1) + np.arange(len(values))[:, None] * (values.shape[1] + 1)
    length = np.bincount(run[usable], minlength=int(run.max()) + 1)
    found: Bools = usable & (length[run] >= np.where(np.isfinite(steps), steps, np.inf))
    return found


def _mark_fallen(quality: NDArray[np.uint16], values: Floats, modulus: Floats) -> None:
    """A register below the one before: the counter rolled over (within a tenth of its modulus) or was reset."""
    usable = q.usable(quality)
    fall = _neighbour(values, _before(usable)) - values
    fallen = usable & (fall > 0) & (quality >> 8 == 0)
    rolled = fallen & (modulus - fall <= modulus / 10)
    for where, cause in ((rolled, Cause.ROLLOVER), (fallen & ~rolled, Cause.RESET)):
        quality[where] |= np.uint16(int(cause) << 8)


def counts(block: Block) -> dict[str, Any]:
    """How many readings are usable, and how many have each cause: `{"usable": 95, "gap": 1}`."""
    found, number = np.unique(block.quality >> 8, return_counts=True)
    causes = {Cause(int(one)).name.lower(): int(n) for one, n in zip(found, number, strict=True) if one}
    return {"usable": int(block.usable().sum()), **causes}
