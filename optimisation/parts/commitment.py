"""On or off: the rules that pump stations, generators and processes share.

A unit that is on or off has three variables per step: running, start and stop. Start and stop also exist for steps before the horizon,
where they are known: so a shortest run that began an hour ago is held by the same rows as one that begins tomorrow.

Reference: Rajan and Takriti, Minimum Up/Down Polytopes of the Unit Commitment Problem with Start-Up Costs, IBM RC23628, 2005.
"""
# ruff: noqa: ARG005 - Pyomo gives every rule its model

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from optimisation.asset import Connected
from optimisation.inputs import PlanInput
from optimisation.words import Words

if TYPE_CHECKING:
    import pyomo.environ as pyo

    from optimisation.formulation import Formulation

CAN = Words("gives no more than it can while it runs", news=False)


@dataclass(frozen=True)
class Unit:
    """What is switched. Lengths are in steps; `since` is how long it has been on or off before the horizon, None where unknown."""

    id: str
    on: bool = False
    since: int | None = None
    min_up: int = 1
    min_down: int = 1
    max_up: int | None = None
    starts_per_day: int | None = None
    starts_today: int = 0
    start_price: float = 0.0

    def released(self, can: NDArray[np.float64]) -> "Unit":
        """Itself, with the run it is in let off where it may not go on: 0 in `can`, float[steps]."""
        free = int(np.argmin(can)) if (can < 1).any() else len(can)
        return replace(self, since=max(self.since, self.min_up - free)) if self.on and self.since is not None else self

    def history(self, before: int, on: bool) -> NDArray[np.float64]:
        """float[before]: 1 at the step before the horizon in which it was switched to the state it is in, if that is `on`."""
        past = np.zeros(before)
        since = (self.min_up if self.on else self.min_down) if self.since is None else max(self.since, 1)  # unknown: free to switch
        if self.on == on and since <= before:
            past[before - since] = 1.0
        return past


class Committed(Connected):
    """An asset that is on or off, runs and rests for a while, and starts only so often."""

    state_needed: ClassVar[tuple[str, ...]] = ("running",)
    state_taken: ClassVar[tuple[str, ...]] = ("since_steps", "starts_today")
    min_up_steps: int = Field(default=1, ge=1, description="shortest run [steps]")
    min_down_steps: int = Field(default=1, ge=1, description="shortest rest [steps]")
    max_starts_per_day: int | None = Field(default=None, ge=0, description="most starts per civil day; none: no limit")
    start_price: float = Field(default=0.0, ge=0, description="wear of one start [currency]")

    def runs_at_start(self, inputs: PlanInput) -> bool:
        return float(inputs.state.get(self.id, {}).get("running", 0.0)) >= 0.5

    def unit(self, inputs: PlanInput) -> Unit:
        """Itself as `commit` wants it, with what its state tells."""
        state = inputs.state.get(self.id, {})
        return Unit(
            self.id,
            on=self.runs_at_start(inputs),
            since=None if (since := state.get("since_steps")) is None else int(since),
            min_up=self.min_up_steps,
            min_down=self.min_down_steps,
            starts_per_day=self.max_starts_per_day,
            starts_today=int(state.get("starts_today", 0)),
            start_price=self.start_price,
        )

    def starts(self, inputs: PlanInput, running: NDArray[np.float64]) -> float:
        """How often it starts when it runs as in `running`, float[steps] of 0 and 1."""
        return float(np.maximum(np.diff(running, prepend=float(self.runs_at_start(inputs))), 0.0).sum())


