"""Settlement of events that are over, from the validated days of the meters: stored with everything needed to compute it by hand."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select

from city.clock import civil_day, local_date
from city.problems import PenstockError, Problem, fault
from forecasting.calendars import WORKDAY
from optimisation.assets.demand_response import DemandResponse
from optimisation.response.baseline import Baseline, Days, adjusted, baseline, like_days, mean_of
from optimisation.response.programme import Programme
from optimisation.response.settlement import Settlement, settle
from service import schema as t
from service.openadr.signals import OF_AN_ASSET
from service.response import events
from service.response.events import Record
from service.response.metered import Metered, end_of, history, in_other_events, usage
from service.settings import LoadedCity
from service.store import meter_days, writing
from service.store.operations import record


def due(engine: Engine, city: LoadedCity, now_utc: datetime) -> list[Record]:
    """Events of participants that are over, with what comes back, and whose civil days are stored."""
    c, closed = events.e.c, meter_days.last(engine)
    if closed is None:
        return []
    found = events.records(engine, c.announced_utc.is_not(None), c.signal.in_(OF_AN_ASSET))
    zone, known = city.settings.city.time_zone, events.programmes(city)
    enrolled, settled = events.participants(city), {row.event_id for row in settlements(engine)}
    found = [one for one in found if one.asset_id in enrolled or one.event_id not in settled]  # who left is not settled anew
    over = [one for one in found if one.acting() and one.programme in known and end_of(one, known[one.programme]) <= now_utc]
    return [one for one in over if civil_day(local_date(end_of(one, known[one.programme]), zone), zone)[0] <= closed]


def settle_due(
    engine: Engine, city: LoadedCity, who: str, now_utc: datetime, event_id: int | None = None
) -> tuple[list[str], list[Problem]]:
    """Settle every event that is due, or one; returns a sentence each and what could not be settled.

    Settled before from the same readings, it changes nothing; from other readings it becomes the next version.
    """
    found = due(engine, city, now_utc)
    if event_id is not None:
        with engine.connect() as connection:
            one = events.one(connection, event_id)
        found = [row for row in found if row.event_id == event_id]
        if not found:
            observed = f"is {one.state_at(now_utc)}; its days may not be stored yet"
            raise fault(f"settlement of event {event_id}", observed, "an event that is over, with its readings", "Run the night first.")
    told: list[str] = []
    problems: list[Problem] = []
    for one in found:
        try:
            told.append(_settled(engine, city, one, who, now_utc))
        except PenstockError as error:
            problems += [Problem(f"event {one.event_id}: {p.subject}", p.observed, p.allowed, p.remedy) for p in error.problems]
    return told, problems


def _settled(engine: Engine, city: LoadedCity, one: Record, who: str, now_utc: datetime) -> str:
    asset, programme = _as_agreed(engine, city, one)
    metered = usage(engine, city, asset, one, programme)
    made, base, detail = computed(engine, city, one, asset, programme, metered)
    sentence = said(city, one, made, base)
    row = {
        "event_id": one.event_id,
        "baseline_kwh": float(made.baseline_kwh.sum()),
        "measured_kwh": float(np.nansum(made.measured_kwh)),
        "asked_kwh": float(made.asked_kwh.sum()),
        "delivered_kwh": float(made.delivered_kwh.sum()),
        "performance": made.performance,
        "payment": made.payment,
        "penalty": made.penalty,
        "rebound_kwh": made.rebound_kwh,
        "sentence": sentence,
        "detail": detail,
    }
    with writing(engine) as connection:
        return _stored(connection, row, who, now_utc)


def _as_agreed(engine: Engine, city: LoadedCity, one: Record) -> tuple[DemandResponse, Programme]:
    """The participant and its programme; what was settled once is settled by the same terms again, whatever city.toml says today."""
    asset, programme = events.require_participant(city, one.asset_id), events.programmes(city)[one.programme]
    before = settlements(engine, one.event_id)
    if not before:
        return asset, programme
    detail = before[-1].detail
    terms = Programme.model_validate({**programme.model_dump(), **detail["terms"]})
    return asset.model_copy(update={"offered_kw": detail["offered_kw"]}), terms


def _stored(connection: Connection, row: dict[str, Any], who: str, now_utc: datetime) -> str:
    s, number = t.settlement, row["event_id"]
    version = connection.execute(select(func.max(s.c.version)).where(s.c.event_id == number)).scalar() or 0
    before = connection.execute(select(s).where(s.c.event_id == number, s.c.version == version)).first()
    if before is not None and all(getattr(before, name) == value for name, value in row.items()):
        return f"event {number}: settled before, nothing changed"
    connection.execute(s.insert().values(version=version + 1, settled_utc=now_utc, **row))
    told = row["sentence"] if version == 0 else f"{row['sentence']} (version {version + 1}: what it follows from has changed)"
    record(connection, now_utc, who, "response settle", str(number), told)
    return told


def computed(
    engine: Engine, city: LoadedCity, one: Record, asset: DemandResponse, programme: Programme, metered: Metered
) -> tuple[Settlement, Baseline, dict[str, Any]]:
    """The settlement, its baseline, and everything to compute it again by hand."""
    end = one.ends_utc
    assert end is not None  # noqa: S101 - only what is over is settled
    rule, rest = programme.baseline, timedelta(hours=programme.rebound_h)
    during = np.flatnonzero(metered.covered(one.start_utc, end) > 0)
    after = np.flatnonzero((metered.covered(end, end + rest) > 0) & (metered.covered(one.start_utc, end) == 0))
    stop = one.start_utc - timedelta(hours=rule.adjust_gap_h)
    quiet = ~in_other_events(engine, city, one, metered, rest)
    before = np.flatnonzero((metered.covered(stop - timedelta(hours=rule.adjust_hours), stop) >= 1.0) & quiet)
    past = history(engine, city, one, asset, metered)
    base, plain = _plain(metered, past, during, after, before, programme)
    hours = metered.step.total_seconds() / 3600
    expected = adjusted(plain, base.factor, base.shift_kwh)
    asked = _asked(one, asset, metered, during, expected[: len(during)], hours)
    made = settle(
        programme, asset.offered_kw, asked, expected[: len(during)], metered.kwh[during], expected[len(during) :], metered.kwh[after]
    )
    expected_after = expected[len(during) :]
    detail = _detail(programme, asset, metered, made, base, plain, expected_after, (during, before, after))
    return made, base, detail


def _detail(
    programme: Programme,
    asset: DemandResponse,
    metered: Metered,
    made: Settlement,
    base: Baseline,
    plain_kwh: NDArray[np.float64],
    after_kwh: NDArray[np.float64],
    columns: tuple[NDArray[np.int64], ...],
) -> dict[str, Any]:
    """Everything to compute a settlement again by hand: days, factor, terms, and every interval before, during and after the event."""
    during, before, after = columns
    return {
        "step_s": int(metered.step.total_seconds()),
        "offered_kw": asset.offered_kw,
        "days": [day.isoformat() for day in base.days],
        "factor": base.factor,
        "shift_kwh": base.shift_kwh,
        "notes": list(base.notes),
        "missing": made.missing,
        "times_utc": [time.isoformat() for time in metered.times[during]],
        "asked_kwh": _list(made.asked_kwh),
        "unadjusted_kwh": _list(plain_kwh[: len(during)]),
        "baseline_kwh": _list(made.baseline_kwh),
        "measured_kwh": _list(made.measured_kwh),
        "delivered_kwh": _list(made.delivered_kwh),
        "before": {"times_utc": [time.isoformat() for time in metered.times[before]], "measured_kwh": _list(metered.kwh[before])},
        "rebound": {
            "times_utc": [time.isoformat() for time in metered.times[after]],
            "baseline_kwh": _list(after_kwh),
            "measured_kwh": _list(metered.kwh[after]),
        },
        "terms": _terms(programme),
    }


def _terms(programme: Programme) -> dict[str, Any]:
    """What of a programme money follows from."""
    return programme.model_dump(
        mode="json", include={"payment_per_kwh", "payment_per_kw", "penalty_per_kwh", "penalty_free_share", "rebound_h", "baseline"}
    )


def _list(values: NDArray[np.float64]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _plain(
    metered: Metered,
    past: Days,
    during: NDArray[np.int64],
    after: NDArray[np.int64],
    before: NDArray[np.int64],
    programme: Programme,
) -> tuple[Baseline, NDArray[np.float64]]:
    """The baseline of the event's first day, and the unadjusted baseline of all its intervals, each from days like its own."""
    slot, day = metered.grid.slot.astype(np.int64), metered.grid.day
    off = metered.grid.day_type != WORKDAY
    columns = np.concatenate([during, after])
    first = day[during[0]]
    mine = during[day[during] == first]
    base = baseline(past, bool(off[first]), slot[mine], slot[before], metered.kwh[before], programme.baseline)
    plain = np.zeros(len(columns))
    for civil in np.unique(day[columns]):
        at = day[columns] == civil
        rows, _ = like_days(past, bool(off[civil]), slot[columns[at]], programme.baseline)
        plain[at] = mean_of(past, rows, slot[columns[at]])
    return base, plain


