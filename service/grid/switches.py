"""Where each switch stands: as the network says, over it what a motor's point read or a person told."""

from collections.abc import Iterable
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, Engine, select

from city.problems import fault
from service import schema as t
from service.access.roles import WHOLE_CITY, Person
from service.decisions import require
from service.grid.side import GridSide
from service.store import writing
from service.store.operations import record

STATES = ("open", "closed")


def told(engine: Engine) -> pd.DataFrame:
    """switch, at_utc, state, who, proposal_id, note: everything that was told, oldest first."""
    columns = [column.name for column in t.grid_switch.columns]
    with engine.connect() as connection:
        rows = connection.execute(select(t.grid_switch).order_by(t.grid_switch.c.at_utc)).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=columns)


def open_at(side: GridSide, words: pd.DataFrame, at_utc: datetime) -> frozenset[str]:
    """Switches that were open at a time."""
    opened = set(side.network.normally_open)
    for switch, state in words.loc[words["at_utc"] <= at_utc, ["switch", "state"]].itertuples(index=False):
        (opened.add if state == "open" else opened.discard)(switch)
    return frozenset(opened & set(side.network.switches["switch"]))


def tell(
    engine: Engine,
    side: GridSide,
    person: Person,
    switch: str,
    state: str,
    at_utc: datetime,
    note: str = "",
    proposal_id: str | None = None,
) -> str:
    """Enter that a switch was opened or closed; returns it as a sentence.

    Raises `PenstockError` without the role or the district, for an unknown switch or state, and where another word of the same
    moment is there.
    """
    table = side.network.switches.set_index("switch")
    if switch not in table.index or state not in STATES:
        raise fault(f"switch {switch}, {state}", "unknown", "a switch of the network; open or closed", "Look at `penstock grid check`.")
    require(engine, person, "switch", switch, at_utc, district_of(side, switch))
    c = t.grid_switch.c
    sentence = f"switch {switch} is {state}"
    with writing(engine) as connection:
        if connection.execute(select(c.at_utc).where(c.switch == switch, c.at_utc == at_utc)).first():
            raise fault(f"switch {switch}", f"told of at {at_utc:%H:%M:%S} before", "one word at a time", "Tell it again.")
        _require_step(connection, switch, proposal_id)
        _write(connection, switch, state, at_utc, person.name, note.strip(), proposal_id)
        told = f"{sentence}: {note.strip() or 'no note given'}" + (f" (step of {proposal_id})" if proposal_id else "")
        record(connection, at_utc, person.name, "switch told", switch, told)
    return sentence


def _require_step(connection: Connection, switch: str, proposal_id: str | None) -> None:
    if proposal_id is None:
        return
    g = t.grid_proposal.c
    detail = connection.execute(select(g.detail).where(g.proposal_id == proposal_id)).scalar()
    if detail is None:
        raise fault(f"step of {proposal_id}", "no such restoration", "one that `penstock grid outages` lists", "Check the id.")
    if switch not in (names := sorted({step["switch"] for step in detail["steps"]})):
        remedy = "Correct the switch, or tell it without --step-of."
        raise fault(f"step of {proposal_id}", f"{switch} is none of its switches", ", ".join(names) or "none", remedy)


def _write(connection: Connection, switch: str, state: str, at_utc: datetime, who: str, note: str, proposal_id: str | None) -> None:
    row = {"switch": switch, "at_utc": at_utc, "state": state, "who": who, "note": note, "proposal_id": proposal_id}
    connection.execute(t.grid_switch.insert().values(**row))


def district_of(side: GridSide, switch: str) -> frozenset[str]:
    """The districts that a switch touches: those at the two ends of its branch; the whole city where none is known of either."""
    network = side.network
    branch = dict(zip(network.switches["switch"], network.switches["branch"], strict=True))[switch]
    row = network.branches["branch"].tolist().index(branch)
    return frozenset(place for bus in network.ends[row].tolist() if (place := side.district(bus))) or WHOLE_CITY


def districts_of(side: GridSide, switches: Iterable[str]) -> frozenset[str]:
    """The districts of several switches together."""
    return frozenset[str]().union(*(district_of(side, switch) for switch in switches))


def take_from_motors(engine: Engine, side: GridSide, at_utc: datetime) -> list[str]:
    """Enter what the points of motor switches read where it differs from what was known; returns the switches."""
    points = side.settings.switch_points
    if not points:
        return []
    known = open_at(side, told(engine), at_utc)
    statement = (
        select(t.point.c.point_id, t.latest.c.good_value, t.latest.c.good_time_utc)
        .join(t.latest, t.latest.c.point_key == t.point.c.point_key)
        .where(t.point.c.point_id.in_(list(points.values())), t.latest.c.good_value.is_not(None))
    )
    changed = []
    with writing(engine) as connection:
        read = {row.point_id: row for row in connection.execute(statement)}
        for switch, point in points.items():
            row = read.get(point)
            if row is None or row.good_time_utc > at_utc:
                continue
            state = "closed" if side.city.points[point].quantity.to_unit(row.good_value) > 0.5 else "open"
            c = t.grid_switch.c
            newer = connection.execute(select(c.at_utc).where(c.switch == switch, c.at_utc >= row.good_time_utc)).first()
            if (state == "open") != (switch in known) and newer is None:
                _write(connection, switch, state, row.good_time_utc, point, "read from its motor", None)
                record(connection, at_utc, "poll", "switch read", switch, f"switch {switch} is {state}, as {point} says")
                changed.append(switch)
    return changed
