"""The unmanaged baseline: history as it would have been without our own commands, isolations and the leaks we know of.

Stored readings are never changed. What was held back is added where the plan, the command that was written and the meter together say
how much it was; where they do not, the steps are left out. So the next forecast does not learn the last plan.
"""

from collections.abc import Mapping, Sequence
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

    def adds(self, row: int, amount: FloatArray) -> None:
        self.add[row] = self.add.get(row, np.zeros(self.steps)) + amount

    def leaves_out(self, row: int, steps: NDArray[np.bool_]) -> int:
        """Leave steps out; returns how many of them were not yet."""
        former = self.out.get(row, np.zeros(self.steps, bool))
        self.out[row] = former | steps
        return int((steps & ~former).sum())


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
    return Corrected(replace(history, values=values, quality=quality), weights, tuple(change.notes))


def used(history: Block, row: int) -> FloatArray:
    """One series in its unit, float64[T]; NaN where not usable."""
    one = slice(row, row + 1)
    own = replace(history, ids=history.ids[one], values=history.values[one], quality=history.quality[one])
    return np.asarray(own.unit_values()[0], float)


@dataclass(frozen=True)
class _Held:
    """What one plan asked of one asset's series, on the history's steps: NaN where no command of the plan was in force."""

    rows: list[int]
    asset: str
    curtails: bool
    less_kw: FloatArray  # [T] baseline less plan; negative where energy was taken later instead
    limit_kw: FloatArray  # [T]
    uncertain: NDArray[np.bool_]  # [T] nobody knows, or the device said something else
    least_kw: float


def _held(engine: Engine, city: LoadedCity, history: Block, row: Mapping[str, int]) -> list[_Held]:
    assets = {asset.id: asset for asset in city.settings.assets}
    end = history.start_utc + history.steps * history.step
    found = []
    for control in city.settings.controls:
        asset = assets.get(control.asset)
        rows = [row[name] for name in (asset.series_needed if asset is not None else ()) if name in row]
        if asset is None or not rows or control.quantity != "power_kw":
            continue
        windows = _windows(engine, control, history.start_utc, end)
        for plan_id in dict.fromkeys(command.plan_id for command, _, _ in windows):
            less = _planned_less(engine, plan_id, control.asset, history)
            if less is None:
                continue
            limit, doubt, inside = np.full(history.steps, np.nan), np.zeros(history.steps, bool), np.zeros(history.steps, bool)
            for command, begin, until in windows:
                if command.plan_id == plan_id:
                    cut = _columns(history, begin, until)
                    limit[cut], doubt[cut], inside[cut] = command.setpoint, command.state in UNCERTAIN, True
            less = np.where(inside, less, np.nan)
            found.append(_Held(rows, control.asset, isinstance(asset, Curtailable), less, limit, doubt, 10.0**-control.decimals / 2))
    return found


def _windows(engine: Engine, control: Control, start: datetime, end: datetime) -> list[tuple[Any, datetime, datetime]]:
    """Commands that reached the device, or may have, each in force until its end or the next one."""
    c = t.command.c
    reached = c.state.in_((WRITTEN, *UNCERTAIN))
    where = (c.point_id == control.point, reached, c.reverts.is_(None), c.not_after_utc > start, c.not_before_utc < end)
    with engine.connect() as connection:
        rows = connection.execute(select(t.command).where(*where).order_by(c.not_before_utc)).all()
    ends = [*(row.not_before_utc for row in rows[1:]), end][: len(rows)]
    return [(row, row.not_before_utc, min(row.not_after_utc, after)) for row, after in zip(rows, ends, strict=True)]


def _columns(history: Block, begin: datetime, until: datetime) -> slice:
    """The steps that lie at least half inside a time."""
    first, last = ((time - history.start_utc) / history.step for time in (begin, until))
    return slice(max(int(np.ceil(first - 0.5)), 0), max(int(np.ceil(last - 0.5)), 0))


def _planned_less(engine: Engine, plan_id: str, asset: str, history: Block) -> FloatArray | None:
    """float64[T]: what the plan took less than the baseline [kW], NaN outside the plan; None where the plan is not stored."""
    v = t.plan_value.c
    with engine.connect() as connection:
        plan = connection.execute(select(t.plan).where(t.plan.c.plan_id == plan_id)).first()
        rows = connection.execute(
            select(v.scenario, v.amounts).where(v.plan_id == plan_id, v.asset_id == asset, v.quantity == "power_kw")
        ).tuples()
        power = {scenario: unpack_float(amounts).astype(float) for scenario, amounts in rows}
    if plan is None or not {"plan", "baseline"} <= set(power):
        return None
    less = power["baseline"] - power["plan"]
    step = timedelta(seconds=plan.step_s)
    finer = max(round(history.step / step), 1)  # steps of the plan in one of the history
    at = (np.arange(history.steps)[:, None] + (np.arange(finer) + 0.5) / finer) * (history.step / step)
    at = np.floor(at + (history.start_utc - plan.start_utc) / step).astype(np.int64)
    inside = (at >= 0) & (at < less.size)
    return np.where(inside.all(axis=1), less[np.where(inside, at, 0)].mean(axis=1), np.nan)


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
    taken_kw = used(history, i) / hours
    with np.errstate(invalid="ignore"):  # above its limit it did not follow, below it wanted no more
        at_limit = np.abs(taken_kw - held.limit_kw) <= FOLLOWED * np.abs(held.limit_kw) + held.least_kw
    asked = acted & (less > 0) & ~held.uncertain
    kept = asked & at_limit
    share = less[kept].sum() / less[asked].sum() if asked.any() else 0.0
    later = acted & (less < 0) & ~held.uncertain & np.isfinite(taken_kw)
    amount = np.where(kept, less, np.where(later, share * less, 0)) * hours
    if amount.any():
        change.adds(i, amount)
        steps, total = int((amount != 0).sum()), float(amount.sum())
        told = f"{steps} steps are corrected by {total:+,.4g} {history.quantity.unit} for what {held.asset} was asked to do."
        change.notes.append(Correction(history.ids[i], "demand response", steps, total, told))


def _leave_out(change: Change, history: Block, i: int, out: NDArray[np.bool_], held: _Held) -> None:
    if out.any() and (steps := change.leaves_out(i, out)):
        cause = "curtailment" if held.curtails else "unknown outcome" if held.uncertain.any() else "demand response"
        told = f"{steps} steps are left out: {cause} of {held.asset}, by an amount nobody measured."
        change.notes.append(Correction(history.ids[i], cause, steps, 0.0, told))


def sentences(notes: Sequence[Correction]) -> dict[str, str]:
    """{series: what was corrected}, for the reason of its forecast; equal causes are told together."""
    by: dict[str, dict[str, list[Correction]]] = {}
    for note in notes:
        by.setdefault(note.series_id, {}).setdefault(note.cause, []).append(note)
    return {name: " ".join(_together(found) for found in causes.values()) for name, causes in by.items()}


def _together(notes: Sequence[Correction]) -> str:
    if len(notes) == 1:
        return notes[0].sentence
    steps, amount = sum(note.steps for note in notes), sum(note.amount for note in notes)
    how = f"corrected by {amount:+,.4g} together" if amount else "left out"
    return f"{steps} steps of {len(notes)} times are {how}: {notes[0].cause}."
