"""What a city's store says after a day and a night, and how it differs from what another one's says: the judge of `benchmarks.chaos`.

Equal means every table of `service.schema.RESULTS`, row by row. Beside that, what must be there exactly once is counted by its key:
readings against what the devices truly said, approvals, commands, sign-offs and ledger entries.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Engine, Table, func, select

from benchmarks import _chaos_city as where
from benchmarks._chaos_city import City
from city.problems import PenstockError
from city.quantities import Quantity
from meters.spool.spool import Spool
from service import schema as t
from service.store import ledger

# What a write that was cut off leaves beside its outcome: the person's words instead of the device's, and two lines of the audit for one.
# The lines of people are compared one by one all the same, and each command by its state, setpoint and times.
# Without a zone: named after their content; counts over the whole city; the events of the zone's own alarms, which do not name it.
OF_CONTENT = ("batch", "heard_day", "slot_quality", "alarm_event")
# The districts' forecasts are learnt together, by one machine of all water series: a day that one lacks moves the others by a little.
LEARNT = ("forecast", "forecast_model", "skill")
STOPS = {"emergency stop", "write held", "release"}  # lines of the audit that come with a hold
FIRST, SECOND = "plan-20220701-0", "plan-20220701-1"
AGAIN = ("command", "audit")  # their ids and hashes are made of the plan's; `_decisions` compares each by what it is
OF_WRITES = ("write written", "write unknown", "settle")


class NotHere(PenstockError):
    """A fault that this machine does not allow: no right to mount, no compiler, no PostgreSQL."""


class NotSo(AssertionError):
    """A fault that did not take effect, or what should have been refused and was not."""


@dataclass(frozen=True)
class Facts:
    """What a store says. Counters: how often each key is there."""

    tables: dict[str, list[str]]  # the rows of each table, sorted
    readings: Counter[tuple[str, str]]  # point and time; a value that came a second time is counted as well
    decisions: Counter[tuple[str, ...]]  # approvals, sign-offs, and the audit's lines of them
    entries: Counter[tuple[str, ...]]  # of the ledger
    waiting: int  # batches left in the spool

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each table."""
        return {name: hashlib.sha256("\n".join(rows).encode()).hexdigest() for name, rows in self.tables.items()}

    def without(self, zone: str, tables: Sequence[str] = ()) -> "Facts":
        """The same without the rows, readings and entries of a zone, and without some tables; the decisions stay, but for
        those of a hold where that table is left out."""
        kept = {
            name: [row for row in rows if not zone or not (_names(row, zone) or (name in LEARNT and "volume_m3" in row))]
            for name, rows in self.tables.items()
            if name not in tables and not (zone and name in OF_CONTENT)
        }
        readings = Counter({key: count for key, count in self.readings.items() if not zone or not key[0].startswith(f"{zone}.")})
        entries = Counter({key: count for key, count in self.entries.items() if not zone or zone not in key[0]})
        decisions = Counter({key: count for key, count in self.decisions.items() if "hold" not in tables or not STOPS & set(key)})
        return Facts(kept, readings, decisions, entries, self.waiting)

    def planned_again(self) -> "Facts":
        """The same without the stand-in that was the night's first plan, and with its second plan in the first one's name.

        What the stand-in did all the same - was approved, was written - stays, and so is one too many.
        """
        tables = {
            name: sorted(row.replace(SECOND, FIRST) for row in rows if FIRST not in row)
            for name, rows in self.tables.items()
            if name not in AGAIN
        }
        kept = Counter[tuple[str, ...]]()
        for key, count in self.decisions.items():
            if not any(FIRST in word for word in key) or _was_done(key):
                kept[tuple(word.replace(SECOND, FIRST) for word in key)] += count
        return Facts(tables, self.readings, kept, self.entries, self.waiting)


@dataclass(frozen=True)
class Verdict:
    """How one store differs from another that is as it should be."""

    differing: dict[str, list[str]]  # table: what is there too much (+) and too little (-)
    lost: list[tuple[str, ...]]
    doubled: list[tuple[str, ...]]
    waiting: int = 0

    @property
    def equal(self) -> bool:
        return not (self.differing or self.lost or self.doubled or self.waiting)

    @property
    def told(self) -> str:
        """What is not as it should be, on a few lines; empty when all is."""
        lines = [f"{name}: {row[:300]}" for name, rows in self.differing.items() for row in rows[:6]]
        lines += [f"lost: {key}" for key in self.lost[:6]] + [f"doubled: {key}" for key in self.doubled[:6]]
        return "\n".join([*lines, *([f"{self.waiting} batches wait in the spool"] if self.waiting else [])])


def facts(city: City) -> Facts:
    """Everything that is compared, read from a city's store and spool."""
    with city.store() as engine, Spool(city.home / "spool.db") as spool:
        tables = {table.name: _rows(engine, table) for table in t.RESULTS}
        return Facts(tables, _readings(engine), _decisions(engine), _entries(engine, city), spool.depth())


def judge(found: Facts, expected: Facts) -> Verdict:
    """Compare a disturbed store with an undisturbed one."""
    differing = {}
    for name, rows in expected.tables.items():
        if (here := Counter(found.tables[name])) != (there := Counter(rows)):
            differing[name] = [f"+ {row}" for row in (here - there).elements()] + [f"- {row}" for row in (there - here).elements()]
    lost, doubled = list[tuple[str, ...]](), list[tuple[str, ...]]()
    for here_, there_ in ((found.readings, expected.readings), (found.decisions, expected.decisions), (found.entries, expected.entries)):
        lost += list((there_ - here_).elements())
        doubled += list((here_ - there_).elements())
    return Verdict(differing, lost, doubled, found.waiting)


