"""Errors of others' making that a command may end in, as sentences: a package that is not there, a database that does not answer."""

from typing import Any

from city.problems import Problem
from service.extras import lacking
from service.redaction import redacted

_SQLITE = {5, 6, 8, 10, 13, 14}  # busy, locked, read-only, input/output, full, cannot be opened; what else it says is a fault of ours
_DRIVER = ("OperationalError", "InterfaceError")


def foreseen(error: Exception) -> Problem | None:
    """What an operator is told of an error that is no fault of the code; None for one that is. SQLAlchemy is not loaded for it."""
    if isinstance(error, ModuleNotFoundError):
        return lacking(error)
    if type(error).__module__ != "sqlalchemy.exc" or type(error).__name__ not in _DRIVER:
        return None
    cause: Any = getattr(error, "orig", None)
    code = getattr(cause, "sqlite_errorcode", None)
    if type(cause).__module__ == "sqlite3" and (code is None or code & 0xFF not in _SQLITE):
        return None
    remedy = "See what holds or stopped it (`penstock doctor`), then run the command again."
    return Problem("database", redacted(str(cause).strip()), "one that answers and takes writes", remedy)
