"""Valve states as operators found them: the latest word over what the valve file says."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal, get_args

import pandas as pd
from sqlalchemy import Engine

from city.problems import fault
from service import schema as t
from service.store import results, writing
from service.store.operations import record

State = Literal["open", "closed", "stuck"]


def tell(engine: Engine, known: Collection[str], valve: str, state: str, turns: float | None, who: str, at_utc: datetime, note: str) -> str:
    """Enter what a valve was found to be and how many turns shut it; returns a sentence. Raises `PenstockError` for an unknown one.

    A valve that was turned all the way was exercised that day; one that is stuck was not. `known`: the ids of the valve table.
    """
    if valve not in known:
        raise fault(f"valve '{valve}'", "not in the valve table", ", ".join(sorted(known)[:20]), "Check the id.")
    if state not in get_args(State):
        raise fault(f"state of valve '{valve}'", state, " or ".join(get_args(State)), "Give one of these.")
    if turns is not None and turns <= 0:
        raise fault(f"turns of valve '{valve}'", f"{turns:g}", "more than 0", "Count the turns from open to shut.")
    told = f"{valve} is {state}" + (f", {turns:g} turns to shut" if turns is not None else "")
    exercised = at_utc.date() if state != "stuck" else None
    row: dict[str, Any] = {"state": state, "who": who, "at_utc": at_utc, "note": note}
    row |= {"turns": turns} if turns is not None else {}
    row |= {"exercised": exercised} if exercised else {}
    v = t.valve_state
    with writing(engine) as connection:
        if connection.execute(v.update().where(v.c.valve == valve).values(**row)).rowcount == 0:
            connection.execute(v.insert().values(valve=valve, **row))
        record(connection, at_utc, who, "valve told", valve, f"{told}: {note or 'no note given'}")
    return told


def told(engine: Engine) -> pd.DataFrame:
    """valve, state, turns, exercised, who, at_utc, note of every valve somebody told of, newest first."""
    rows = results.rows(engine, t.valve_state, order=t.valve_state.c.at_utc.desc())
    return pd.DataFrame([row._mapping for row in rows], columns=[column.name for column in t.valve_state.columns])


def applied(engine: Engine, table: pd.DataFrame) -> pd.DataFrame:
    """The valve table with what was told in place of the file's state, turns and exercised."""
    words = told(engine).set_index("valve")
    if words.empty:
        return table
    found = table.copy()
    for column in ("state", "turns", "exercised"):
        new = found["valve"].map(words[column])
        found[column] = new.where(new.notna(), found[column]) if column in found else new
    return found
