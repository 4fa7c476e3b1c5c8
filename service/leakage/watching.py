"""One pass of the leak watch: take in what people told, read on from where it stopped, and keep state and cases in one write.

The night makes a pass and so does `penstock water watch` between nights. A pass that is killed has written nothing; the next one reads
the same again and says the same.
"""

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select

from city.clock import civil_day, local_date
from city.problems import Problem, fault
from networks.leakage.reports import Report
from service import schema as t
from service.leak_history import OPEN, OVER, REPAIRED, RUNNING, SUSPECTED
from service.leakage import cases, choice, cutting, readings
from service.leakage.choice import LeakWatch
from service.night import Night
from service.store import alone, meter_days, results
from service.water import WaterCity

HISTORY_DAYS = 400  # that a watch is calibrated on, at most
READ_DAYS = 28  # of them it reads again one after the other, so that a leak that has begun already is dated and reported
YOUNG_DAYS = 7  # a leak that began before was looked for by then
LEAST_DAYS = 14  # of history before them, without which nothing can be called usual


@dataclass(frozen=True)
class Pass:
    """What one pass changes in the store: rows of leak_watch, leak_case, sensor_fault, isolations; ids of cases and findings."""

    watch: dict[str, Any]
    former: tuple[datetime, bytes] | None  # where the state before ended, and that state; None for a new watch
    cases: list[dict[str, Any]]
    gone: list[str]
    faults: list[dict[str, Any]]
    findings: list[int]
    cuts: list[cutting.Cut]
    problems: list[Problem]
    how: str = ""  # leaks were looked for
    renewed: bool = False  # the watch was made anew: its names of leaks mean others than before

    @property
    def open(self) -> list[dict[str, Any]]:
        return [case for case in self.cases if case["state"] == OPEN]

    @property
    def open_faults(self) -> list[dict[str, Any]]:
        return [row for row in self.faults if row["state"] == OPEN]

    @property
    def told(self) -> str:
        bursts, faults = sum(case["kind"] == "burst" for case in self.open), len(self.open_faults)
        slow = len(self.open) - bursts
        found = (
            f"{bursts} burst{'s' * (bursts != 1)} and {slow} slow leak{'s' * (slow != 1)} open, {faults} sensor fault{'s' * (faults != 1)}"
        )
        return f"{found}; {self.how}" if self.how else found

    def write(self, connection: Connection) -> bool:
        """Write all of it in the caller's transaction, or nothing and False when another pass has read on or taken findings in meanwhile.

        What somebody told of a case while this pass was made stands: a repaired one stays repaired.
        """
        w, c, s, f = t.leak_watch.c, t.leak_case.c, t.sensor_fault.c, t.leak_finding.c
        alone(connection, t.leak_watch)
        stored = connection.execute(select(w.until_utc, w.state).where(w.city == self.watch["city"])).first()
        if (stored and tuple(stored)) != self.former:
            return False
        results.replace_rows(connection, t.leak_watch, w.city == self.watch["city"], [self.watch])
        gone = connection.execute(select(c.case_id).where(c.case_id.in_(self.gone), c.state == SUSPECTED)).scalars().all()
        for table in (t.isolation, t.leak_finding, t.leak_case):
            connection.execute(delete(table).where(table.c.case_id.in_(gone)))
        if self.renewed:
            others = c.leak_id.is_not(None) & c.case_id.not_in([case["case_id"] for case in self.cases])
            connection.execute(t.leak_case.update().where(others).values(leak_id=c.case_id))
        known = set(connection.execute(select(c.case_id)).scalars())
        for case in self.cases:
            change = t.leak_case.update().where(c.case_id == case["case_id"], c.state.in_(RUNNING))
            connection.execute((change if case["case_id"] in known else t.leak_case.insert()).values(**case))
        for row in self.faults:
            same = (s.sensor == row["sensor"]) & (s.kind == row["kind"]) & (s.since_utc == row["since_utc"])
            results.replace_rows(connection, t.sensor_fault, same, [row])
        connection.execute(t.leak_finding.update().where(f.finding_id.in_(self.findings)).values(taken_utc=self.watch["until_utc"]))
        cutting.store(connection, self.cuts)
        return True


def read_on(night: Night, side: WaterCity) -> Pass:
    """Make a pass up to the newest reading. Raises `PenstockError` where sensors or history do not suffice for a watch."""
    engine, city, kind = night.engine, night.city.settings.city.id, choice.kind(side)
    until, inputs = readings.newest(engine, night.city, night.now_utc, readings.step_of(side)), _inputs(side, kind)
    row = next(iter(results.rows(engine, t.leak_watch, t.leak_watch.c.city == city)), None)
    renewed = row is None or row.inputs != inputs
    if row is None or renewed:
        watch, since = _new(night, side, until)
        calibrated = since
    else:
        watch, since = choice.restored(side, json.loads(zlib.decompress(row.state))), row.until_utc
        calibrated = row.calibrated_utc
    try:
        kept = {"city": city, "inputs": inputs, "calibrated_utc": calibrated, "until_utc": choice.whole(side, since, until or since)}
        return _pass(night, side, watch, since, kept, row, renewed=renewed)
    finally:
        choice.close(watch)


