"""The one-page summary of a night: every number read from the database."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, func, select

from city.clock import local_date, parse_utc
from city.quality import Cause, Flag, cause_of, usable
from service import demo_outside, health
from service import schema as t
from service.books import closing
from service.environment import Environment
from service.levels import history
from service.levels.listing import percent
from service.run_report.files import folder_of
from service.settings import LoadedCity, load
from service.store import ledger, open_store, readings, results, runs
from service.store.vectors import unpack_quality

TOLD = "told.jsonl"  # below the home folder: what the demo's duty officer was told
BACKUP = "backup"  # below the home folder: the demo's copy of everything, made again by each run


def page(env: Environment, now: str, seconds: float) -> str:
    """The summary of the night of `now` as text."""
    engine, city = open_store(env.url), load(env)
    zone = env.raw["city"]["time_zone"]
    currency = env.raw["city"].get("currency", "CNY")
    at = parse_utc(now)
    night = local_date(at, zone)
    lines = [
        f"Penstock - {env.raw['city']['name']} - night of {night} ({zone})",
        "",
        *_readings(engine, city, at),
        *_devices(engine, city, at),
        *(f"  validation  {row.sentence}" for name, row in runs.steps_done(engine, env.city_id, night).items() if name == "validate"),
        *_validated(engine),
        *_forecast(engine, night),
        *_plan(engine, night, currency),
        *_leaks(engine),
        *_writes(engine),
        *_control_room(engine),
        *_levels(engine, city, at),
        *_carbon(engine, city, night),
        "",
        "Written",
        f"  database    {env.url.split('///', 1)[-1] if env.url.startswith('sqlite') else 'as PENSTOCK_DATABASE_URL says'}",
        *(f"  backup      {path}" for path in env.folder.glob(BACKUP)),
        *demo_outside.lines(env.folder),
        *_told(env.folder / TOLD),
        *(f"  night       {path}" for path in sorted(folder_of(env.folder, night).glob("report.*"))),
        *_reports(env.folder / "reports"),
        f"({seconds:.0f} s)",
    ]
    return "\n".join(lines)


def _told(path: Path) -> Iterator[str]:
    """What the duty officer was told, by signed webhook."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        yield f"  told        duty: {json.loads(line)['data']['title']}"


def _reports(folder: Path) -> Iterator[str]:
    """The statements of each period: those to read by name, the tables and proofs beside them by number."""
    for period in sorted(folder.glob("*")):
        files = [path for path in period.rglob("*") if path.is_file()]
        named = ", ".join(sorted(path.name for path in files if path.suffix in (".pdf", ".xlsx")))
        yield f"  report      {period}: {named}; {len(files)} files"


def _readings(engine: Engine, city: LoadedCity, now_utc: datetime) -> Iterator[str]:
    size = readings.size(engine)
    r, p = t.reading.c, t.point.c
    statement = select(p.meter_id, r.quality, func.count()).join_from(t.reading, t.point, p.point_key == r.point_key)
    with engine.connect() as connection:
        found = connection.execute(statement.where(r.time_utc <= now_utc).group_by(p.meter_id, r.quality)).tuples().all()
    polled: Counter[int] = Counter()
    delivered: Counter[int] = Counter()
    for meter_id, quality, number in found:
        (polled if city.meter[meter_id].link else delivered)[quality] += number
    counts = polled + delivered
    good = sum(number for quality, number in counts.items() if usable(np.array(quality)))
    causes: Counter[Cause] = Counter()
    for quality, number in counts.items():
        causes[cause_of(quality)] += number
    told = ", ".join(f"{cause.name.lower().replace('_', ' ')} {number}" for cause, number in causes.most_common() if cause != Cause.NONE)
    roads = f"{polled.total():,} over Modbus" + (f", {delivered.total():,} from files" if delivered else "")
    yield f"Readings      {roads}, {size['meter_day']:,} point-days in the store, {size['conflict']} conflicts"
    yield f"  as read     {100 * good / max(counts.total(), 1):.1f} % usable; {told or 'nothing else'}"


def _devices(engine: Engine, city: LoadedCity, now_utc: datetime) -> Iterator[str]:
    """How many of the polled meters answered in the last day, and the one to look at first."""
    found = health.devices(engine, city, now_utc, 1)
    rates = [one.rate for one in found if one.rate is not None]
    first = f"; look first at {found[0].meter.id}: {found[0].reason}" if found and found[0].urgency else ""
    if rates:
        online = sum(rate >= health.TARGET_RATE for rate in rates)
        yield f"  meters      {online} of {len(rates)} online, {100 * sum(rates) / len(rates):.1f} % of the readings answered{first}"


def _validated(engine: Engine) -> Iterator[str]:
    """What is estimated in the newest validated day, by the sender (its first version says so) or by the night; meters exchanged."""
    m, p = t.meter_day.c, t.point.c
    newest = select(func.max(m.day_start_utc)).scalar_subquery()
    statement = select(p.point_id, m.version, m.quality).join_from(t.meter_day, t.point, p.point_key == m.point_key)
    by: dict[str, tuple[int, str]] = {}
    exchanged = set()
    with engine.connect() as connection:
        for name, version, packed in connection.execute(
            statement.where(m.day_start_utc == newest).order_by(p.point_id, m.version.desc())
        ).tuples():
            quality = unpack_quality(packed)
            number = int(((quality & (Flag.ESTIMATED_LIKE_DAY | Flag.ESTIMATED_LINEAR)) != 0).sum())
            if number:
                by[name] = (number, "by its sender" if version == 1 else "by the night")
            if (quality >> 8 == Cause.EXCHANGE).any():
                exchanged.add(name)
    if by:
        yield "  estimated   " + ", ".join(f"{number} of {name} {who}" for name, (number, who) in by.items())
    if exchanged:
        yield f"  exchanged   {', '.join(sorted(exchanged))}: the interval is what the old and the new meter counted"


