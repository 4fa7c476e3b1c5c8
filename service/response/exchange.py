"""What goes in and out: OpenADR files, and the line to each VTN. One server that fails costs the others nothing."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from city.problems import PenstockError, Problem, fault
from service.environment import Environment
from service.openadr.client import Client
from service.openadr.objects import parsed, read_json
from service.openadr.settings import Vtn
from service.response import events, incoming, reports, settling
from service.settings import LoadedCity
from service.store import writing

MAX_FILE = 16 << 20  # bytes
Told = tuple[list[str], list[Problem]]


def import_file(engine: Engine, city: LoadedCity, path: Path, who: str, now_utc: datetime) -> Told:
    """Take in every OpenADR object of a file; what is wrong with one keeps no other out. Returns sentences and problems."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise fault(path.name, f"{path.stat().st_size / 1e6:.0f} MB", f"{MAX_FILE >> 20} MB", "Split it.")
        content = path.read_bytes()
    except OSError as error:
        raise fault(path.name, error.strerror or str(error), "a file that can be read", "Check its name and rights.") from None
    told: list[str] = []
    problems: list[Problem] = []
    for number, one in enumerate(incoming.objects_of(read_json(content, path.name), path.name)):
        try:
            found = parsed(one, f"{path.name}, object {number}")
            with writing(engine) as connection:
                told += incoming.take(connection, city, found, who, now_utc)
        except PenstockError as error:
            problems += error.problems
    return told, problems


def export(engine: Engine, city: LoadedCity, what: str) -> str:
    """JSON of an event by its number, with the report of its settlement where it has one, or of a programme or a VTN's VEN by its id."""
    if what.isdecimal():
        with engine.connect() as connection:
            one = events.one(connection, int(what))
        if one.programme not in events.programmes(city):
            raise fault(
                f"event {one.event_id}", f"programme {one.programme} is not in the city file any more", "its programme", "Add it again."
            )
        made = [reports.event_of(city, one).to_json()]
        settled = settling.settlements(engine, one.event_id)
        if settled:
            made.append(reports.report_of(city, one, settled[-1]).to_json())
    elif what in events.programmes(city):
        made = [reports.program_of(city, events.programmes(city)[what]).to_json()]
    elif vtn := next((one for one in city.settings.vtns if one.id == what), None):
        made = [reports.ven_of(city, vtn).to_json()]
    else:
        known = ", ".join([*events.programmes(city), *(one.id for one in city.settings.vtns)]) or "none defined"
        raise fault(f"export of '{what}'", "unknown", f"the number of an event, or one of {known}", "Check the name.")
    return json.dumps(made[0] if len(made) == 1 else made, indent=2, ensure_ascii=False)


def client(env: Environment, city: LoadedCity, vtn: Vtn) -> Client:
    """The line to a VTN. Raises `PenstockError` when its secret or certificate is not there."""
    try:
        secrets = json.loads(env.vtn_secrets.get_secret_value()) if env.vtn_secrets else {}
    except ValueError:
        secrets = None
    if not isinstance(secrets, dict):
        raise fault("PENSTOCK_VTN_SECRETS", "no JSON object", f'JSON such as {{"{vtn.id}": "..."}}', "Correct it.")
    return Client(vtn, str(secrets.get(vtn.id) or ""), city.beside)


def poll(engine: Engine, env: Environment, city: LoadedCity, now_utc: datetime) -> Told:
    """Ask every VTN for the events of its programmes: new ones are taken in, others changed, those gone cancelled."""
    return _each(city, lambda vtn: _polled(engine, client(env, city, vtn), city, vtn, now_utc))


def _polled(engine: Engine, line: Client, city: LoadedCity, vtn: Vtn, now_utc: datetime) -> Iterator[str | Problem]:
    who = f"vtn {vtn.id}"
    for programme in (one for one in city.settings.programmes if one.vtn == vtn.id):
        listed, faults = line.events(programme.program_id)
        yield from (problem for error in faults for problem in error.problems)
        for event in listed:
            try:
                with writing(engine) as connection:
                    yield from incoming.take(connection, city, event, who, now_utc, vtn)
            except PenstockError as error:
                yield from error.problems
        if not faults:  # what could not be read may still be there
            with writing(engine) as connection:
                yield from incoming.gone(connection, city, programme, {event.id for event in listed if event.id}, who, now_utc)
        yield f"{vtn.id}: {len(listed)} events of {programme.id}"


def post_reports(engine: Engine, env: Environment, city: LoadedCity, now_utc: datetime) -> Told:
    """Post the newest settlement of every event that a VTN called, once each."""
    return _each(city, lambda vtn: _posted(engine, client(env, city, vtn), city, vtn, now_utc))


def _posted(engine: Engine, line: Client, city: LoadedCity, vtn: Vtn, now_utc: datetime) -> Iterator[str | Problem]:
    newest = {row.event_id: row for row in settling.settlements(engine)}
    done = reports.posted(engine)
    for one in events.records(engine, events.e.c.origin == "openadr"):
        programme, row = events.programmes(city).get(one.programme), newest.get(one.event_id)
        if programme is None or programme.vtn != vtn.id or row is None or (row.event_id, row.version) in done:
            continue
        report = reports.report_of(city, one, row)
        kept_as = line.post_report(report)
        with writing(engine) as connection:
            reports.keep(connection, one.event_id, row.version, "out", (kept_as or str(report.report_name))[:128], report, now_utc)
        yield f"{vtn.id}: took the report of event {one.event_id}, version {row.version}"


def _each(city: LoadedCity, ask: Callable[[Vtn], Iterator[str | Problem]]) -> Told:
    if not city.settings.vtns:
        raise fault("city.toml", "names no OpenADR server", "a table [[vtns]]", "Add one, or import files.")
    told: list[str] = []
    problems: list[Problem] = []
    for vtn in city.settings.vtns:
        try:
            for one in ask(vtn):
                (problems if isinstance(one, Problem) else told).append(one)  # type: ignore[arg-type]
        except PenstockError as error:
            problems += error.problems
    return told, problems
