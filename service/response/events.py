"""Events of demand response as records: proposed by a plan, called by people, cancelled; never deleted once announced.

`proposed` and `announced` and `cancelled` are stored; an announced event is active or done by the clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import pandas as pd
from sqlalchemy import Connection, Engine, select

from city.clock import civil_day, local_date
from city.problems import PenstockError, fault
from optimisation.assets.demand_response import DemandResponse
from optimisation.response.programme import Programme
from service import schema as t
from service.openadr.signals import CITY, OF_AN_ASSET, Asked
from service.settings import LoadedCity
from service.store.operations import record

e = t.response_event


@dataclass(frozen=True)
class Record:
    """One event as it is stored; `amounts` are (start, end or None, amount) in the unit of the signal."""

    event_id: int
    programme: str
    asset_id: str
    signal: str
    start_utc: datetime
    end_utc: datetime | None
    amounts: tuple[tuple[datetime, datetime | None, float], ...]
    state: str
    origin: str
    plan_id: str
    foreign_id: str | None
    document: Mapping[str, Any] | None
    made_at_utc: datetime
    announced_utc: datetime | None
    cancelled_utc: datetime | None
    approvals_needed: int
    who: str
    reason: str

    @property
    def ends_utc(self) -> datetime | None:
        """When it ends, or was ended."""
        known = [time for time in (self.end_utc, self.cancelled_utc) if time is not None]
        return min(known) if known else None

    def acting(self) -> list[tuple[datetime, datetime | None, float]]:
        """Its amounts up to where it was ended."""
        end = self.ends_utc
        cut = [(start, stop if end is None or (stop is not None and stop <= end) else end, amount) for start, stop, amount in self.amounts]
        return [(start, stop, amount) for start, stop, amount in cut if stop is None or start < stop]

    def state_at(self, now_utc: datetime) -> str:
        """proposed, announced, active, done or cancelled."""
        if self.state != "announced":
            return self.state
        if now_utc < self.start_utc:
            return "announced"
        return "active" if self.ends_utc is None or now_utc < self.ends_utc else "done"


def packed(amounts: Sequence[tuple[datetime, datetime | None, float]]) -> list[list[Any]]:
    """Amounts as they are stored."""
    return [[start.isoformat(), end.isoformat() if end else None, amount] for start, end, amount in amounts]


def record_of(row: Any) -> Record:
    """A row of response_event."""
    names = (*Record.__dataclass_fields__,)
    found = {name: getattr(row, name) for name in names}
    read = datetime.fromisoformat
    found["amounts"] = tuple((read(start), read(end) if end else None, float(amount)) for start, end, amount in row.amounts)
    return Record(**found)


def records(engine: Engine, *where: Any) -> list[Record]:
    """Events that fulfil the conditions, by their start."""
    with engine.connect() as connection:
        rows = connection.execute(select(e).where(*where).order_by(e.c.start_utc, e.c.event_id)).all()
    return [record_of(row) for row in rows]


def one(connection: Connection, event_id: int) -> Record:
    """Raises `PenstockError` for a number that no event has."""
    row = connection.execute(select(e).where(e.c.event_id == event_id)).first() if 0 < event_id < 2**31 else None
    if row is None:
        raise fault(f"event {event_id}", "unknown", "a number that `penstock response list --all` shows", "Check the number.")
    return record_of(row)


def participants(city: LoadedCity) -> dict[str, DemandResponse]:
    """{asset id: asset} of those enrolled in a programme."""
    assets: Sequence[Any] = city.settings.assets
    return {asset.id: asset for asset in assets if isinstance(asset, DemandResponse)}


def programmes(city: LoadedCity) -> dict[str, Programme]:
    """{id: programme} of city.toml."""
    return {programme.id: programme for programme in city.settings.programmes}


def add(connection: Connection, values: Mapping[str, Any], amounts: Sequence[tuple[datetime, datetime | None, float]]) -> int:
    """Store an event; its span is that of its amounts. Returns its number."""
    ends = [end for _, end, _ in amounts]
    row = {
        "start_utc": min(start for start, _, _ in amounts),
        "end_utc": None if None in ends else max(cast("list[datetime]", ends)),
        "amounts": packed(amounts),
        "approvals_needed": 1,
        **values,
    }
    made = connection.execute(e.insert().values(**row))
    return int((made.inserted_primary_key or (0,))[0])


def change(connection: Connection, event_id: int, values: Mapping[str, Any], asked: Asked | None = None) -> None:
    """Change an event's record, and its amounts when given."""
    ends = [end for _, end, _ in asked.amounts] if asked else []
    spans = (
        {
            "start_utc": min(start for start, _, _ in asked.amounts),
            "end_utc": None if None in ends else max(cast("list[datetime]", ends)),
            "amounts": packed(asked.amounts),
        }
        if asked
        else {}
    )
    connection.execute(e.update().where(e.c.event_id == event_id).values(**values, **spans))


