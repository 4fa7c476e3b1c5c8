"""The unmanaged baseline: history as it would have been without our own commands, isolations and the leaks we know of.

Stored readings are never changed. What was held back is added where the plan, the command that was written and the meter together say
how much it was; where they do not, the steps are left out. So the next forecast does not learn the last plan.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from city.frames import Block
from city.quality import missing_of, usable
from optimisation.assets.curtailable import Curtailable
from service import leak_history
from service import schema as t
from service.controls import Control
from service.settings import LoadedCity
from service.store.vectors import unpack_float

FloatArray = NDArray[np.float64]
WRITTEN, UNCERTAIN = "written", ("mismatch", "unknown")
FOLLOWED = 0.1
"""A device that takes within this part of its limit was at it [1]."""
CORRECTED_WEIGHT = 0.5
"""Weight of a corrected value against a measured one [1]."""

EVERYWHERE = slice(None)


@dataclass(frozen=True)
class Correction:
    """What was done to the history of one series, and why: the provenance of the training data."""

    series_id: str
    cause: str  # demand response, curtailment, unknown outcome, leak, isolation
    steps: int
    amount: float  # added [unit of the quantity]; 0 where steps were left out
    sentence: str


@dataclass(frozen=True)
class Corrected:
    """A history that may be learned from."""

    block: Block
    weights: NDArray[np.float32] | None  # [n, T]; none: every value counts fully
    notes: tuple[Correction, ...]


@dataclass
class Change:
    """What is to be done to the rows of a history: amounts to add [unit of the quantity] and steps to leave out."""

    steps: int
    add: dict[int, FloatArray] = field(default_factory=dict)
    out: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    notes: list[Correction] = field(default_factory=list)

    def adds(self, row: int, amount: FloatArray, at: slice = EVERYWHERE) -> None:
        self.add.setdefault(row, np.zeros(self.steps))[at] += amount

    def leaves_out(self, row: int, steps: NDArray[np.bool_], at: slice = EVERYWHERE) -> int:
        """Leave steps out; returns how many of them were not yet."""
        left = self.out.setdefault(row, np.zeros(self.steps, bool))
        new = int((steps & ~left[at]).sum())
        left[at] |= steps
        return new


def corrected(
    engine: Engine, city: LoadedCity, history: Block, kinds: Mapping[str, str], known_at_utc: datetime | None = None
) -> Corrected:
    """`history` (stored integers or floats in its unit) for the series in `kinds`, corrected; every other row as it is.

    Amounts go into the steps they were held back in; a value never falls below zero. Steps that were missing stay missing. Leaks count as
    they were known at `known_at_utc`, the end of the history when not given.
    """
    change = Change(history.steps)
    row = {name: i for i, name in enumerate(history.ids) if name in kinds}
    for held in _held(engine, city, history, row):
        _respond(change, history, held)
    end = history.start_utc + history.steps * history.step
    leak_history.correct(engine, city, history, row, change, Correction, known_at_utc or end)
    if not change.add and not change.out:
        return Corrected(history, None, ())
    values, quality, weights = history.values.copy(), history.quality.copy(), np.ones(history.values.shape, np.float32)
    for i, amount in change.add.items():
        touched = (amount != 0) & usable(quality[i])
        moved = np.maximum(used(history, i) + amount, 0)
        values[i, touched] = (history.quantity.to_int(moved) if values.dtype.kind == "i" else moved)[touched]
        weights[i, touched] = CORRECTED_WEIGHT
    for i, out in change.out.items():
        quality[i] = np.where(out, missing_of(quality[i]), quality[i])
        weights[i, out] = 0
    return Corrected(replace(history, values=values, quality=quality), weights, _together(change.notes))


def used(history: Block, row: int, at: slice = EVERYWHERE) -> FloatArray:
    """One series in its unit over some steps, float64; NaN where not usable."""
    one = slice(row, row + 1)
    own = replace(history, ids=history.ids[one], values=history.values[one, at], quality=history.quality[one, at])
    return np.asarray(own.unit_values()[0], float)


@dataclass(frozen=True)
class _Held:
    """What one plan asked of one asset's series, on the t steps of the history it reaches over."""

    at: slice
    rows: list[int]
    asset: str
    curtails: bool
    less_kw: FloatArray  # [t] baseline less plan; negative where energy was taken later instead; NaN without a command in force
    limit_kw: FloatArray  # [t]
    uncertain: NDArray[np.bool_]  # [t] nobody knows, or the device said something else
    least_kw: float


def _held(engine: Engine, city: LoadedCity, history: Block, row: Mapping[str, int]) -> Iterator[_Held]:
    assets = {asset.id: asset for asset in city.settings.assets}
    for control in city.settings.controls:
        asset = assets.get(control.asset)
        rows = [row[name] for name in (asset.series_needed if asset is not None else ()) if name in row]
        if asset is None or not rows or control.quantity != "power_kw":
            continue
        windows = _windows(engine, control, history.start_utc, history.start_utc + history.steps * history.step)
        for plan_id, at, less in _planned_less(engine, {command.plan_id for command, _, _ in windows}, control.asset, history):
            limit, doubt = np.full(less.size, np.nan), np.zeros(less.size, bool)
            for command, begin, until in windows:
                if command.plan_id == plan_id:
                    cut = _columns(history, begin, until, at)
                    limit[cut], doubt[cut] = command.setpoint, command.state in UNCERTAIN
            less = np.where(np.isfinite(limit), less, np.nan)
            yield _Held(at, rows, control.asset, isinstance(asset, Curtailable), less, limit, doubt, 10.0**-control.decimals / 2)