def _asked(
    one: Record, asset: DemandResponse, metered: Metered, during: NDArray[np.int64], expected_kwh: NDArray[np.float64], hours: float
) -> NDArray[np.float64]:
    """float[n] energy asked for per interval [kWh]: a setpoint asks for what the baseline is above it."""
    asked = np.zeros(len(during))
    for start, stop, amount in one.acting():
        share = metered.covered(start, stop or one.ends_utc or start)[during]
        if one.signal == "setpoint_kw":
            asked += np.maximum(expected_kwh - amount * hours, 0.0) * share
        else:
            asked += share * hours * (amount * asset.offered_kw if one.signal == "reduce_share" else amount)
    return asked


def said(city: LoadedCity, one: Record, made: Settlement, base: Baseline) -> str:
    """The settlement in one sentence."""
    zone, currency = city.settings.city.time_zone, city.settings.city.currency
    performance = "" if made.performance is None else f" ({made.performance:.0%})"
    told = (
        f"event {one.event_id} of {one.asset_id} on {local_date(one.start_utc, zone)}: {made.delivered_kwh.sum():,.1f} kWh delivered of"
        f" {made.asked_kwh.sum():,.1f} asked{performance}, baseline of {len(base.days)} days times {base.factor:.3f};"
        f" {made.payment:,.2f} {currency} payment, {made.penalty:,.2f} penalty, {round(made.rebound_kwh, 1) + 0.0:,.1f} kWh came back"
    )
    return told + (f"; {made.missing} intervals without a reading" if made.missing else "") + "".join(f"; {note}" for note in base.notes)


def settlements(engine: Engine, event_id: int | None = None) -> list[Any]:
    """Every settlement, or those of one event, in their versions."""
    s = t.settlement
    statement = select(s).order_by(s.c.event_id, s.c.version)
    with engine.connect() as connection:
        return list(connection.execute(statement.where(s.c.event_id == event_id) if event_id is not None else statement))


def intervals(row: Any) -> pd.DataFrame:
    """The intervals of a settlement as a table: event_id, version, time_utc, asked, unadjusted, baseline, measured, delivered [kWh]."""
    d = row.detail
    names = ("asked_kwh", "unadjusted_kwh", "baseline_kwh", "measured_kwh", "delivered_kwh")
    return pd.DataFrame({"event_id": row.event_id, "version": row.version, "time_utc": d["times_utc"], **{name: d[name] for name in names}})
