"""`penstock demo`: the whole main job on the composed city, each part in the process it would run in, with its own command."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from city.problems import fault
from service import demo_outside
from service import schema as t
from service.books.closing import closes
from service.city_settings import Simulator
from service.environment import Environment
from service.notices.settings import Webhook
from service.settings import LoadedCity, load, path_of
from service.store import open_store, results
from service.summary import BACKUP, TOLD, page

DAY_START = "2022-06-15T00:00+02:00"
EVENING, DUG = "2022-06-15T18:00+02:00", "2022-06-15T21:30+02:00"
NIGHT = "2022-06-16T00:30+02:00"
DECISION = "2022-06-16T00:40+02:00"
LAST_SLOT = "2022-06-16T02:00+02:00"
CLOSED = "2022-05"  # the month that the demo signs off
KEY = "ledger.key"
LIFETIME_S = str(int(timedelta(hours=1).total_seconds()))  # of what runs beside the demo, should the demo die


def run_demo(now_utc: datetime | None, *, quiet: bool) -> str:
    """Run, or resume, the demo. Returns the night's status unless a command failed.

    `now_utc` replaces the night's time. The steps are those of README, as commands of their own: import, poll, night, approve,
    poll again (which writes), report, backup. One meter is not polled: its head-end's message is put into the watched folder after
    midnight, so that a demo that is started again finds every slot of the day that is still missing.
    """
    started = time.perf_counter()
    env = Environment(city=Path(__file__).resolve().parents[1] / "demo" / "city.toml")
    env.folder.mkdir(parents=True, exist_ok=True)
    city = load(env)
    night = now_utc.isoformat() if now_utc else NIGHT
    from demo.make import make

    _say("making the composed city's history and live day", quiet)
    made = make(env.folder)
    _command(env, "init")
    if not (env.folder / KEY).exists():
        (env.folder / "outside").mkdir(exist_ok=True)  # a real city keeps its roots, and its key, on other machines
        _command(env, "carbon", "keygen", str(env.folder / KEY))
    _command(env, "import", "--now", night)
    simulator = city.settings.simulator
    if simulator is None:
        raise fault("demo/city.toml: simulator", "missing", "a [simulator] table", "Restore demo/city.toml.")
    with duty(env, city):
        status = _day_and_night(env, city, simulator, made, night)
        if not results.rows(open_store(env.url), t.what_if):  # asked once
            _command(env, "plan", "what-if", "--outage", "battery-01", "--who", "operator", "--now", DECISION)
        _command(env, "work", "--once", "--now", LAST_SLOT)  # plans again by itself; its plan is a proposal beside the approved one
    _shift(env)
    _books(env)
    _back_up(env)
    _command(env, "export", *demo_outside.KINDS, "--format", "csv", "--into", str(demo_outside.emptied(env)), "--now", night)
    demo_outside.call(env, datetime.fromisoformat(LAST_SLOT))
    if not quiet:
        print(page(env, night, time.perf_counter() - started))
    # Leaks and bad meters are in the demo on purpose: the night rightly ends with problems, the demo with success.
    return "done" if status in (0, 2) else "failed"


def _day_and_night(env: Environment, city: LoadedCity, simulator: Simulator, made: Any, night: str) -> int:
    """The live day with its leak watch and crew, the night, the decisions after it, and what they write. Returns the night's exit code."""
    from demo.headend import deliver

    with field(path_of(city.folder, simulator.spec), simulator.port):
        _command(env, "poll", "--now", DAY_START, "--until", EVENING, "--replay")
        _command(env, "water", "watch", "--now", EVENING)  # a timer does so every quarter-hour: leaks are not for the night only
        _crew(env, made.truth)
        _command(env, "poll", "--now", EVENING, "--until", _before(night), "--replay")
        deliver(made.message, env.folder / city.settings.drops[0].folder)
        _command(env, "poll", "--now", _before(night), "--until", night, "--replay")
        status = _command(env, "night", "--now", night)
        _command(env, "approve", _plan(env), "--who", "operator", "--reason", "the demo approves", "--now", DECISION)
        isolations = _isolations(env)
        for who in ("operator", "shift-leader") if isolations else ():  # closing valves takes two people
            _command(env, "approve", *isolations, "--who", who, "--reason", "the demo approves", "--now", DECISION)
        _command(env, "poll", "--now", night, "--until", LAST_SLOT, "--replay")
        _command(env, "water", "watch", "--now", LAST_SLOT)
    return status


