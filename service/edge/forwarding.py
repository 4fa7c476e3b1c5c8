"""Where the readings of a station go: to the central. What is read is said by the configuration that was pinned last."""

from datetime import UTC, datetime
from time import monotonic

import pandas as pd
import structlog

from city.problems import PenstockError, Problem, fault
from meters.polling.field import Field
from meters.spool.reporting import Reporter
from meters.spool.spool import Spool
from service.delivery import Away, drain
from service.edge.central import Central
from service.edge.clock import ClockWatch
from service.edge.pinning import Pinned
from service.edge.settings import Edge
from service.environment import Environment
from service.settings import LoadedCity

log = structlog.get_logger()


def forwarder(env: Environment, local: LoadedCity) -> "Forwarder":
    """The station of this machine's city.toml, with the newest configuration that the central gives or gave it."""
    made = Forwarder(env, local)
    if not made.pull():
        return made
    made.close()
    return Forwarder(env, local)


class Forwarder:
    """A station, as a `service.acquisition.Outlet`.

    `city` is the configuration that is read by: the pinned one, before the first this machine's own city.toml. It stays the same for
    as long as the object lives: one that is pulled counts from the next on, so that every batch names what it was read under. Where the
    central is and whom to trust stands in this machine's file only: no configuration that is pulled can change it.
    """

    def __init__(self, env: Environment, local: LoadedCity) -> None:
        """`local` is this machine's city.toml, with [edge]. Raises `PenstockError`: no token, no certificates, a broken pin."""
        edge = local.settings.edge
        if edge is None:
            raise fault(f"{env.city_file}: edge", "missing", "an [edge] table", "Say where the central is.")
        self._edge: Edge = edge
        self._clock = ClockWatch(edge.clock_tolerance_s)
        token = env.edge_token.get_secret_value() if env.edge_token else ""
        self._central = Central(edge, local.beside, token, self._clock)
        self._pinned = Pinned(env)
        self._faults: dict[str, Problem] = {}  # by what they are about; each is taken away when that works again
        self._asked: float | None = None
        self.city = self._pinned.load() or local
        step_s = {point.id: self.city.meter[point.meter].reading_s for point in self.city.points.values()}
        self._reporter = Reporter(self.city.settings.reporting, step_s)
        self.origin = f"{edge.station}/{self.city.config_hash}"
        self.changed = False

    def prepare(self, readings: pd.DataFrame) -> pd.DataFrame:
        """What is kept of a slot's readings: marked while the clock is not to be trusted, without what dead-bands leave at home."""
        return self._reporter.report(self._clock.mark(readings))

    def deliver(self, spool: Spool, slot_utc: datetime) -> int:  # noqa: ARG002 - the central has clocks of its own
        """Forward what waits, for a while, and ask for the configuration if it is time to. Returns the readings that the central took."""
        if self.pull():
            self.changed = True
        return self.forward(spool, seconds=self._edge.config_every_s)

    def execute(self, field: Field, at_utc: datetime) -> None:
        """Nothing: commands are approved, and written, at the central."""

    def forward(self, spool: Spool, seconds: float | None = None) -> int:
        """Forward batches, oldest first, for at most `seconds` [s]. Returns the readings that the central took."""
        fill = spool.fill()
        told = {"readings": fill.readings, "since_utc": fill.since_utc.isoformat() if fill.since_utc else None}
        alarms = [str(problem) for problem in self.alarms(spool, datetime.now(UTC))]
        self._central.state = {**told, "clock_offset_s": round(self._clock.offset_s, 3), "alarms": [one[:300] for one in alarms[:5]]}
        taken, away = drain(spool, self._central, seconds)
        self._note("central", Problem("central", away, "a central that takes readings", "They wait in the spool.") if away else None)
        return taken

    def pull(self) -> bool:
        """Ask for the configuration if it is time to. True when another one has been pinned."""
        now = monotonic()
        if self._asked is not None and now - self._asked < self._edge.config_every_s:
            return False
        self._asked = now
        try:
            content = self._central.config(self._pinned.name)
        except Away as error:
            self._note("central", Problem("central", str(error), "a central that answers", "Readings wait in the spool."))
            return False
        if content is None:
            self._note("configuration", None)
            return False
        try:
            pinned = self._pinned.pin(content)
        except PenstockError as error:
            self._note("configuration", error.problems[0])
            return False
        self._note("configuration", None)
        log.info("another configuration", configuration=pinned.config_hash[:12], points=len(pinned.points))
        return True

    def greet(self) -> str:
        """One exchange with the central and what came of it. Raises `PenstockError`: it does not answer, or the clocks differ."""
        try:
            self._central.config(self._pinned.name)
        except Away as error:
            raise fault("central", str(error), "a central that answers", "Check the line, the token and the certificates.") from None
        if (wrong := self._clock.problem()) is not None:
            raise PenstockError(wrong)
        return f"{self._edge.central} answers; its clock is {self._clock.offset_s:+.2f} s from this one"

    def alarms(self, spool: Spool, now_utc: datetime) -> list[Problem]:
        """What an operator has to know of this station."""
        clock = self._clock.problem()
        return [*spool.fill().alarms(now_utc), *([clock] if clock else []), *self._faults.values()]

    def _note(self, about: str, problem: Problem | None) -> None:
        """Remember a fault and log it when it is another one than before."""
        if problem is None:
            self._faults.pop(about, None)
        elif self._faults.get(about) != problem:
            self._faults[about] = problem
            log.warning(str(problem))

    def close(self) -> None:
        self._central.close()
