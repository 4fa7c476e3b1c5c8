"""Every metric that is told: its name after Prometheus' conventions, its labels, what it says. The docs' table is made from here.

Reference: Prometheus, "Metric and label naming": base units, `_total` for what only grows, `_timestamp_seconds` for times,
`_ratio` for shares from 0 to 1.
"""

from typing import NamedTuple

GAUGE, COUNTER = "gauge", "counter"


class Metric(NamedTuple):
    """One metric; `kind` is gauge or counter."""

    name: str
    kind: str
    labels: tuple[str, ...]
    says: str


def _gauge(name: str, says: str, *labels: str) -> Metric:
    return Metric(f"penstock_{name}", GAUGE, labels, says)


def _counter(name: str, says: str, *labels: str) -> Metric:
    return Metric(f"penstock_{name}_total", COUNTER, labels, says)


METRICS = (
    _gauge("info", "1; what runs", "city", "release"),
    _gauge("store_up", "does the database answer"),
    _gauge("part_up", "could this part of the figures be read", "part"),
    _gauge("collect_seconds", "how long reading the figures took"),
    # processes
    _gauge("heartbeat_age_seconds", "since a process was heard of", "process"),
    _gauge("lease_held", "is the lease taken: one process at a time may do this", "name"),
    _gauge("lease_until_timestamp_seconds", "when the lease runs out unless its holder renews it", "name"),
    # readings
    _counter("readings_stored", "new readings since this process started, by whether they were stored within a minute", "in_time"),
    _gauge("readings_newest_age_seconds", "age of the newest slot of readings"),
    _gauge("readings_newest_slot", "readings of the newest slot, by whether their meter answered", "answered"),
    _gauge("link_up", "could the field link be reached when its meters were last read", "link"),
    _gauge("dead_letters", "batches that the store refused and keeps aside"),
    _gauge("spool_batches", "batches that wait for the store", "spool"),
    _gauge("spool_readings", "readings that wait for the store", "spool"),
    _gauge("spool_age_seconds", "how long the batch that leaves next has waited", "spool"),
    _gauge("spool_reserve_held", "is there still room on the disk to read on", "spool"),
    # the night
    _gauge("night_done", "has the night of this civil day ended, done or with problems"),
    _gauge("night_deadline_timestamp_seconds", "by when the night of this civil day must have ended"),
    _gauge("night_end_timestamp_seconds", "when the newest night that ended did so"),
    _gauge("night_seconds", "how long that night took"),
    _gauge("night_step_seconds", "how long the newest run of a step took", "step"),
    _gauge("night_step_status", "1 for the status that the step has in the newest night", "step", "status"),
    _gauge("night_zones_out", "zones that a step of the newest night had to leave out", "step"),
    # people and devices
    _gauge("commands", "commands on their way, by state", "state"),
    _gauge("commands_overdue", "approved commands that should have been written five minutes ago"),
    _gauge("requests_waiting", "requests of the console that wait for `penstock work`"),
    _gauge("alarms", "alarms on the list, by priority and state", "priority", "state"),
    _gauge("notices_waiting", "notices that wait to be delivered", "channel"),
    _gauge("notices_given_up", "notices of the last seven days that could not be delivered", "channel"),
    # service
    _counter("api_calls", "calls of the API since this process started", "route", "status"),
    _gauge("level_ratio", "service level: good of all", "level", "window"),
    _gauge("level_target_ratio", "its target", "level"),
    # the machine
    _gauge("disk_free_bytes", "room on the disk of the data folder"),
    _gauge("database_bytes", "size of the database with its write-ahead log"),
    _gauge("backup_age_seconds", "age of the newest whole backup"),
    _gauge("backup_missing_seconds", "how long the city has run; told while there is no backup at all"),
    _gauge("certificate_expiry_timestamp_seconds", "when a certificate of `[metrics] certificates` ends", "file"),
)
BY_NAME = {metric.name: metric for metric in METRICS}


def table() -> str:
    """The docs' table."""
    rows = (f"| `{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in m.labels)} | {m.says} |" for m in METRICS)
    return "\n".join(("| metric | kind | labels | says |", "|---|---|---|---|", *rows))
