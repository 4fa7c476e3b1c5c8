"""What the running service says to its engineers: one line per event on stderr, as JSON for a collector or as text for a terminal.

Commands talk to people on stdout, in sentences; this is not that. Every line has its time (UTC), level and event, the city, the command,
and `run`, by which the lines of one process belong together; `run_id` is that of the run record, where there is one. Secrets are taken
out before a line is written. Nothing heavy is imported before `configure`.
"""

import logging
import os
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

from city.problems import fault

VARIABLE = "PENSTOCK_LOG"
FORMS = ("json", "text")
QUIET = frozenset({"status", "levels", "--help", "--version"})  # commands that log nothing, and are to answer at once
LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access")
_about: dict[str, Any] = {}


def about(**facts: Any) -> None:
    """What every further line of this process says beside its event."""
    _about.update({name: value for name, value in facts.items() if value is not None})


def form(stream: TextIO) -> str:
    """json or text, as PENSTOCK_LOG says; without it text on a terminal. Raises `PenstockError` for another word."""
    wanted = os.environ.get(VARIABLE, "").strip().lower()
    if wanted and wanted not in FORMS:
        raise fault(VARIABLE, f"'{wanted}'", " or ".join(FORMS), "Correct the variable, or take it away.")
    return wanted or ("text" if stream.isatty() else "json")


def configure(command: str) -> None:
    """From here on every line of this process is written in one form, those of other libraries from WARNING on as well."""
    import structlog

    from service.redaction import redact_event

    chosen = form(sys.stderr)
    _about.clear()
    about(command=command, run=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}")
    last: list[Any] = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    if chosen == "json":
        last = [_ordered, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time" if chosen == "json" else "timestamp"),
            _with_about,
            structlog.processors.format_exc_info,  # in both forms before secrets are taken out: a traceback quotes what it failed on
            redact_event,
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    for name in LIBRARIES:  # a handler that a library gave itself would write past the redaction
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    root = logging.getLogger()
    if not any(isinstance(handler, _Forwarded) for handler in root.handlers):
        root.addHandler(_Forwarded(logging.WARNING))


def _with_about(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**event, **{name: value for name, value in _about.items() if name not in event}}


def _ordered(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    first = ("time", "level", "event", "city", "command", "run")
    return {**{name: event.get(name) for name in first}, **{name: value for name, value in event.items() if name not in first}}


class _Stderr:
    """Writes to what stderr is when a line is written; a full disk or a closed pipe must not end the service."""

    def msg(self, text: str) -> None:
        try:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return

    log = debug = info = warn = warning = error = critical = exception = fatal = msg


class _Forwarded(logging.Handler):
    """Lines of libraries that log in Python's own way."""

    def emit(self, record: logging.LogRecord) -> None:
        import structlog

        try:
            said = record.getMessage()
        except Exception:  # a library's line that does not fit its own arguments must not end the service
            said = f"{record.msg} {record.args}"
        structlog.get_logger().log(record.levelno, said, logger=record.name, exc_info=record.exc_info or None)
