"""A day and a night of the chaos city as the commands that a timer and two people give, and how each is given again after it was killed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from benchmarks import _chaos_city as where
from benchmarks._chaos_blows import Blow, Changes, Panel
from benchmarks._chaos_city import City
from benchmarks._chaos_process import Running, Server
from city.problems import PenstockError
from service import schema as t
from service.keeping import backup
from service.store import results

WHO = "ada"
_NAP_S = 0.002
_LONGEST_S = 600.0  # that a command may take; on this city it takes seconds


@dataclass(frozen=True)
class Step:
    """A command of the script. `seen` looks whether it is done already, where a person would look before giving it again."""

    name: str
    words: tuple[str, ...]
    seen: Callable[[City], bool] | None = None


def _approved(city: City) -> bool:
    with city.store() as engine:
        return bool(results.rows(engine, t.approval))


def _closed(city: City) -> bool:
    with city.store() as engine:
        return bool(results.rows(engine, t.ledger_close))


def _backed_up(city: City) -> bool:
    """Is there a backup of the name, each file of which is what its sums say?"""
    try:
        return bool(backup.verified(city.home / "backup"))
    except PenstockError:
        return False


def script(city: City) -> tuple[Step, ...]:
    """Every command from an empty folder to the closed month."""
    noon = where.DAY_UTC + 12 * where.HOUR
    decide = ("--who", WHO, "--reason", "agreed", "--now", where.DECISION_UTC.isoformat())
    end = ("--now", where.LAST_UTC.isoformat())
    hours = [where.MIDNIGHT_UTC + n * where.HOUR for n in range(1, 1 + int((where.LAST_UTC - where.MIDNIGHT_UTC) / where.HOUR))]
    return (
        Step("init", ("init",)),
        Step("import", ("import", "--now", where.DAY_UTC.isoformat())),
        Step("poll, morning", poll(where.DAY_UTC, noon)),
        Step("poll, to midnight", poll(noon, where.NIGHT_UTC)),
        Step("night", ("night", "--now", where.NIGHT_UTC.isoformat())),
        Step("approve", ("approve", "latest", *decide), _approved),
        *(Step(f"poll and write, {hour:%H:%M} UTC", poll(hour, hour)) for hour in hours),
        Step("backup", ("backup", str(city.home / "backup"), *end), _backed_up),
        # Heads of the audit are kept outside from here on: a sign-off that is killed after its commit leaves its own to the next night.
        Step("audit head", ("audit", "head", *end)),
        Step("close", ("carbon", "close", where.MONTH, "--by", WHO, "--note", "seen", *end), _closed),
    )


def poll(start_utc: datetime, until_utc: datetime) -> tuple[str, ...]:
    return ("poll", "--now", start_utc.isoformat(), "--until", until_utc.isoformat(), "--replay")


@dataclass
class Doer:
    """Gives the commands, again and again until each has ended by itself. `blows`: what hits the step of a name, each once, in order."""

    server: Server
    city: City
    blows: dict[str, list[Blow]] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # that each step took when nothing hit it [s]
    settled: int = 0  # writes whose outcome a person had to look up at the device
    changes: dict[str, int] = field(default_factory=dict)  # of the files of store and spool that were seen while each step ran
    imported: set[str] = field(default_factory=set)
    said: dict[str, str] = field(default_factory=dict)

    def do(self, step: Step) -> None:
        """Give the command of a step until it has ended with done or with problems. Raises `RuntimeError` when it fails."""
        while True:
            began = time.monotonic()
            running = self.server.start(step.words, self.city.environment)
            waiting = self.blows.get(step.name, [])
            hit = bool(waiting) and waiting.pop(0)(running)
            code = self._waited(running, step)
            self.seconds[step.name] = time.monotonic() - began
            self.said[step.name] = running.said
            self.imported.update(running.imported)
            if hit and code < 0:
                self.kills[step.name] = self.kills.get(step.name, 0) + 1
                if step.seen is not None and step.seen(self.city):
                    return
                continue
            if code not in (0, 2):
                raise RuntimeError(f"penstock {' '.join(step.words)}: exit code {code}\n{running.said}")
            if step.words[0] == "poll":
                self._settle(step)
            return

    def _waited(self, running: Running, step: Step) -> int:
        """Wait for a command, and count how often store and spool change meanwhile."""
        seen = Changes(self.city)
        while (code := running.code) is None and time.monotonic() < seen.began + _LONGEST_S:
            seen.look()
            time.sleep(_NAP_S)
        self.changes[step.name] = seen.count
        return running.wait(0) if code is None else code

    def _settle(self, step: Step) -> None:
        """What a person does about a write that was cut off: look at the device, set what was approved where it is not, and say so.

        Penstock itself calls such a write unknown and writes nothing more there until somebody has looked.
        """
        with self.city.store() as engine:
            unknown = results.rows(engine, t.command, t.command.c.state == "unknown")
        for row in unknown:
            with Panel(self.city) as device:
                if device.setpoint != row.setpoint:
                    device.setpoint = row.setpoint
                found = device.setpoint
            at = step.words[step.words.index("--now") + 1]
            words = ("settle", row.command_id, "--found", f"{found:g}", "--who", WHO, "--now", at)
            code = self.server.start(words, self.city.environment).wait()
            if code != 0:
                raise RuntimeError(f"settle: exit code {code}")
            self.settled += 1