def _was_done(key: tuple[str, ...]) -> bool:
    """Is it an approval, a write, or a command on its way to a device or there?"""
    return key[0] in ("approval", "write") or (
        key[0] == "command" and bool({"approved", "held", "writing", "written", "unknown"} & set(key))
    )


def _names(row: str, zone: str) -> bool:
    return f"'{zone}" in row or f" {zone}" in row


def against_devices(found: Facts, city: City, but: str = "") -> Verdict:
    """Compare the readings of a store with what the devices showed at every slot of the script. A setpoint is what was written last."""
    shown = pd.read_parquet(city.home / "field.parquet").set_index("time_utc")
    slots = pd.date_range(where.DAY_UTC, where.LAST_UTC, freq="h")
    expected = Counter((point, str(slot)) for slot in slots for point in where.POINTS if not but or not point.startswith(f"{but}."))
    lost, doubled = list((expected - found.readings).elements()), list((found.readings - expected).elements())
    wrong = list[tuple[str, ...]]()
    with city.store() as engine:
        stored = _stored(engine)
    for row in stored:
        if row.point_id in shown.columns and row.time_utc in slots and not (but and row.point_id.startswith(f"{but}.")):
            truth = float(shown.loc[pd.Timestamp(row.time_utc), row.point_id])
            scale = Quantity(row.quantity).scale
            if row.value is None or abs(row.value / scale - truth) > 0.6 / scale + 1e-4:
                wrong.append((row.point_id, str(row.time_utc), f"{row.value} of {truth}"))
    return Verdict({}, lost + wrong, doubled, found.waiting)


def _rows(engine: Engine, table: Table) -> list[str]:
    with engine.connect() as connection:
        rows = connection.execute(select(table)).mappings().all()
        names = dict(connection.execute(select(t.point.c.point_key, t.point.c.point_id)).tuples().all())
    return sorted(_line(table.name, row, names) for row in rows if table.name != "audit" or row["action"] not in OF_WRITES)


def _line(table: str, row: Any, names: Mapping[int, str]) -> str:
    """A row as text, the same for the same content. Of writes and the audit's chain only what a cut-off write does not change."""
    kept = dict(row)
    if "point_key" in kept:
        kept["point"] = names.get(kept["point_key"])
    if table == "command" and row["state"] == "written":
        kept.pop("sentence")
    if table == "audit":
        kept = {name: kept[name] for name in ("at_utc", "who", "action", "subject", "sentence", "decided")}
    return repr(kept)


def _stored(engine: Engine) -> Sequence[Any]:
    r, p = t.reading.c, t.point.c
    wanted = select(p.point_id, p.quantity, r.time_utc, r.value).join(t.point, p.point_key == r.point_key)
    with engine.connect() as connection:
        return connection.execute(wanted.select_from(t.reading)).all()


def _readings(engine: Engine) -> Counter[tuple[str, str]]:
    """Each stored reading once; once more for each that came again: as a conflict, or in a batch that brought nothing new."""
    counted = Counter((row.point_id, str(pd.Timestamp(row.time_utc))) for row in _stored(engine))
    p, c = t.point.c, t.conflict.c
    with engine.connect() as connection:
        again = connection.execute(select(p.point_id, c.time_utc).select_from(t.conflict).join(t.point, p.point_key == c.point_key)).all()
        came = connection.execute(select(func.coalesce(func.sum(t.batch.c.readings), 0))).scalar_one()
    counted.update((row.point_id, str(pd.Timestamp(row.time_utc))) for row in again)
    if (extra := int(came) - counted.total()) > 0:
        counted[("of batches that brought nothing new", "")] = extra
    return counted


def _decisions(engine: Engine) -> Counter[tuple[str, ...]]:
    a = t.audit.c
    people = select(a.at_utc, a.who, a.action, a.subject).where(a.action.not_in(OF_WRITES))
    close, approval, c = t.ledger_close.c, t.approval.c, t.command.c
    commands = select(c.plan_id, c.point_id, c.not_before_utc, c.setpoint, c.state, c.reverts.is_(None))
    with engine.connect() as connection:
        found: Counter[tuple[str, ...]] = Counter(("audit", *map(str, row)) for row in connection.execute(people))
        found.update(("approval", *map(str, row)) for row in connection.execute(select(approval.plan_id, approval.who)))
        found.update(("close", *map(str, row)) for row in connection.execute(select(close.period, close.number)))
        found.update(("command", *map(str, row)) for row in connection.execute(commands))
        # Of each command that was written: how often the audit says that it reached the device or may have, less the look afterwards.
        writes = connection.execute(select(a.subject, a.at_utc).where(a.action.in_(("write written", "write unknown"))))
        found.update(("write", *map(str, row)) for row in writes)
    return found


def _entries(engine: Engine, city: City) -> Counter[tuple[str, ...]]:
    """Ledger entries by account, period, activity and kind."""
    if not ledger.heads(engine):
        return Counter()
    table = ledger.open_ledger(engine, city.home).entries()
    return Counter(_texts(table[["account_id", "period_start_utc", "period_end_utc", "activity", "kind"]]))


def _texts(table: pd.DataFrame) -> Iterable[tuple[str, ...]]:
    return (tuple(map(str, row)) for row in table.itertuples(index=False))