def _before(night: str) -> str:
    """The slot before the night's: the last one that is polled before the message comes."""
    return (datetime.fromisoformat(night) - timedelta(minutes=15)).isoformat(timespec="minutes")


def _crew(env: Environment, truth: Path) -> None:
    """The crew of the simulated field goes to each open slow leak's pipe and tells what is in the ground there."""
    holes = {leak["pipe"] for leak in json.loads(truth.read_text()).values() if "pipe" in leak}
    engine, c = open_store(env.url), t.leak_case.c
    been = {row.case_id for row in results.rows(engine, t.leak_finding)}
    for case in results.rows(engine, t.leak_case, (c.state == "open") & (c.kind == "slow") & c.case_id.not_in(been)):
        word = "--found" if case.pipe in holes else "--not-found"
        _command(env, "water", "dug", case.case_id, case.pipe, word, "--who", "operator", "--note", "trench 2 m", "--now", DUG)


def _shift(env: Environment) -> None:
    """What people of the night's shift do: see the burst, put the drifting sensor aside, work a case, leave a note and hand over."""
    engine, at = open_store(env.url), ("--now", LAST_SLOT)
    if results.rows(engine, t.shift_note):  # a shift is worked once
        return
    alarm_of = {row.kind: str(row.alarm_id) for row in results.rows(engine, t.alarm, t.alarm.c.ended_utc.is_(None))}
    if "burst" in alarm_of:
        _command(env, "alarms", "ack", alarm_of["burst"], "--who", "operator", *at)
    if "sensor_fault" in alarm_of:
        why = ("--hours", "4", "--reason", "a fitter comes at six")
        _command(env, "alarms", "shelve", alarm_of["sensor_fault"], *why, "--who", "operator", *at)
    w = t.work_case.c
    for case in results.rows(engine, t.work_case, (w.kind == "leak") & (w.priority == 1)):
        _command(env, "case", "assign", str(case.case_id), "crew-south", "--who", "shift-leader", *at)
        _command(env, "case", "work", str(case.case_id), "--note", "valves shut, clamp set", "--who", "operator", *at)
    told = ("Reads half of what the substation says", "--priority", "3")
    _command(env, "case", "open", "meter", "feeder-03", *told, "--who", "operator", *at)
    _command(env, "shift", "note", "Lake pumps stay on until 05:00", "--about", "ps-lake", "--who", "operator", *at)
    _command(env, "shift", "hand-over", "The burst is cut off, crew south digs. Feeder 6 is dark.", "--who", "operator", *at)


def _books(env: Environment) -> None:
    """May gets certificates and a sign-off, then an hour of it is corrected; all is proved, printed in two languages, a cell explained."""
    by, edits = ("--who", "planner", "--now", LAST_SLOT), ("--who", "engineer", "--now", LAST_SLOT)
    if not closes(open_store(env.url)):  # a certificate is used once, a month is signed once
        _command(env, "carbon", "certificates", "import", str(env.city_file.parent / "certificates.csv"), *by)
        bought = ("--account", "el-industry", "--period", CLOSED, "--count", "120", "--reason", "wind for the works")
        _command(env, "carbon", "certificates", "retire", "gec-demo", *bought, *by)
        _command(env, "carbon", "close", CLOSED, "--by", "planner", "--note", "the demo signs", "--now", LAST_SLOT)
    hour = ("--from", f"{CLOSED}-20T10:00+02:00", "--to", f"{CLOSED}-20T11:00+02:00")
    _command(env, "meters", "edit", "feeder-07.energy", *hour, "--value", "12.5", "--reason", "a typing error", *edits)
    _command(env, "carbon", "restate", CLOSED, "--reason", "an hour of feeder 7 was misread", *by)
    _command(env, "verify", "--recompute", "--now", LAST_SLOT)
    _command(env, "report", "--now", LAST_SLOT)
    _command(env, "report", "--period", CLOSED, "--now", LAST_SLOT)
    _command(env, "report", "--period", CLOSED, "--kind", "inventory", "--language", "zh", "--now", LAST_SLOT)
    _command(env, "explain", f"reports/{CLOSED}/inventory.xlsx#Inventory!B6")