def held(engine: Engine, asset_id: str, first: date, last: date, zone: str, known_utc: datetime | None = None) -> list[Record]:
    """Events that called an asset on the civil days first to last, announced (by `known_utc`) and not cancelled before they began."""
    start, end = civil_day(first, zone)[0], civil_day(last, zone)[1]
    found = records(engine, e.c.asset_id == asset_id, e.c.announced_utc.is_not(None), e.c.start_utc >= start, e.c.start_utc < end)
    told = [r for r in found if known_utc is None or (r.announced_utc is not None and r.announced_utc <= known_utc)]
    return [r for r in told if r.signal in OF_AN_ASSET and r.acting()]


def left(engine: Engine, city: LoadedCity, asset: DemandResponse, day: date, known_utc: datetime | None = None) -> tuple[int, int]:
    """Events that an asset may still be called for: in the season of `day`, and on that day."""
    programme, zone = programmes(city)[asset.programme], city.settings.city.time_zone
    first, last = programme.season_of(day)
    in_season = held(engine, asset.id, first, max(last, day), zone, known_utc)
    today = [r for r in in_season if local_date(r.start_utc, zone) == day]
    return max(0, programme.events_per_season - len(in_season)), max(0, programme.events_per_day - len(today))


def asset_of(engine: Engine, event_id: int) -> str:
    """The asset an event is asked of. Raises `PenstockError` for an unknown event."""
    with engine.connect() as connection:
        return one(connection, event_id).asset_id


def cancel(connection: Connection, city: LoadedCity, event_id: int, who: str, at_utc: datetime, reason: str) -> str:
    """End an event now, or before it began; returns what that means. Raises `PenstockError` when it is over or has no reason."""
    found = one(connection, event_id)
    if not reason.strip():
        raise fault(f"event {event_id}", "no reason", "a reason in a few words", "Say why, for the audit trail.")
    if found.state == "cancelled":
        return f"event {event_id} was cancelled before, nothing changed"
    if found.state_at(at_utc) == "done":
        raise fault(f"event {event_id}", "over", "one that is proposed, to come or active", "Nothing is to be done.")
    change(connection, event_id, {"state": "cancelled", "cancelled_utc": at_utc})
    told = f"event {event_id} of {_who(city, found)} is cancelled"
    if found.announced_utc is not None and found.start_utc < at_utc:
        told += "; what it did until now is settled"
    if any(control.asset == found.asset_id for control in city.settings.controls):
        told += "; plan again to take back its setpoints"
    record(connection, at_utc, who, "response cancel", str(event_id), f"{told}: {reason.strip()}")
    return told


def _who(city: LoadedCity, found: Record) -> str:
    return city.settings.city.name if found.asset_id == CITY else found.asset_id


def said(city: LoadedCity, found: Record, now_utc: datetime) -> str:
    """One line of the list: number, state, what is asked of whom, when."""
    zone, units = city.settings.city.time_zone, {"reduce_share": "of the offer", "reduce_kw": "kW less", "setpoint_kw": "kW at most"}
    start = pd.Timestamp(found.start_utc).tz_convert(zone).strftime("%Y-%m-%d %H:%M")
    end = pd.Timestamp(found.ends_utc).tz_convert(zone).strftime("%Y-%m-%d %H:%M") if found.ends_utc else "further notice"
    values = sorted({amount for _, _, amount in found.amounts})
    amount = f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"
    asks = f"{amount} {units[found.signal]}" if found.signal in units else f"{found.signal} {amount}"
    return f"{found.event_id}  {found.state_at(now_utc)}: {found.programme}, {_who(city, found)}, {start} to {end}, {asks}; {found.reason}"


def require_participant(city: LoadedCity, asset_id: str) -> DemandResponse:
    """Raises `PenstockError` for an asset that is in no programme."""
    known = participants(city)
    if asset_id not in known:
        raise PenstockError(
            fault(f"asset '{asset_id}'", "in no programme", ", ".join(known) or "none enrolled", "Check the name.").problems
        )
    return known[asset_id]
