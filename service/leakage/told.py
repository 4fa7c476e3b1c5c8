"""What crews and operators found out about a leak: dug and found or not, repaired. Every word is audited and outlasts the watch."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, select

from city.problems import fault
from networks.leakage.digs import Dig, after_digs
from service import schema as t
from service.leak_history import OPEN, REPAIRED, RUNNING
from service.store import writing
from service.store.operations import record

SAME_DIG = timedelta(hours=1)  # the same finding within that time is a second click, not a second dig


def dug(engine: Engine, case_id: str, pipe: str, who: str, at_utc: datetime, note: str, *, found: bool) -> str:
    """Enter what a crew found at a pipe: the case's pipes change at once, the watch takes it in with its next pass. Returns a sentence.

    Raises `PenstockError` for a case that is unknown or over, for a pipe that is none of its candidates, for a second find elsewhere
    and for the same word twice.
    """
    c, f = t.leak_case, t.leak_finding
    with writing(engine) as connection:
        case = _running(connection, case_id)
        likely = pd.Series({str(row["pipe"]): float(row["posterior"]) for row in case.candidates}, dtype=float)
        if pipe not in likely.index:
            raise fault(f"pipe '{pipe}' of {case_id}", "no candidate", ", ".join(likely.index[:12]), "Check the pipe.")
        same = (
            (f.c.case_id == case_id) & (f.c.pipe == pipe) & (f.c.found == found) & f.c.at_utc.between(at_utc - SAME_DIG, at_utc + SAME_DIG)
        )
        if (before := connection.execute(select(f.c.at_utc).where(same)).scalar()) is not None:
            raise fault(
                f"dig at pipe '{pipe}' of {case_id}", f"told at {before:%H:%M} UTC already", "one word per dig", "Nothing: it counts."
            )
        finds = connection.execute(select(f.c.pipe, f.c.at_utc).where(f.c.case_id == case_id, f.c.found)).all()
        digs = [*(Dig(one.pipe, one.at_utc, True) for one in finds if one.pipe in likely.index), Dig(pipe, at_utc, found)]
        after = after_digs(likely, digs, pd.Series(1.0, index=likely.index)).sort_values(ascending=False, kind="stable")
        ranked = [{"pipe": str(name), "posterior": round(float(share), 5)} for name, share in after.items()]
        connection.execute(c.update().where(c.c.case_id == case_id).values(candidates=ranked, pipe=ranked[0]["pipe"]))
        row = {"case_id": case_id, "pipe": pipe, "at_utc": at_utc, "found": found, "who": who, "note": note}
        connection.execute(f.insert().values(**row))
        told = f"{case_id}: {'the leak is at' if found else 'no leak was found at'} pipe {pipe}"
        record(connection, at_utc, who, "leak dug", case_id, f"{told}: {note or 'no note given'}")
    return told


def repaired(engine: Engine, case_id: str, who: str, at_utc: datetime, ended_utc: datetime, reason: str) -> str:
    """Enter that a leak is repaired; returns what that means. Raises `PenstockError` for an unknown or closed case and a wrong time."""
    c = t.leak_case
    with writing(engine) as connection:
        case = _running(connection, case_id)
        if not case.start_utc < ended_utc <= at_utc:
            allowed = f"after {case.start_utc:%Y-%m-%dT%H:%MZ} and not after now"
            raise fault(f"end of leak '{case_id}'", f"{ended_utc:%Y-%m-%dT%H:%MZ}", allowed, "Correct the time.")
        connection.execute(c.update().where(c.c.case_id == case_id).values(state=REPAIRED, ended_utc=ended_utc, ended_at_utc=at_utc))
        told = f"{case_id}: repaired at {ended_utc:%Y-%m-%d %H:%M} UTC; from the next night on its flow is no longer expected"
        record(connection, at_utc, who, "leak repaired", case_id, f"{told}: {reason or 'no reason given'}")
    return told


def _running(connection: Connection, case_id: str) -> Any:
    c = t.leak_case.c
    case = connection.execute(select(t.leak_case).where(c.case_id == case_id)).first()
    if case is None or case.state not in RUNNING:
        known = ", ".join(connection.execute(select(c.case_id).where(c.state == OPEN)).scalars()) or "(none is open)"
        raise fault(f"leak '{case_id}'", "unknown" if case is None else case.state, known, "Check the id.")
    return case
