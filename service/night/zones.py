"""A fault of one zone stays its own: the step does without it, says so, and takes it up again when the night is run again, or the next.

First the whole city is tried. Only when that fails is a culprit looked for: a zone whose data cannot be read, then one that the fault
names, then each zone in turn - the one without which the step succeeds. So nothing changes for a city whose zones are well.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.exc import InterfaceError, OperationalError

from city.clock import civil_day, local_date
from city.problems import PenstockError, Problem
from service import schema as t
from service.night.reduced import asset_zones, points_of, still, without, zoned
from service.night.step import Night, Output
from service.settings import LoadedCity
from service.store import meter_days, readings, results
from service.store.runs import StepResult
from service.store.silence import silent

MOST_TRIED = 24  # zones that are each tried without, as long as the deadline lasts
AWAY = (OperationalError, InterfaceError)  # the database went away, its disk is full: no fault of a zone
BEFORE = {"forecast": "validate", "plan": "forecast", "ledger": "validate", "targets": "ledger"}  # whose zones left out concern a step
Compute = Callable[[Night], Output]
Reduce = Callable[[LoadedCity, Collection[str]], LoadedCity]


class Unusable(Exception):
    """Raised by a step that found the zones itself: {zone: why}."""

    def __init__(self, zones: Mapping[str, Sequence[Problem]]) -> None:
        super().__init__(", ".join(zones))
        self.zones = zones


def tolerant(name: str, night: Night, compute: Compute) -> Output:
    """What the step computes, without the zones whose data make it fail. Raises what the step raises when no zone is to blame."""
    known = standing(night.engine, night.city.settings.city.id, night.date, BEFORE[name]) if name in BEFORE else {}
    given = _apart(name, night, known) if name == "ledger" and known else night
    try:
        output = compute(given)
        return told(name, output, known, had=name != "ledger" and not output.out) if known else output
    except AWAY:
        raise
    except Exception as error:
        try:
            found = _found(name, given, error, compute)
        except AWAY:
            raise
        except Exception:  # the search tripped over what the step did: no zone is to blame
            found = None
        if found is None:
            raise
        bad, output = found
        return told(name, output, {**known, **bad})


def _found(name: str, night: Night, error: Exception, compute: Compute) -> tuple[dict[str, Sequence[Problem]], Output] | None:
    """The zones to blame and what the step computes without them; None when there are none, or when nothing else is left."""
    all_zones = zoned(night.city)
    if isinstance(error, ModuleNotFoundError):
        return None
    if isinstance(error, Unusable):
        suspects: dict[str, Sequence[Problem]] = dict(error.zones)
    else:
        suspects = {zone: problems for zone in all_zones if (problems := unreadable(night, zone))} or _named(night, error)
    each: list[dict[str, Sequence[Problem]]] = [{zone: _problems(error)} for zone in all_zones[:MOST_TRIED]]
    ways = (still, without) if name == "plan" else (without,)  # a zone that stands still still draws its loads, where they are forecast
    for bad, way in product([suspects] if suspects else each, ways):
        try:
            return bad, compute(_apart(name, night, bad, way))
        except AWAY:
            raise
        except Exception:  # noqa: S112 - what the whole city failed with is what is told
            continue
        finally:
            silent.set(frozenset())
    return None


def _apart(name: str, night: Night, zones: Iterable[str], way: Reduce = without) -> Night:
    """The night without some zones.

    The leak watch knows the whole network and where its sensors are; they are silent instead of gone, or it would begin anew.
    """
    points = points_of(night.city, set(zones))
    if name == "leaks":
        silent.set(points)
        return replace(night, left_out=points)
    city = way(night.city, set(zones))
    if not city.points or (name == "ledger" and not city.settings.accounts) or (name == "plan" and not city.settings.assets):
        raise PenstockError(Problem(f"step {name}", "nothing is left without those zones", "other zones", "Mend their data."))
    return replace(night, city=city, left_out=night.left_out | points)


def unreadable(night: Night, zone: str) -> list[Problem]:
    """Why the stored data of a zone cannot be read; nothing when they can."""
    settings = night.city.settings
    points = [night.city.points[name] for name in sorted(points_of(night.city, {zone}))]
    midnight = night.today
    start = civil_day(local_date(midnight, settings.city.time_zone) - timedelta(days=settings.night.history_days), settings.city.time_zone)[
        0
    ]
    groups: dict[tuple[str, int], list[str]] = {}
    for point in points:
        groups.setdefault((str(point.stored), point.step_s), []).append(point.id)
    try:
        for names in groups.values():
            meter_days.block(night.engine, [night.city.points[name] for name in names], start, midnight)
            readings.hot(night.engine, names, midnight - timedelta(days=settings.night.hot_days), night.now_utc)
    except AWAY:
        raise
    except Exception as error:
        return list(_problems(error, f"zone {zone}"))
    return []


def _named(night: Night, error: Exception) -> dict[str, Sequence[Problem]]:
    """Zones whose points or assets the problems of an error are about, where each problem is about one."""
    if not isinstance(error, PenstockError):
        return {}
    zone_of = {point.id: night.city.meter[point.meter].zone for point in night.city.points.values()}
    zone_of |= {meter.id: meter.zone for meter in night.city.settings.meters}
    zone_of |= {asset: next(iter(zones)) for asset, zones in asset_zones(night.city).items() if len(zones) == 1}
    found: dict[str, list[Problem]] = {}
    for problem in error.problems:
        words = problem.subject.replace("'", " ").replace(",", " ").split()
        zones = {zone for word in words if (zone := zone_of.get(word)) is not None}
        if len(zones) != 1:
            return {}
        found.setdefault(zones.pop(), []).append(problem)
    return dict(found)


def _problems(error: Exception, subject: str = "data") -> Sequence[Problem]:
    if isinstance(error, PenstockError):
        return error.problems
    return [Problem(subject, f"{type(error).__name__}: {error}"[:300], "data that can be worked with", "Mend or remove what is stored.")]


def told(name: str, output: Output, out: Mapping[str, Sequence[Problem]], had: bool = False) -> Output:
    """The step's output with a sentence that names the zones, and as one that is not the last word.

    `had`: all of them were left out of the step before, so that this one went by what it had of them.
    """
    if output.result.status == "waiting":
        return output
    zones = ", ".join(sorted({*out, *output.out}))
    word = "with what zone {} had before" if had else "without zone {}"
    sentences = [
        Problem(f"zone {zone}", f"left out of {name}: {problem.subject}: {problem.observed}", problem.allowed, problem.remedy)
        for zone, problems in out.items()
        for problem in list(problems)[:1]
    ]
    result = output.result
    sentence = f"{result.sentence}; {word.format(zones)}: {sentences[0].observed}" if sentences else result.sentence
    again = StepResult(sentence, result.detail, [*result.problems, *sentences], "failed" if result.status == "failed" else "problems")
    return replace(output, result=again, out={**out, **output.out})


# --- what is kept of it -----------------------------------------------------------------------------------------------


def standing(engine: Engine, city: str, night: date, step: str) -> dict[str, Sequence[Problem]]:
    """The zones that a step has left out, that night or before, and not done since."""
    z = t.zone_out.c
    rows = results.rows(engine, t.zone_out, z.city == city, z.step == step, z.night <= night, order=z.night)
    remedy = f"They are taken up again once {step} has them."
    return {row.zone: [Problem(f"{step}", str((row.problems or ["left out"])[0])[:300], "its data", remedy)] for row in rows}


def missed(night: Night) -> dict[str, datetime]:
    """{zone: the first civil day [UTC] that validation left out of it}."""
    z = t.zone_out.c
    rows = results.rows(night.engine, t.zone_out, z.city == night.city.settings.city.id, z.step == "validate", z.since_utc.is_not(None))
    found: dict[str, datetime] = {}
    for row in rows:
        found[row.zone] = min(found.get(row.zone, row.since_utc), row.since_utc)
    return found


def open_steps(night: Night) -> set[str]:
    """Steps of this night that left a zone out: they are not the last word."""
    z = t.zone_out.c
    with night.engine.connect() as connection:
        return set(
            connection.execute(select(z.step).where(z.city == night.city.settings.city.id, z.night == night.date).distinct()).scalars()
        )


def keep(connection: Connection, night: Night, step: str, output: Output) -> None:
    """Keep what a step left out, in its transaction; what it did after all is no longer left out, of whatever night."""
    z, city = t.zone_out.c, night.city.settings.city.id
    own = (z.city == city) & (z.step == step)
    former = select(z.zone, z.since_utc).where(own, z.night == night.date, z.since_utc.is_not(None))
    since = {row.zone: row.since_utc for row in connection.execute(former)}
    connection.execute(delete(t.zone_out).where(own, (z.night == night.date) | ((z.night < night.date) & z.zone.not_in(list(output.out)))))
    for zone, problems in output.out.items():
        days = [day for day in (since.get(zone), output.since_utc) if day is not None]
        row = {"city": city, "night": night.date, "step": step, "zone": zone, "problems": [str(problem) for problem in problems]}
        connection.execute(t.zone_out.insert().values(**row, since_utc=min(days, default=None)))