def _back_up(env: Environment) -> None:
    """A fresh backup in place of the one before, which goes only when the new one is whole."""
    target, old = env.folder / BACKUP, env.folder / f"{BACKUP}.old"
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    _command(env, "backup", str(target), "--now", DECISION)
    shutil.rmtree(old, ignore_errors=True)


def _plan(env: Environment) -> str:
    """The night's own plan; `latest` in a demo that is started again would be the one that `penstock work` proposed since."""
    plans = results.rows(open_store(env.url), t.plan, order=t.plan.c.made_at_utc)
    return str(plans[0].plan_id) if plans else "latest"


def _isolations(env: Environment) -> list[str]:
    """Isolations that have a valve with a motor; the others are turned by hand and need no approval."""
    commands = results.rows(open_store(env.url), t.command, t.command.c.plan_id.startswith("isolate-"))
    return sorted({row.plan_id for row in commands})


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        print(f"- {text}", file=sys.stderr, flush=True)


def _command(env: Environment, *words: str) -> int:
    """Run `penstock <words>` in a process of its own. Returns 0 or 2; anything else is a `PenstockError`."""
    print(f"- penstock {' '.join(words)}", file=sys.stderr, flush=True)
    done = subprocess.run([sys.executable, "-m", "service.cli", *words], env=_environ(env), check=False)  # noqa: S603 - our own command
    if done.returncode not in (0, 2):
        raise fault(
            f"penstock {words[0]}", f"exit code {done.returncode}", "0 or 2", "Read what it said above; run the demo again to resume."
        )
    return done.returncode


def _environ(env: Environment) -> dict[str, str]:
    return {**os.environ, "PENSTOCK_CITY": str(env.city_file), "PENSTOCK_LEDGER_KEY": str(env.folder / KEY)}


@contextmanager
def field(spec: Path, port: int) -> Iterator[None]:
    """The simulated field as a process of its own, for as long as the block runs."""
    words = ["meters.simulator", "--spec", str(spec), "--port", str(port), "--lifetime", LIFETIME_S]
    with _beside("simulator", port, words):
        yield


@contextmanager
def duty(env: Environment, city: LoadedCity) -> Iterator[None]:
    """The duty officer who is told of the night, as a process of its own; the key is a new one each time."""
    url = next((channel.url for channel in city.settings.notify if isinstance(channel, Webhook) and channel.id == "duty"), "")
    port = urlsplit(url).port
    if port is None:
        yield
        return
    os.environ["PENSTOCK_NOTIFY_SECRETS"] = json.dumps({"duty": secrets.token_urlsafe(32)})
    try:
        with _beside("duty officer", port, ["demo.duty", "--port", str(port), "--into", str(env.folder / TOLD), "--lifetime", LIFETIME_S]):
            yield
    finally:
        del os.environ["PENSTOCK_NOTIFY_SECRETS"]


@contextmanager
def _beside(what: str, port: int, words: list[str]) -> Iterator[None]:
    """A module of ours that listens on a loopback port, for as long as the block runs."""
    process = subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    try:
        line = process.stdout.readline() if process.stdout else ""
        if "listening" not in line:
            raise fault(what, f"did not start on port {port}", "a free loopback port", "Stop what uses the port, or change demo/city.toml.")
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)
