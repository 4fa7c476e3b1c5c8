"""What a decision was about, as one SHA-256 in its audit line: who changes a row afterwards no longer has what was decided.

The bytes are a JSON array of rows in RFC 8785's form, as those of a line; times are microseconds since 1970 UTC, and a setpoint is the
text that Python's `repr` gives, which is the shortest that reads back as the same number.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from service.schema_control import command
from service.utctime import micros


def rows(said: Sequence[Sequence[Any]]) -> str:
    """The SHA-256 [hex] of rows of text, whole numbers and null."""
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def commands(connection: Connection, plan_id: str, former: Mapping[str, str] | None = None) -> str | None:
    """What an approval of a plan or an isolation signs: all its commands but those that take a setpoint back. None without commands.

    `former` {point_id: the id it had at that time} of points that were renamed since.
    """
    c = command.c
    found = connection.execute(select(command).where(c.plan_id == plan_id, c.reverts.is_(None)).order_by(c.command_id)).all()
    said = []
    for row in found:
        point, times = (former or {}).get(row.point_id, row.point_id), (micros(row.not_before_utc), micros(row.not_after_utc))
        said.append([row.command_id, plan_id, point, *times, row.quantity, repr(float(row.setpoint)), row.approvals_needed])
    return rows(said) if said else None


def crews(isolation_id: str, valves: Sequence[str]) -> str:
    """What an approval of an isolation that is turned by hand signs: its valves, in the order of the plan."""
    return rows([[isolation_id, *valves]])


def sign_off(close: Mapping[str, Any]) -> str:
    """What a sign-off of a period signs: its row of ledger_close."""
    names = ("period", "number", "who", "note", "batch", "root", "completeness", "materiality", "statement")
    return rows([[*(close[name] for name in names), micros(close["closed_at_utc"]), *map(list, sorted(close["sums"].items()))]])
