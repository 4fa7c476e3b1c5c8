"""`penstock water watch`: a pass of the leak watch on its own, between nights."""

from datetime import datetime

from city.clock import local_date
from service.delivery import deliver
from service.environment import Environment
from service.leakage.watching import read_on
from service.night import Night
from service.settings import load
from service.store import open_store, readings, runs, writing
from service.water import required


def make(env: Environment, now_utc: datetime) -> tuple[str, list[str]]:
    """Make a pass; returns 'done', or 'problems' while a leak or a sensor fault is open, and a sentence each."""
    from meters.spool.spool import Spool

    city = load(env)
    side, engine = required(city), open_store(env.url)
    if (city.folder / "spool.db").exists():
        deliver(engine, Spool(city.folder / "spool.db"), list(city.points.values()))
    day = local_date(now_utc, city.settings.city.time_zone)
    night = Night(city, engine, day, now_utc, readings.register_points(engine, list(city.points.values())))
    made = read_on(night, side)
    with writing(engine) as connection:
        written = made.write(connection)
    runs.beat(engine, "water", now_utc)
    lines = [f"read up to {made.watch['until_utc']:%Y-%m-%d %H:%M} UTC: {made.told}" + ("" if written else "; another pass was quicker")]
    lines += [f"{case['case_id']}: {case['sentence']}" for case in made.open]
    lines += [row["sentence"] for row in made.open_faults]
    lines += [str(problem) for problem in made.problems]
    return ("problems" if made.open or made.open_faults or made.problems else "done"), lines