def _windows(engine: Engine, control: Control, start: datetime, end: datetime) -> list[tuple[Any, datetime, datetime]]:
    """Commands that reached the device, or may have, each in force until its end or the next one."""
    c = t.command.c
    reached = c.state.in_((WRITTEN, *UNCERTAIN))
    where = (c.point_id == control.point, reached, c.reverts.is_(None), c.not_after_utc > start, c.not_before_utc < end)
    with engine.connect() as connection:
        rows = connection.execute(select(t.command).where(*where).order_by(c.not_before_utc)).all()
    ends = [*(row.not_before_utc for row in rows[1:]), end][: len(rows)]
    return [(row, row.not_before_utc, min(row.not_after_utc, after)) for row, after in zip(rows, ends, strict=True)]


def _columns(history: Block, begin: datetime, until: datetime, at: slice) -> slice:
    """The steps of `at`, counted from its first, that lie at least half inside a time."""
    first, last = (int(np.ceil((time - history.start_utc) / history.step - 0.5)) - at.start for time in (begin, until))
    return slice(max(first, 0), max(last, 0))


def _planned_less(engine: Engine, plan_ids: Collection[str], asset: str, history: Block) -> Iterator[tuple[str, slice, FloatArray]]:
    """(plan, steps of the history it covers, what it took less than its baseline in them [kW]), as far as plans are stored."""
    p, v = t.plan.c, t.plan_value.c
    with engine.connect() as connection:
        plans = connection.execute(select(p.plan_id, p.start_utc, p.step_s).where(p.plan_id.in_(plan_ids)).order_by(p.start_utc)).all()
        wanted = (v.plan_id.in_(plan_ids), v.asset_id == asset, v.quantity == "power_kw")
        rows = connection.execute(select(v.plan_id, v.scenario, v.amounts).where(*wanted)).tuples()
        power = {(plan_id, scenario): unpack_float(amounts).astype(float) for plan_id, scenario, amounts in rows}
    for plan in plans:
        if {(plan.plan_id, "plan"), (plan.plan_id, "baseline")} <= set(power):
            less = power[plan.plan_id, "baseline"] - power[plan.plan_id, "plan"]
            yield plan.plan_id, *_on_history(less, plan.start_utc, timedelta(seconds=plan.step_s), history)


def _on_history(values: FloatArray, start: datetime, step: timedelta, history: Block) -> tuple[slice, FloatArray]:
    """The steps of the history that a plan covers whole, and its values as means over them."""
    first = max(int(np.ceil((start - history.start_utc) / history.step)), 0)
    last = min(int((start + values.size * step - history.start_utc) // history.step), history.steps)
    finer = max(round(history.step / step), 1)  # steps of the plan in one of the history
    at = (np.arange(first, max(first, last))[:, None] + (np.arange(finer) + 0.5) / finer) * (history.step / step)
    at = np.floor(at + (history.start_utc - start) / step).astype(np.int64)
    return slice(first, max(first, last)), values[at].mean(axis=1)


def _respond(change: Change, history: Block, held: _Held) -> None:
    """Add back what was held back, take off what was taken later instead, or leave out what nobody can tell."""
    less = np.nan_to_num(held.less_kw)
    acted = np.abs(less) > held.least_kw
    if held.curtails or len(held.rows) > 1:  # how much sun there was, or which of the series it was, nobody measured
        for i in held.rows:
            _leave_out(change, history, i, acted & (less > 0) if held.curtails else acted, held)
        return
    i, hours = held.rows[0], history.step / timedelta(hours=1)
    _leave_out(change, history, i, acted & held.uncertain, held)
    taken_kw = used(history, i, held.at) / hours
    with np.errstate(invalid="ignore"):  # above its limit it did not follow, below it wanted no more
        at_limit = np.abs(taken_kw - held.limit_kw) <= FOLLOWED * np.abs(held.limit_kw) + held.least_kw
    asked = acted & (less > 0) & ~held.uncertain
    kept = asked & at_limit
    share = less[kept].sum() / less[asked].sum() if asked.any() else 0.0
    later = acted & (less < 0) & ~held.uncertain & np.isfinite(taken_kw)
    amount = np.where(kept, less, np.where(later, share * less, 0)) * hours
    if amount.any():
        change.adds(i, amount, held.at)
        steps, total = int((amount != 0).sum()), float(amount.sum())
        told = f"{steps} steps are corrected by {total:+,.4g} {history.quantity.unit} for what {held.asset} was asked to do."
        change.notes.append(Correction(history.ids[i], "demand response", steps, total, told))


def _leave_out(change: Change, history: Block, i: int, out: NDArray[np.bool_], held: _Held) -> None:
    if out.any() and (steps := change.leaves_out(i, out, held.at)):
        cause = "curtailment" if held.curtails else "unknown outcome" if held.uncertain.any() else "demand response"
        told = f"{steps} steps are left out: {cause} of {held.asset}, by an amount nobody measured."
        change.notes.append(Correction(history.ids[i], cause, steps, 0.0, told))


def _together(notes: Sequence[Correction]) -> tuple[Correction, ...]:
    """One correction per series and cause."""
    by: dict[tuple[str, str], list[Correction]] = {}
    for note in notes:
        by.setdefault((note.series_id, note.cause), []).append(note)
    made = []
    for (name, cause), own in by.items():
        steps, amount = sum(note.steps for note in own), sum(note.amount for note in own)
        how = f"corrected by {amount:+,.4g} together" if amount else "left out"
        told = own[0].sentence if len(own) == 1 else f"{steps} steps of {len(own)} plans are {how}: {cause}."
        made.append(Correction(name, cause, steps, amount, told))
    return tuple(made)
