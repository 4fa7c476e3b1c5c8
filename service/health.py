"""Device health from what is stored: who answers, who does not and why, and which device to look at first.

A device is online in a reading when it answered, whatever it said; what was never asked for (OVERRUN) is not held against it. The
list ranks devices by the share of readings that is lost, or will be soon, times what hangs on them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, and_, func, select, text

from city.places import Meter
from city.quality import ANSWERED, Cause
from city.quantities import Quantity
from service import schema as t
from service.settings import LoadedCity
from service.store.vectors import unpack_quality

TARGET_RATE = 0.98  # of its readings that a device must answer
LOW_BATTERY_PCT = 20.0
_ANSWERED = ANSWERED | {Cause.OVERRUN}  # what was never asked for is not held against it
_STUCK_SHARE = 0.25  # of a day that must be flat before a device is called stuck


@dataclass
class Health:
    """One device. `rate` is the share of its readings that it answered, None where none was due; `causes` counts what went wrong.

    `battery_pct` [%], `clock_s` [s that its clock is fast] and `flat` (share of the newest validated day) where they are known.
    """

    meter: Meter
    importance: int
    expected: int = 0
    causes: Counter[Cause] = field(default_factory=Counter)
    last_seen_utc: datetime | None = None
    battery_pct: float | None = None
    clock_s: float | None = None
    flat: float = 0.0

    @property
    def rate(self) -> float | None:
        asked = self.expected - self.causes[Cause.OVERRUN]
        return max(0.0, 1 - self.offline / asked) if asked > 0 else None

    @property
    def offline(self) -> int:
        return sum(number for cause, number in self.causes.items() if cause not in _ANSWERED)

    def faults(self) -> Iterator["Fault"]:
        """Everything that is wrong with it."""
        if self.rate is not None and self.rate < TARGET_RATE:
            worst = Counter({cause: n for cause, n in self.causes.items() if cause not in _ANSWERED}).most_common(2)
            yield Fault(1 - self.rate, "rate", {"percent": 100 * self.rate, "causes": [cause for cause, _ in worst]})
        for kind, cause in (("serial", Cause.WRONG_METER), ("map", Cause.OUT_OF_MAP)):
            if self.causes[cause]:
                yield Fault(min(1.0, self.causes[cause] / max(self.expected, 1)), kind, {})
        if self.flat >= _STUCK_SHARE:
            yield Fault(self.flat, "flat", {"percent": 100 * self.flat})
        if self.battery_pct is not None and self.battery_pct <= LOW_BATTERY_PCT:
            yield Fault(1 - self.battery_pct / LOW_BATTERY_PCT / 2, "battery", {"percent": self.battery_pct})
        if self.clock_s is not None and abs(self.clock_s) > self.meter.step_s / 10:
            kind = "clock_fast" if self.clock_s > 0 else "clock_slow"
            yield Fault(min(1.0, abs(self.clock_s) / self.meter.step_s), kind, {"seconds": abs(self.clock_s)})

    @property
    def urgency(self) -> float:
        """Worst share times importance; 0 when nothing is wrong."""
        return self.importance * max((fault.share for fault in self.faults()), default=0.0)

    @property
    def reason(self) -> str:
        return "; ".join(fault.sentence for fault in sorted(self.faults(), key=lambda fault: -fault.share))


class Fault(NamedTuple):
    """One thing that is wrong with a device: the share of its readings that is lost or at risk, the kind, and its figures."""

    share: float
    kind: str
    facts: dict[str, Any]

    @property
    def sentence(self) -> str:
        causes = " and ".join(cause.name.lower().replace("_", " ") for cause in self.facts.get("causes", ()))
        return _TOLD[self.kind].format(**(self.facts | {"causes": causes}))


_TOLD = {
    "rate": "answers {percent:.1f} % of its readings ({causes})",
    "serial": "says another serial number than city.toml",
    "map": "sends values outside its register map",
    "flat": "repeats one value {percent:.0f} % of the day",
    "battery": "its battery is at {percent:.0f} %",
    "clock_fast": "its clock is {seconds:,.0f} s fast",
    "clock_slow": "its clock is {seconds:,.0f} s slow",
}


def devices(engine: Engine, city: LoadedCity, now_utc: datetime, days: int) -> list[Health]:
    """The health of every polled device and every logger over the last `days`, most urgent first.

    Reads the readings that are not plainly good, by an index of them alone, whose condition is written as the index has it.
    """
    weight = _importance(city)
    heard = {meter.id for meter in city.settings.meters if meter.link is not None} | {logger.meter for logger in city.settings.loggers}
    found = {name: Health(city.meter[name], weight.get(name, 1)) for name in sorted(heard)}
    r, s, meter_id = t.reading.c, t.slot_quality.c, t.point.c.meter_id
    polled = and_(s.time_utc > now_utc - timedelta(days=days), s.time_utc <= now_utc)
    window = and_(r.time_utc > now_utc - timedelta(days=days), r.time_utc <= now_utc)
    wrong = select(meter_id, r.quality, func.count()).join_from(t.reading, t.point, t.point.c.point_key == r.point_key)
    newest = select(meter_id, func.count(), func.max(t.latest.c.good_time_utc)).join_from(t.latest, t.point, _OF_LATEST)
    with engine.connect() as connection:
        due = _due(connection.execute(select(s.time_utc).where(polled).distinct()).scalars())
        for name, points, seen in connection.execute(newest.group_by(meter_id)).tuples():
            if name in found:
                found[name].expected, found[name].last_seen_utc = points * due(found[name].meter.reading_s), seen
        for name, quality, number in connection.execute(wrong.where(window, _NOT_GOOD).group_by(meter_id, r.quality)).tuples():
            if name in found:
                found[name].causes[Cause(quality >> 8)] += number
        _own_state(connection, found)
        _flat(connection, found, now_utc, days)
    return sorted(found.values(), key=lambda one: (-one.urgency, one.meter.id))


_NOT_GOOD = text("reading.quality <> 1")  # a bound number would hide it from the planner
_OF_LATEST = t.point.c.point_key == t.latest.c.point_key


def _due(slots: Iterable[datetime]) -> Callable[[int], int]:
    """How many of the slots that were polled a meter of a given step [s] was asked in."""
    seconds = [int(slot.timestamp()) for slot in slots]

    @cache
    def due(step_s: int) -> int:
        return sum(second % step_s == 0 for second in seconds)

    return due


def _importance(city: LoadedCity) -> dict[str, int]:
    """3: what is billed; 2: what is forecast, planned with, controlled or balanced; 1: everything else."""
    settings = city.settings
    used = [point for state in settings.states for point in state.weights] + [control.point for control in settings.controls]
    used += [series for asset in settings.assets for series in asset.series_needed]
    found = {point.rpartition(".")[0]: 2 for point in used}
    found |= {meter.id: 2 for meter in settings.meters if meter.forecast or meter.zone}
    return found | {account.point.rpartition(".")[0]: 3 for account in settings.accounts}


def _own_state(connection: Connection, found: dict[str, Health]) -> None:
    """What devices say of their own battery and clock, by their newest good readings."""
    own, p, newest = (Quantity.BATTERY_PCT, Quantity.CLOCK_S), t.point.c, t.latest.c
    statement = select(p.meter_id, p.quantity, newest.good_value, newest.good_time_utc).join_from(t.latest, t.point, _OF_LATEST)
    for name, quantity, stored, at in connection.execute(statement.where(p.quantity.in_(own), newest.good_value.is_not(None))).tuples():
        value = float(Quantity(quantity).to_unit(stored))
        if name in found and quantity == Quantity.BATTERY_PCT:
            found[name].battery_pct = value
        elif name in found:
            found[name].clock_s = value - at.timestamp()


def _flat(connection: Connection, found: dict[str, Health], now_utc: datetime, days: int) -> None:
    """Share of the newest validated day of the last `days` that a device's flattest point was flat; none where no such day is over.

    Days alike share their bytes: each is opened once.
    """
    m = t.meter_day.c
    over = m.day_start_utc.between(now_utc - timedelta(days=days + 1), now_utc - timedelta(hours=23))  # a civil day has 23 h at least
    day = connection.execute(select(func.max(m.day_start_utc)).where(over)).scalar()
    statement = select(t.point.c.meter_id, m.quality).join_from(t.meter_day, t.point, t.point.c.point_key == m.point_key)

    @cache
    def flat(packed: bytes) -> float:
        causes = unpack_quality(packed) >> 8
        return float((causes == Cause.FLAT).mean()) if causes.size else 0.0

    for name, packed in connection.execute(statement.where(m.day_start_utc == day)).tuples():
        if name in found:
            found[name].flat = max(found[name].flat, flat(packed))


def links(health: Iterable[Health]) -> dict[str, float]:
    """{link: share of its devices' readings during which it could be reached} of links with readings due."""
    asked: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for one in health:
        asked[str(one.meter.link)] += one.expected
        lost[str(one.meter.link)] += one.causes[Cause.NO_CONNECTION]
    return {link: 1 - min(1.0, lost[link] / number) for link, number in sorted(asked.items()) if number}


def as_dict(one: Health) -> dict[str, Any]:
    """A device as a JSON object."""
    return {
        "meter": one.meter.id,
        "link": one.meter.link,
        "importance": one.importance,
        "online_rate": one.rate,
        "last_seen": one.last_seen_utc.isoformat() if one.last_seen_utc else None,
        "causes": {cause.name.lower(): number for cause, number in one.causes.most_common()},
        "battery_pct": one.battery_pct,
        "clock_s": one.clock_s,
        "urgency": round(one.urgency, 4),
        "reason": one.reason,
    }


def told(health: list[Health], days: int, most: int = 20) -> Iterator[str]:
    """The page of `penstock meters health`."""
    rates = [one.rate for one in health if one.rate is not None]
    if not rates:
        yield f"no readings of the last {days} days; is `penstock poll` running?"
        return
    short = sum(rate < TARGET_RATE for rate in rates)
    rate = 100 * sum(rates) / len(rates)
    yield f"{len(rates)} devices over {days} days: online rate {rate:.2f} % (target {100 * TARGET_RATE:.0f} %); {short} below"
    yield from (f"link {link}: reachable {100 * share:.2f} % of the time" for link, share in links(health).items())
    urgent = [one for one in health if one.urgency > 0]
    if urgent:
        yield "look at first (share of readings lost or at risk x importance):"
    for number, one in enumerate(urgent[:most], start=1):
        seen = f"{one.last_seen_utc:%Y-%m-%d %H:%M} UTC" if one.last_seen_utc else "never"
        yield f"{number:3}. {one.meter.id:<16} {one.urgency:5.2f}  {one.reason}; last good reading {seen}"
    if len(urgent) > most:
        yield f"     and {len(urgent) - most} more; --json tells all"
