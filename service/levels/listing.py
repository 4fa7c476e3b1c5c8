"""Service levels for people and programs: as lines on a terminal, and as plain values."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.clock import local_date
from service.environment import Environment
from service.levels.history import Standing, standings
from service.levels.kinds import BY_NAME
from service.levels.settings import Levels
from service.levels.share import Share


def of_environment(env: Environment, engine: Engine, now_utc: datetime) -> list[Standing]:
    """As `standings`, from the raw city file: what `penstock status` reads without checking the whole of it."""
    settings = Levels.model_validate(env.raw.get("levels", {}))
    return standings(engine, env.city_id, str(env.raw["city"]["time_zone"]), settings, now_utc)


def as_dict(made: Sequence[Standing], days: int = 0) -> dict[str, Any]:
    """{level: target, kept and shares}, with the history of the last `days` days where it has some."""
    return {
        one.level.name: {
            "target": one.target,
            "kept": one.kept,
            "today": _plain(one.today),
            "yesterday": _plain(one.yesterday),
            "days_30": _plain(one.month),
            "days_365": _plain(one.year),
            **({"days": {day.isoformat(): _plain(share) for day, share in list(one.days.items())[-days:]}} if days else {}),
        }
        for one in made
    }


def _plain(share: Share) -> dict[str, Any]:
    value = None if share.value is None else round(share.value, 6)
    return {"value": value, "good": round(share.good, 3), "total": round(share.total, 3), "basis": share.basis}


def percent(share: Share) -> str:
    """A share to read. It is rounded down: 99.996 % is not yet 100 %."""
    if share.value is None:
        return "no data"
    percent = 100 * share.value
    steps = 10 if percent < 99 else 1000
    return f"{math.floor(percent * steps + 1e-6) / steps:g} %"


def told(made: Sequence[Standing], now_utc: datetime, zone: str, days: int = 0) -> Iterator[str]:
    """A line per level, then one per day and level asked for."""
    yield f"{'service level':<24} {'target':>9} {'today':>10} {'yesterday':>10} {'30 days':>10} {'365 days':>10}"
    for one in made:
        shares = (one.today, one.yesterday, one.month, one.year)
        word = {True: "", False: "  MISSED", None: ""}[one.kept]
        row = " ".join(f"{percent(share):>10}" for share in shares)
        yield f"{one.level.title[0]:<24} {percent(Share(one.target, 1.0)):>9} {row}{word}"
    for one in made:
        if one.year.basis:
            yield f"{one.level.title[0]}: partly {one.year.basis}"
    today = local_date(now_utc, zone)
    for back in range(days):
        day = today - timedelta(days=back)
        found = [f"{one.level.title[0]} {percent(one.days[day])}" for one in made if day in one.days]
        yield f"{day}  {'; '.join(found) or 'no data'}"


def status_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """What `penstock status` says: the shares of 30 days, and which of them miss their target."""
    found = []
    for name, one in told.items():
        share = Share(one["days_30"]["good"], one["days_30"]["total"])
        if share.value is not None:
            missed = "" if one["kept"] else f" MISSED, target {percent(Share(one['target'], 1.0))}"
            found.append(f"{BY_NAME[name].title[0].lower()} {percent(share)}{missed}")
    yield f"levels of 30 days: {'; '.join(found) or 'no data'}; `penstock levels` says more"


def missed(made: Sequence[Standing]) -> list[str]:
    """A sentence per level below its target over the last 30 days."""
    return [
        f"{one.level.title[0]}: {percent(one.month)} of 30 days, target {percent(Share(one.target, 1.0))}"
        for one in made
        if one.kept is False
    ]


def for_status(env: Environment, engine: Engine, now_utc: datetime) -> dict[str, Any]:
    """The levels in `penstock status --json`; {} where the database does not say, which others tell."""
    try:
        return as_dict(of_environment(env, engine, now_utc))
    except (DBAPIError, ValueError, KeyError):
        return {}
