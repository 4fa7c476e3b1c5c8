"""When the night can make no plan, the last good one stands in: its hours of days of the same kind, moved to tonight and checked again.

Nothing is optimised here, so nothing can hang or be impossible. What tonight's limits, holds and states do not bear is left out or cut
back, and said. Its commands are proposed, like those of every plan, and go nowhere until somebody approves them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, delete, select

from city.clock import grid
from service import four_eyes
from service import schema as t
from service.controls import Control
from service.plans.begin import Begin, begin
from service.plans.commands import commands
from service.plans.edits import first_step
from service.settings import LoadedCity
from service.store import results
from service.store.results import replace_rows

FALLBACK = "fallback"
"""The status and the origin of such a plan."""
GOOD = ("optimal", "time-limited", "relaxed")
PLANS = 14  # the newest good plans that are looked at for days of the same kind
CHANGE = "change"  # the scenario under which the changes of stored amounts travel
STORED = ("_kwh", "_m3")  # quantities that are a stored amount
Floats = NDArray[np.float64]


@dataclass
class StandIn:
    """A plan that stands in, not stored yet."""

    city: LoadedCity
    night: date
    known: Begin
    former: str
    values: pd.DataFrame  # by time_utc: one column per (scenario, asset_id, quantity)
    prices: pd.DataFrame  # one per balance
    why: str
    left_to: list[str] = field(default_factory=list)  # assets that nothing is proposed for
    notes: list[str] = field(default_factory=list)

    @property
    def plan_id(self) -> str:
        return f"fallback-{self.night:%Y%m%d}-0"

    @property
    def sentence(self) -> str:
        """That it stands in, for whom to read before they decide."""
        return (
            f"{self.plan_id} stands in: the hours of {self.former} on days of the same kind, moved to tonight, checked against today's"
            f" limits and states and not computed anew; approve it or leave it"
        )

    def store(self, connection: Connection) -> bool:
        """Store it with its proposed commands; False where somebody decided on one of this night already, which then stays."""
        if not withdraw(connection, self.night):
            return False
        settings, start = self.city.settings, self.values.index[0].to_pydatetime()
        detail: dict[str, Any] = {
            "origin": FALLBACK,
            "from": self.former,
            "notes": [self.sentence, *self.notes],
            "reasons": [self.why],
            "binding": [],
        }
        detail |= {"gap": None, "begin": self.known.model_dump(mode="json"), "baseline_breaches": []}
        row = {"plan_id": self.plan_id, "night": self.night, "made_at_utc": self.known.known_utc, "start_utc": start, "detail": detail}
        row |= {"step_s": settings.night.step_s, "steps": len(self.values), "status": FALLBACK}
        connection.execute(t.plan.insert().values(**row))
        frame = _long(self.values)
        long = self.prices.melt(var_name="balance_id", value_name="currency_per_unit", ignore_index=False)
        results.store_plan(connection, self.plan_id, frame, long.reset_index(names="time_utc"))
        own = frame[~frame["asset_id"].isin(self.left_to)]
        proposed = commands(self.city, self.plan_id, start, own)
        four_eyes.mark(settings.four_eyes, proposed, four_eyes.present_values(connection, self.city))
        replace_rows(connection, t.command, t.command.c.plan_id == self.plan_id, proposed)
        return True


def stand_in(city: LoadedCity, engine: Engine, night: date, now_utc: datetime, why: str) -> StandIn | None:
    """What stands in for a plan that could not be made because of `why`; None where no good plan of the past covers tonight."""
    step = timedelta(seconds=city.settings.night.step_s)
    times = grid(first_step(city, now_utc), city.settings.night.steps, step)
    plans = _good(engine, night, now_utc, city.settings.night.step_s)
    if not plans:
        return None
    rows, kinds_missed = _moved(city, plans, engine, times)
    if rows is None:
        return None
    values, prices = rows
    made = StandIn(city, night, begin(city, engine, times[0].to_pydatetime(), now_utc), plans[0].plan_id, values, prices, why)
    if kinds_missed:
        made.notes.append(f"No earlier plan has a day of the kind of {', '.join(map(str, kinds_missed))}: hours of another kind stand in.")
    for control in city.settings.controls:
        _check(made, control)
    return made


def withdraw(connection: Connection, night: date) -> bool:
    """Take back what stood in for the plan of a night, unless somebody decided on it: then False, and it stays."""
    ids = connection.execute(select(t.plan.c.plan_id).where(t.plan.c.night == night, t.plan.c.status == FALLBACK)).scalars().all()
    c = t.command.c
    if not ids:
        return True
    # Locked, so that who approves at the same time is seen here, or finds nothing left to approve.
    connection.execute(select(c.command_id).where(c.plan_id.in_(ids)).with_for_update())
    if connection.execute(select(t.approval.c.plan_id).where(t.approval.c.plan_id.in_(ids))).first() is not None:
        return False
    if connection.execute(select(c.plan_id).where(c.plan_id.in_(ids), c.state != "proposed")).first() is not None:
        return False
    for table in (t.plan_value, t.price, t.breach, t.command, t.what_if, t.pareto, t.plan):
        connection.execute(delete(table).where(table.c.plan_id.in_(ids)))
    return True


def _good(engine: Engine, night: date, now_utc: datetime, step_s: int) -> Sequence[Any]:
    p = t.plan.c
    some = (p.status.in_(GOOD), p.night <= night, p.made_at_utc <= now_utc, p.step_s == step_s)
    return results.rows(engine, t.plan, *some, order=p.made_at_utc.desc())[:PLANS]


def _moved(
    city: LoadedCity, plans: Sequence[Any], engine: Engine, times: pd.DatetimeIndex
) -> tuple[tuple[pd.DataFrame, pd.DataFrame] | None, list[date]]:
    """Values and prices on tonight's steps: of each step the newest planned one at the same local clock on a day of the same kind."""
    zone, calendar = city.settings.city.time_zone, city.settings.calendar

    def keys(index: pd.DatetimeIndex, *, kind: bool) -> list[tuple[Any, ...]]:
        local = index.tz_convert(zone)
        return [((calendar.kind_of_day(at.date()) if kind else ()), at.hour, at.minute) for at in local]

    found: dict[tuple[Any, ...], pd.Series] = {}
    prices: dict[tuple[Any, ...], pd.Series] = {}
    columns: list[Any] | None = None
    balances: list[Any] = []
    for plan in plans:
        began = (plan.detail.get("begin") or {}).get("state", {})
        values, price = _with_changes(results.plan_values(engine, plan), began), results.plan_prices(engine, plan)
        columns, balances = (list(values.columns), list(price.columns)) if columns is None else (columns, balances)
        if not (set(columns) <= set(values.columns) and set(balances) <= set(price.columns)):
            continue
        for kind in (True, False):
            for i, key in reversed(list(enumerate(keys(values.index, kind=kind)))):
                found.setdefault(key, values.iloc[i][columns])
                prices.setdefault(key, price.iloc[i][balances])
    exact, loose = keys(times, kind=True), keys(times, kind=False)
    taken = [one if one in found else other for one, other in zip(exact, loose, strict=True)]
    if any(key not in found for key in taken):
        return None, []
    missed = sorted({at.date() for at, key, one in zip(times.tz_convert(zone), taken, exact, strict=True) if key != one})
    made = pd.DataFrame([found[key].to_numpy() for key in taken], index=times, columns=pd.MultiIndex.from_tuples(columns or []))
    cost = pd.DataFrame([prices[key].to_numpy() for key in taken], index=times, columns=balances)
    finite = made.loc[:, np.isfinite(made.to_numpy()).all(axis=0)]
    return (finite, cost), missed