def _forecast(engine: Engine, night: object) -> Iterator[str]:
    skill = results.mean_skill(engine, night)  # type: ignore[arg-type]
    models = Counter(row.model for row in results.rows(engine, t.forecast, t.forecast.c.night == night))
    told = ", ".join(f"day {day}: error {100 * value:.0f} % below seasonal naive" for day, value in skill.items())
    yield f"Forecasts     {sum(models.values())} series ({', '.join(f'{n} {m}' for m, n in models.most_common())}); backtest {told}"


def _plan(engine: Engine, night: object, currency: str) -> Iterator[str]:
    made = results.rows(engine, t.plan, t.plan.c.night == night, order=t.plan.c.made_at_utc)
    plan = made[0] if made else None
    if plan is None:
        yield "Plan          none"
        return
    gap = "" if plan.detail["gap"] is None else f" (gap {100 * plan.detail['gap']:.2f} %)"
    yield f"Plan          {plan.plan_id}, {plan.status}{gap}, {plan.steps} steps from {plan.start_utc:%Y-%m-%d %H:%M} UTC"
    for reason in plan.detail["reasons"]:
        yield f"  conflict    {reason}"
    if plan.cost is not None:
        less = 100 * (1 - plan.cost / plan.baseline_cost)
        yield f"  cost        {plan.cost:,.0f} {currency}, doing nothing {plan.baseline_cost:,.0f} {currency}: {less:.1f} % less"
        yield f"  CO2         {plan.co2_kg / 1000:,.2f} t, doing nothing {plan.baseline_co2_kg / 1000:,.2f} t"
    for row in results.rows(engine, t.breach, t.breach.c.plan_id == plan.plan_id, order=t.breach.c.ordinal):
        yield f"  wish broken {row.sentence}"


def _control_room(engine: Engine) -> Iterator[str]:
    """What the next shift finds: alarms on the list, outages, cases."""
    a = t.alarm.c
    alarms = results.rows(engine, t.alarm, a.ended_utc.is_(None))
    states = Counter(str(row.state) for row in alarms)
    yield f"Alarms        {len(alarms)}: {', '.join(f'{count} {state}' for state, count in states.most_common()) or 'none'}"
    for row in results.rows(engine, t.grid_outage, t.grid_outage.c.ended_utc.is_(None)):
        yield f"Outage        {row.sentence}"
    cases = len(results.rows(engine, t.work_case))
    yield f"Cases         {cases}; audit of {len(results.rows(engine, t.audit)):,} lines in one chain"


def _levels(engine: Engine, city: LoadedCity, now_utc: datetime) -> Iterator[str]:
    told = [f"{one.level.title[0].lower()} {percent(one.month)}" for one in history.of_city(engine, city, now_utc) if one.month.total]
    yield f"Levels        {'; '.join(told) or 'no data'}"


def _leaks(engine: Engine) -> Iterator[str]:
    cases = results.rows(engine, t.leak_case, t.leak_case.c.state != "suspected", order=t.leak_case.c.start_utc)
    if not cases:
        yield "Leaks         none found"
    for case in cases:
        yield f"Leak          {case.sentence} {case.worth}".rstrip()
        for dig in results.rows(engine, t.leak_finding, t.leak_finding.c.case_id == case.case_id, order=t.leak_finding.c.at_utc):
            yield f"  dug         {'found' if dig.found else 'nothing'} at pipe {dig.pipe}"
        for plan in results.rows(engine, t.isolation, t.isolation.c.case_id == case.case_id):
            yield f"  isolation   {plan.sentence}"
            yield f"  proof       {'proved' if plan.proved else 'NOT PROVED'}: {plan.detail['proof']}"
    for row in results.rows(engine, t.sensor_fault, t.sensor_fault.c.state == "open", order=t.sensor_fault.c.since_utc):
        yield f"Sensor        {row.sentence}"


def _writes(engine: Engine) -> Iterator[str]:
    with engine.connect() as connection:
        found = connection.execute(select(t.command.c.state, func.count()).group_by(t.command.c.state)).tuples().all()
    yield "Commands      " + (", ".join(f"{number} {state}" for state, number in sorted(found)) or "none")


def _carbon(engine: Engine, city: LoadedCity, night: object) -> Iterator[str]:
    heads = ledger.heads(engine)
    if heads:
        entries, signed = sum(head.rows for head in heads), "signed" if heads[-1].signature else "unsigned"
        yield f"Ledger        {entries:,} entries up to {max(head.last_day for head in heads)}, {signed} root {heads[-1].root[:16]}"
    for one in closing.standings(engine, city):
        yield f"  period      {one.sentence}"
    for row in results.rows(engine, t.target_progress, t.target_progress.c.night == night, order=t.target_progress.c.target_id):
        yield f"  target      {row.sentence}"
