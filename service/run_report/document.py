"""The report of a night as plain data, all of it read from the store: the same store gives the same document.

Keys and types: report.schema.json beside this file. Times are ISO 8601 in UTC, powers kW, energies kWh, masses kg, money in the city's
currency.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, select

from city.problems import fault
from service import schema as t
from service.addresses import hosts_alone
from service.run_report import VERSION, abnormal, figures
from service.settings import LoadedCity
from service.store import results, runs

MOST_PROBLEMS = 500  # of one step, and of one zone that was left out


def document(engine: Engine, city: LoadedCity, night: date) -> dict[str, Any]:
    """The report of a night. Raises `PenstockError` when no run of that night is recorded."""
    settings = city.settings.city
    record = last_run(engine, settings.id, night)
    if record is None:
        raise fault(f"run report of {night}", "no run of that night is recorded", "a night that ran", "Run `penstock night` first.")
    return {
        "report": "penstock-run-report",
        "version": VERSION,
        "city": {
            "id": settings.id,
            "name": settings.name,
            "name_zh": settings.name_zh,
            "time_zone": settings.time_zone,
            "currency": settings.currency,
        },
        "night": night.isoformat(),
        "now_utc": utc(record.now_utc),
        "run": _run(record),
        "steps": _steps(engine, city, night),
        "zones_out": _zones_out(engine, settings.id, night),
        "forecasts": figures.forecasts(engine, city, night),
        "plan": figures.plan(engine, city, night),
        "ledger": figures.ledger_of(engine),
        "targets": figures.targets(engine, night),
        "counts": abnormal.counts(engine, city, record.now_utc),
        "leaks": abnormal.leaks(engine),
        "outages": abnormal.outages(engine),
        "cases": abnormal.cases(engine, city),
        "alarms": abnormal.alarms(engine),
        "approvals": abnormal.approvals(engine, record.now_utc),
    }


def last_run(engine: Engine, city: str, night: date | None = None) -> Any | None:
    """The newest run record of a night, or of any; None where there is none."""
    r = t.run.c
    statement = select(t.run).where(r.city == city, r.command == "night").order_by(r.run_id.desc()).limit(1)
    with engine.connect() as connection:
        return connection.execute(statement.where(r.night == night) if night else statement).first()


def utc(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z") if time else None


def _run(record: Any) -> dict[str, Any]:
    detail: Mapping[str, Any] = record.detail or {}
    seconds = (record.ended_utc - record.started_utc).total_seconds() if record.ended_utc else None
    changed = hosts_alone(record.config_changed) if record.config_changed else None  # reports are passed on
    return {
        "id": record.run_id,
        "status": record.status,
        "started_utc": utc(record.started_utc),
        "ended_utc": utc(record.ended_utc),
        "seconds": round(seconds, 1) if seconds is not None else None,
        "config": {"hash": record.config_hash, "author": record.config_author or None, "changed": changed},
        "after": [{"name": str(name), "sentence": str(said)} for name, said in detail.items() if isinstance(said, str) and said],
    }


def _steps(engine: Engine, city: LoadedCity, night: date) -> list[dict[str, Any]]:
    """Every step that ended, in the order they did, with the seconds that it may take."""
    deadlines = city.settings.night.deadlines
    made = []
    for name, row in runs.steps_done(engine, city.settings.city.id, night).items():
        made.append(
            {
                "name": name,
                "status": row.status,
                "seconds": row.seconds,
                "ended_utc": utc(row.ended_utc),
                "deadline_s": deadlines.of(name) if hasattr(deadlines, f"{name}_minutes") else None,
                "sentence": row.sentence,
                "problems": row.problems[:MOST_PROBLEMS],
                "more_problems": max(len(row.problems) - MOST_PROBLEMS, 0),
            }
        )
    return made


def _zones_out(engine: Engine, city: str, night: date) -> list[dict[str, Any]]:
    z = t.zone_out.c
    rows = results.rows(engine, t.zone_out, (z.city == city) & (z.night == night), order=z.zone)
    found = [{"step": row.step, "zone": row.zone, "problems": [str(problem) for problem in row.problems[:MOST_PROBLEMS]]} for row in rows]
    return sorted(found, key=lambda one: (one["zone"], one["step"]))