def _with_changes(values: pd.DataFrame, began: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """The values, and by how much each stored amount changes in a step: what is moved hour by hour cannot tell that afterwards.

    Amounts are told at the end of each step; that of the first one changed from what the plan `began` with.
    """
    stored = [column for column in values.columns if column[0] == "plan" and column[2].endswith(STORED)]
    if not stored:
        return values
    before = {(s, a, q): began.get(a, {}).get(q, values[s, a, q].iloc[0]) for s, a, q in stored}
    changes = {(CHANGE, *one[1:]): np.diff(values[one].to_numpy(), prepend=before[one]) for one in stored}
    return values.join(pd.DataFrame(changes, index=values.index))


def _check(made: StandIn, control: Control) -> None:
    """Hold a control's moved setpoints against today: what it may be written, who holds it, and what its state bears."""
    column = ("plan", control.asset, control.quantity)
    reason = _unfit(made, control, column)
    if reason:
        made.left_to.append(control.asset)
        made.notes.append(f"{control.asset} is left to itself: {reason}.")
        return
    wanted = made.values[column].to_numpy().copy()
    value = _within_limits(made, control, wanted)
    value = _within_state(made, control, value)
    if not np.allclose(value, _within_limits(made, control, value)):
        made.left_to.append(control.asset)
        made.notes.append(f"{control.asset} is left to itself: its state bears less than may be written to it.")
        return
    if not np.allclose(value, wanted):
        hours = float((~np.isclose(value, wanted)).sum()) * made.city.settings.night.step_s / 3600
        made.notes.append(f"{control.asset} is cut back for {hours:g} h: today's limits or state do not bear more.")
        made.values[column] = value


def _unfit(made: StandIn, control: Control, column: tuple[str, str, str]) -> str:
    asset = next((asset for asset in made.city.settings.assets if asset.id == control.asset), None)
    if asset is None or column not in made.values:
        return f"{made.former} did not plan it"
    if any(one.point == control.point for one in made.known.held):
        return "somebody holds it"
    if any(edit.change.asset == control.asset for edit in made.known.edits):
        return "an operator's edit stands on it"
    missing = [state for state in asset.state_needed if state not in made.known.state.get(asset.id, {})]
    if missing:
        return f"nobody knows its {missing[0]}"
    for store in _fed_by(made, control.asset):
        low, high = _bounds(made, store)
        course = _course(made, *store)
        if (course < low - 1e-6).any() or (course > high + 1e-6).any():
            return f"from where {store[0]} stands now it would leave {low:,.0f} to {high:,.0f} m3"
    return ""


def _fed_by(made: StandIn, asset_id: str) -> Iterator[tuple[str, str]]:
    """The stores of other assets that an asset names, e.g. the tank of a pump station, with the quantity they store."""
    asset = next(asset for asset in made.city.settings.assets if asset.id == asset_id)
    named = {value for name, value in asset.model_dump().items() if isinstance(value, str) and name not in ("id", "kind", "name")}
    for scenario, other, quantity in made.values.columns:
        if scenario == CHANGE and other in named and other != asset_id and quantity in made.known.state.get(other, {}):
            yield other, quantity


def _course(made: StandIn, asset: str, quantity: str) -> Floats:
    """float[steps]: what is stored at the end of each step, from where it stands now by the changes of the moved plan."""
    return made.known.state[asset][quantity] + np.cumsum(made.values[CHANGE, asset, quantity].to_numpy())


def _bounds(made: StandIn, store: tuple[str, str]) -> tuple[float, float]:
    """What may be stored: today's window of the asset where it has one, else what the former plan held and where it stands now."""
    asset = next(asset for asset in made.city.settings.assets if asset.id == store[0])
    size, low, high = (getattr(asset, name, None) for name in ("energy_kwh", "least_share", "most_share"))
    stored, now = made.values["plan", *store].to_numpy(), made.known.state[store[0]][store[1]]
    if size is not None and low is not None and high is not None:
        return min(size * low, now), max(size * high, now)
    return min(float(stored.min()), now), max(float(stored.max()), now)


def _within_limits(made: StandIn, control: Control, value: Floats) -> Floats:
    limits = made.city.write_limits(control.point)
    low, high = (getattr(limits, name, None) for name in ("minimum", "maximum"))
    power = getattr(next(asset for asset in made.city.settings.assets if asset.id == control.asset), "power_kw", None)
    if power is not None and control.quantity == "power_kw":
        value = np.clip(value, -float(power), float(power))
    return np.clip(value, -np.inf if low is None else low, np.inf if high is None else high)


def _within_state(made: StandIn, control: Control, value: Floats) -> Floats:
    """Setpoints, cut back in the steps in which the asset's own store would leave its window."""
    own = [(a, q) for s, a, q in made.values.columns if s == CHANGE and a == control.asset and q in made.known.state.get(a, {})]
    if not own or not control.quantity.endswith("_kw"):
        return value
    store = own[0]
    low, high = _bounds(made, store)
    at, course = made.known.state[store[0]][store[1]], np.zeros(len(value))
    wanted = made.values["plan", control.asset, control.quantity].to_numpy()
    cut = value.copy()
    for i, moved in enumerate(made.values[CHANGE, *store].to_numpy()):
        change = moved * (abs(value[i] / wanted[i]) if wanted[i] else 1.0)
        then = float(np.clip(at + change, low, high))
        cut[i] = value[i] * (then - at) / change if abs(change) > 1e-9 else value[i]
        at = course[i] = then
    made.values["plan", *store] = course
    return cut


def _long(values: pd.DataFrame) -> pd.DataFrame:
    """The values as a PLAN frame."""
    parts = [
        pd.DataFrame({"scenario": s, "asset_id": a, "quantity": q, "time_utc": values.index, "value": values[s, a, q].to_numpy()})
        for s, a, q in values.columns
        if s != CHANGE
    ]
    return pd.concat(parts, ignore_index=True)