def commit(model: "Formulation", name: str, units: Sequence[Unit], can: ArrayLike = 1.0, can_words: Words = CAN) -> "pyo.Var":
    """Add `{name}_running`, `_start` and `_stop` [unit, step] with run and rest times, starts per day and their price.

    The set of units is `{NAME}_UNIT`. `can` broadcasts to [units, steps]: 0 where a unit must stay off. Gives the binary running; start
    and stop are 0 or 1 by themselves.
    """
    m, steps = model.m, model.inputs.steps
    may = np.broadcast_to(np.asarray(can, dtype=float), (len(units), steps))
    units = [unit.released(row) for unit, row in zip(units, may, strict=True)]
    before = max(max(u.min_up, u.min_down, u.max_up or 1) for u in units)
    ids = model.ids(f"{name.upper()}_UNIT", (u.id for u in units))
    when = model.ids(f"{name}_time", range(-before, steps))
    running = model.variable(f"{name}_running", ids, m.T, upper=may, integer=True, at_most=can_words)
    switches = {}
    for side, on in (("start", True), ("stop", False)):
        past = np.array([u.history(before, on) for u in units])
        low, high = (np.hstack([past, np.full((len(units), steps), now)]) for now in (0.0, 1.0))
        switches[side] = model.variable(f"{name}_{side}", ids, when, lower=low, upper=high)
    start, stop = switches["start"], switches["stop"]
    first = model.ids(f"{name}_first", [0])
    later = model.ids(f"{name}_later", range(1, steps))
    on = model.parameter(f"{name}_on", ids, [float(u.on) for u in units])
    model.constraint(f"{name}_switch_first", ids, first, rule=lambda m, u, t: running[u, t] - start[u, t] + stop[u, t] == on[u])
    if steps > 1:
        model.constraint(f"{name}_switch", ids, later, rule=lambda m, u, t: running[u, t] - running[u, t - 1] == start[u, t] - stop[u, t])
    _lengths(model, name, units)
    _starts(model, name, units)
    return running


def _by_length(lengths: Mapping[str, int | None]) -> dict[int, list[str]]:
    """Units of equal length together: each length is one template."""
    found: dict[int, list[str]] = {}
    for unit, length in lengths.items():
        if length is not None:
            found.setdefault(length, []).append(unit)
    return found


def _lengths(model: "Formulation", name: str, units: Sequence[Unit]) -> None:
    """Who started within the shortest run still runs, who stopped within the shortest rest still rests, who runs started lately."""
    m = model.m
    running, start, stop = (getattr(m, f"{name}_{part}") for part in ("running", "start", "stop"))

    def lately(switch: Any, u: Any, t: Any, length: int) -> Any:
        return sum(switch[u, t - k] for k in range(length))

    rules: tuple[tuple[str, dict[str, int | None], Any, str], ...] = (
        (
            "min_up",
            {u.id: u.min_up for u in units},
            lambda n: lambda m, u, t: lately(start, u, t, n) - running[u, t] <= 0,
            "once started, runs its shortest run",
        ),
        (
            "min_down",
            {u.id: u.min_down for u in units},
            lambda n: lambda m, u, t: lately(stop, u, t, n) + running[u, t] <= 1,
            "once stopped, rests its shortest rest",
        ),
        (
            "max_up",
            {u.id: u.max_up for u in units},
            lambda n: lambda m, u, t: running[u, t] - lately(start, u, t, n) <= 0,
            "once started, ends within its longest run",
        ),
    )
    for what, lengths, rule, text in rules:
        for length, ids in _by_length(lengths).items():
            members = model.ids(f"{name}_{what}_{length}_ids", ids)
            model.constraint(f"{name}_{what}_{length}", members, m.T, rule=rule(length), words=Words(text, news=False))


def _starts(model: "Formulation", name: str, units: Sequence[Unit]) -> None:
    m, days = model.m, model.inputs.civil_days
    start, ids = getattr(m, f"{name}_start"), getattr(m, f"{name.upper()}_UNIT")
    left = {
        (u.id, day): max(u.starts_per_day - (0 if day else u.starts_today), 0)
        for u in units
        if u.starts_per_day is not None
        for day in range(len(days))
    }
    if left:
        model.constraint(
            f"{name}_starts",
            model.ids(f"{name}_starts_ids", left),
            by_row=True,
            rule=lambda m, u, day: sum(start[u, t] for t in days[day]) <= left[u, day],
            words=Words("at most {value} starts a day", by_day=True),
        )
    if any(u.start_price for u in units):
        price = model.parameter(f"{name}_start_price", ids, [u.start_price for u in units])
        model.costs.append(lambda m: sum(price[u] * start[u, t] for u in ids for t in m.T))