def _pass(night: Night, side: WaterCity, watch: LeakWatch, since: datetime, kept: dict[str, Any], former: Any, *, renewed: bool) -> Pass:
    """Read from `since` on; `kept` is the row of the watch without its state, `former` the row before."""
    engine, until = night.engine, kept["until_utc"]
    findings = [] if renewed else _told(night, watch)
    reports: list[Report] = []
    silent: dict[str, None] = {}
    for scada in readings.since(engine, side, since, until):
        reports += watch.read(scada)
        silent |= dict.fromkeys(choice.silent(side, scada))
    stored = results.rows(engine, t.leak_case, order=t.leak_case.c.case_id)
    rows, gone = cases.merged(night, side, cases.running(stored, watch.active, renewed), watch.active, reports, until)
    kept["state"] = zlib.compress(json.dumps(choice.state_of(watch), allow_nan=False, sort_keys=True).encode())
    former_utc = former.until_utc if former is not None else None
    cuts, problems = cutting.due(night, side, [case for case in rows if case["state"] == OPEN], former_utc, until)
    problems += _doubts(night, side, watch, rows, until)
    if silent:
        seen = f"nothing from {', '.join(silent)} since {since:%Y-%m-%d %H:%M} UTC"
        problems.append(Problem("leak watch", seen, "a reading now and then", "Check them: no leak can be found meanwhile."))
    before = (former.until_utc, former.state) if former is not None else None
    return Pass(kept, before, rows, gone, _faults(night, watch, until), findings, cuts, problems, choice.told(side), renewed)


def _doubts(night: Night, side: WaterCity, watch: LeakWatch, rows: list[dict[str, Any]], until: datetime) -> list[Problem]:
    """Cases that run for which a valve should be looked at before anybody digs."""
    young = until - YOUNG_DAYS * timedelta(days=1)
    running = {row["leak_id"]: row["case_id"] for row in rows if row["state"] in RUNNING and row["start_utc"] > young}
    if not running or choice.kind(side) == "districts":
        return []
    day = readings.hot(night.engine, side, until - timedelta(days=1), until)
    return [
        Problem(f"leak {running[leak]}", said, "a leak", "Do so before digging.")
        for leak, said in choice.doubts(watch, day, running).items()
    ]


def _inputs(side: WaterCity, kind: choice.Kind) -> str:
    """What a watch is made for: another network, other places of sensors or the other kind of watch start a new one."""
    path = side.city.beside / side.water.network
    network = path.read_bytes() if path.is_file() else side.water.network.encode()
    places = json.dumps([kind, asdict(readings.sites(side))], sort_keys=True)
    return hashlib.sha256(network + places.encode()).hexdigest()


def _new(night: Night, side: WaterCity, until: datetime | None) -> tuple[LeakWatch, datetime]:
    """A watch calibrated on the stored days that have pressures, and the time from which it reads on."""
    zone = night.city.settings.city.time_zone
    oldest, newest = meter_days.first(night.engine), meter_days.last(night.engine)
    if oldest is None or newest is None or until is None:
        raise fault("leak watch", "no history", f"{LEAST_DAYS} days or more", "Import history, or wait until there is enough.")
    end = min(civil_day(local_date(newest, zone), zone)[1], civil_day(local_date(until, zone), zone)[0])
    start = max(oldest, civil_day(local_date(end, zone) - timedelta(days=HISTORY_DAYS), zone)[0])
    history = readings.days(night.engine, side, min(start, end), end)
    known = history.times[history.pressure.usable().any(axis=0)]
    had = len(known.tz_convert(zone).normalize().unique())
    if had < LEAST_DAYS:
        raise fault("leak watch", f"{had} days with pressures", f"{LEAST_DAYS} or more", "Import history, or wait until there is enough.")
    start = civil_day(local_date(known[0].to_pydatetime(), zone), zone)[0]
    turn = civil_day(local_date(end, zone) - timedelta(days=min(READ_DAYS, had // 3)), zone)[0]
    return choice.calibrated(side, history.window(start, turn)), turn


def _told(night: Night, watch: LeakWatch) -> list[int]:
    """Take in crews' findings and repairs that the watch has not heard of yet; returns the findings taken."""
    f, c = t.leak_finding.c, t.leak_case.c
    findings = results.rows(night.engine, t.leak_finding, f.taken_utc.is_(None) & (f.at_utc <= night.now_utc), order=f.at_utc)
    leak_of = {case.case_id: case.leak_id for case in results.rows(night.engine, t.leak_case)}
    for finding in findings:
        watch.dug(finding.pipe, finding.at_utc, finding.found, leak_of[finding.case_id] or finding.case_id)
    active = {leak.leak_id for leak in watch.active}
    for case in results.rows(night.engine, t.leak_case, (c.state == REPAIRED) & (c.ended_at_utc <= night.now_utc), order=c.ended_utc):
        if case.leak_id in active:
            watch.repaired(case.leak_id, case.ended_utc)
    return [finding.finding_id for finding in findings]


def _faults(night: Night, watch: LeakWatch, until: datetime) -> list[dict[str, Any]]:
    """Rows of the sensor faults that are open now, and of those that were and are over. A fault keeps the start it was first given."""
    stored = {(row.sensor, row.kind): row for row in results.rows(night.engine, t.sensor_fault, t.sensor_fault.c.state == OPEN)}
    rows = []
    for one in watch.sensor_faults:
        former = stored.pop((one.sensor, one.kind), None)
        since, seen = (former.since_utc, former.seen_utc) if former else (one.since_utc, until)
        told = {"sensor": one.sensor, "kind": one.kind, "size": one.size, "sentence": one.sentence}
        rows.append({**told, "since_utc": since, "seen_utc": seen, "state": OPEN, "over_utc": None})
    return rows + [{**row._mapping, "state": OVER, "over_utc": until} for row in stored.values()]
