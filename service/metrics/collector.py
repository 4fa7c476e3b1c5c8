"""The figures for Prometheus: every part reads the store in one short transaction, at most once in some seconds.

A part that fails is told by `penstock_part_up` 0 and leaves its figures out, which Prometheus shows as gone; the others stand. A database
that hangs is waited for once, by a thread of its own: the answer to a scrape comes in any case.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from datetime import datetime
from importlib.metadata import version
from threading import Lock

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from service.levels.history import of_city
from service.metrics import control, field, machine, nights
from service.metrics.growing import Growing
from service.metrics.kinds import COUNTER, METRICS
from service.metrics.sample import Asked, Sample, Samples
from service.settings import LoadedCity

log = structlog.get_logger()
PATIENCE_S = 5.0  # that a scrape waits for the store
STATEMENT_MS = 3000  # that one statement may take on PostgreSQL
LEVELS_S = 300.0  # how often service levels are counted
PARTS: dict[str, Callable[[Asked], Samples]] = {
    "processes": machine.processes,
    "readings": field.newest_slot,
    "links": field.links,
    "spools": field.spools,
    "dead_letters": field.dead_letters,
    "night": nights.night,
    "commands": control.commands,
    "alarms": control.alarms,
    "notices": control.notices,
    "disk": machine.disk,
    "backup": machine.backup,
    "certificates": machine.certificates,
}


class Figures(Collector):
    """What `registry` collects from; `now` is the clock."""

    def __init__(self, engine: Engine, city: LoadedCity, now: Callable[[], datetime]) -> None:
        self._engine, self._city, self._now = engine, city, now
        self._growing = Growing(now())
        self._parts = PARTS | {"counted": self._growing.samples, "levels": self._levels}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="figures")
        self._asked: Future[list[Sample]] | None = None
        self._lock = Lock()
        self._kept: list[Sample] = []
        self._kept_s = -float("inf")
        self._level_samples: list[Sample] = []
        self._levels_s = -float("inf")

    def collect(self) -> Iterator[Metric]:
        by_name: dict[str, list[Sample]] = {}
        for sample in self.samples():
            by_name.setdefault(f"penstock_{sample[0]}", []).append(sample)
        for metric in METRICS:
            family = CounterMetricFamily if metric.kind == COUNTER else GaugeMetricFamily
            made = family(metric.name, metric.says, labels=metric.labels)
            for _, labels, value in by_name.pop(metric.name, ()):
                made.add_metric(labels, value)
            if made.samples:
                yield made

    def describe(self) -> list[Metric]:
        return []  # so that registering it does not read the store

    def samples(self) -> list[Sample]:
        """The figures, read anew when they are older than `[metrics] cache_s`. Never raises."""
        with self._lock:
            if time.monotonic() - self._kept_s < self._city.settings.metrics.cache_s:
                return self._kept
            if self._asked is None or self._asked.done():
                self._asked = self._pool.submit(self._read)
            try:
                self._kept = self._asked.result(PATIENCE_S)
            except TooLong:
                log.error("the database does not answer in time", seconds=PATIENCE_S)
                self._kept = self._unread()
            self._kept_s = time.monotonic()
            return self._kept

    def age(self) -> None:
        """Read anew at the next scrape what changes with every batch."""
        self._kept_s = -float("inf")

    def forget(self) -> None:
        """Read everything anew at the next scrape, the service levels too."""
        self._kept_s = self._levels_s = -float("inf")

    def _unread(self) -> list[Sample]:
        return [("store_up", (), 0.0), ("info", (self._city.settings.city.id, version("penstock")), 1.0)]

    def _read(self) -> list[Sample]:
        began = time.perf_counter()
        made: list[Sample] = [("info", (self._city.settings.city.id, version("penstock")), 1.0)]
        try:
            with self._engine.connect() as connection:
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
                connection.exec_driver_sql("SELECT 1")
                asked = Asked(self._city, connection, self._now())
                for name, part in self._parts.items():
                    made += self._of_part(name, part, asked)
        except DBAPIError as error:
            log.error("the database does not answer", cause=str(error.orig).strip())
            return self._unread()
        return [*made, ("store_up", (), 1.0), ("collect_seconds", (), time.perf_counter() - began)]

    def _of_part(self, name: str, part: Callable[[Asked], Samples], asked: Asked) -> list[Sample]:
        try:
            with asked.connection.begin_nested():  # PostgreSQL would refuse everything after a statement that failed
                return [*part(asked), ("part_up", (name,), 1.0)]
        except Exception as error:  # whatever it is: the other parts are told
            log.error("figures that cannot be read", part=name, cause=str(error) or type(error).__name__)
            return [("part_up", (name,), 0.0)]

    def _levels(self, asked: Asked) -> Samples:
        if time.monotonic() - self._levels_s >= LEVELS_S:
            self._levels_s = time.monotonic()
            self._level_samples = []
            for one in of_city(self._engine, self._city, asked.now_utc):
                self._level_samples.append(("level_target_ratio", (one.level.name,), one.target))
                for window, share in (("1d", one.yesterday), ("30d", one.month), ("365d", one.year)):
                    if share.value is not None:
                        self._level_samples.append(("level_ratio", (one.level.name, window), share.value))
        return self._level_samples


def registry(figures: Figures) -> CollectorRegistry:
    """A registry of our own: what other libraries of this process count is not told."""
    made = CollectorRegistry(auto_describe=False)
    made.register(figures)
    return made


def text(of: CollectorRegistry) -> bytes:
    """The figures in Prometheus' text format."""
    return generate_latest(of)
