"""A switching proposal for every outage that has none: who turns which switch when, stored to be approved; motors get commands."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Select, func, select

from city.problems import fault
from networks.grid.estimate import estimate
from networks.grid.flow import Solver
from service import schema as t
from service.access.roles import WHOLE_CITY, Person
from service.decisions import require
from service.grid import interlock, switches
from service.grid.measured import measured
from service.grid.side import GridSide, grid_side
from service.plans.commands import command
from service.settings import LoadedCity
from service.store import results, writing
from service.store.operations import WORK, record

PROPOSED, NONE, SUPERSEDED = "proposed", "none", "superseded"
_UNTIL = timedelta(hours=4)  # within which an approved switch may still be turned by its motor
_TWO = "a switching order"


def propose_due(engine: Engine, city: LoadedCity, at_utc: datetime) -> list[str]:
    """Propose for every open outage without a proposal; returns their sentences. Cheap when there is none."""
    if (side := grid_side(city)) is None:
        return []
    made = select(t.grid_proposal.c.outage_id)
    waiting = results.rows(engine, t.grid_outage, t.grid_outage.c.ended_utc.is_(None), t.grid_outage.c.outage_id.not_in(made))
    _close_ended(engine, at_utc)
    if waiting:  # what was proposed without the new fault and is not released yet is asked anew as well
        again = results.rows(engine, t.grid_outage, t.grid_outage.c.ended_utc.is_(None), t.grid_outage.c.outage_id.in_(_unreleased()))
        waiting = [*waiting, *again]
    return [propose(engine, side, outage, at_utc) for outage in waiting]


def propose_for(engine: Engine, side: GridSide, person: Person, outage_id: str, at_utc: datetime) -> str:
    """Propose anew for an open outage, as a person asks: what one has approved by then is superseded.

    Raises `PenstockError` without the role or the district, and for an outage that is not there or is over.
    """
    found = results.rows(engine, t.grid_outage, t.grid_outage.c.outage_id == outage_id, t.grid_outage.c.ended_utc.is_(None))
    if not found:
        raise fault(f"outage {outage_id}", "not open", "an outage that `penstock grid outages` lists as open", "Check the id.")
    require(engine, person, "switch", outage_id, at_utc, frozenset(found[0].detail["districts"]) or WHOLE_CITY)
    return propose(engine, side, found[0], at_utc, person.name)


def propose(engine: Engine, side: GridSide, outage: Any, at_utc: datetime, who: str = WORK) -> str:
    """Solve, prove and store the restoration of an outage; what was proposed before and not approved is superseded."""
    from optimisation.restoration import Crews, Setting, restore

    grid = side.settings
    p_kw, q_kvar = _before(engine, side, outage.since_utc)
    crews = Crews(remote_min=grid.motor_minutes, drive_min=max(grid.crew_minutes - 5.0, 0.0), turn_min=min(5.0, grid.crew_minutes))
    voltage = (grid.voltage_low_pu, grid.voltage_high_pu)
    setting = Setting(critical=grid.critical, remote=frozenset(grid.switch_points), crews=crews, voltage_pu=voltage)
    opened = switches.open_at(side, switches.told(engine), at_utc)
    faults = sorted(interlock.known_faults(engine, side, opened))
    found = restore(side.network, p_kw, q_kvar, faults, open_switches=opened, setting=setting)
    detail = found.record()
    names = [step["switch"] for step in detail["steps"]]
    text = "|".join((outage.outage_id, *(f"{step['action']} {step['switch']}" for step in detail["steps"])))
    proposal_id = f"restore-{hashlib.sha256(text.encode()).hexdigest()[:10]}-{at_utc:%Y%m%d%H%M%S}"
    districts = sorted(switches.districts_of(side, names) | set(outage.detail["districts"]))
    row = {
        "proposal_id": proposal_id,
        "outage_id": outage.outage_id,
        "made_at_utc": at_utc,
        "state": PROPOSED if names and found.proved else NONE,
        "customers": round(found.restored_customers),
        "sentence": found.sentence if found.proved else f"No proposal holds. {found.sentence}",
        "detail": {**_finite(detail), "districts": districts, "open": sorted(opened), "needs_two": _TWO},
    }
    proposed = _commands(side, proposal_id, detail["steps"], at_utc) if row["state"] == PROPOSED else []
    with writing(engine) as connection:
        _supersede(connection, [outage.outage_id], at_utc, who)
        connection.execute(t.grid_proposal.insert().values(**row))
        if proposed:
            connection.execute(t.command.insert(), proposed)
        record(connection, at_utc, who, "restoration proposed", proposal_id, f"for {outage.outage_id}: {row['sentence']}")
    return str(row["sentence"])


def _before(engine: Engine, side: GridSide, since_utc: datetime) -> tuple[np.ndarray, np.ndarray]:
    """Loads [kW, kvar] of the last quarter-hour before an outage; the design peak where nothing is known of it."""
    step = timedelta(seconds=side.city.settings.night.step_s)
    read = measured(engine, side, since_utc - step, since_utc) if side.power else None
    if read is None or not np.isfinite(read.kw).any():
        return side.network.loads["p_kw"].to_numpy(), side.network.loads["q_kvar"].to_numpy()
    opened = switches.open_at(side, switches.told(engine), since_utc - step)
    made = estimate(Solver(side.network), read.loads_kw(side), read.heads_kw(side), side.settings.power_factor, opened)
    return made.p_kw[-1], made.q_kvar[-1]


def _commands(side: GridSide, proposal_id: str, steps: Sequence[dict[str, Any]], at_utc: datetime) -> list[dict[str, Any]]:
    """What an approval signs: each switch with a motor, a second apart in the order of the steps; see `order.waits_for`."""
    made = []
    for number, step in enumerate(steps):
        point = side.settings.switch_points.get(step["switch"])
        if point is None:
            continue
        at = at_utc + timedelta(seconds=number)
        setpoint = 1.0 if step["action"] == "close" else 0.0
        row = command(proposal_id, point, str(side.city.points[point].quantity), setpoint, at, at_utc + _UNTIL)
        made.append({**row, "approvals_needed": 2, "sentence": f"needs two people: {_TWO}"})
    return made


def _supersede(connection: Connection, outage_ids: Sequence[str], at_utc: datetime, who: str = WORK) -> None:
    """Take back proposals that nobody has released; what is released goes on, and is held by people."""
    g, c = t.grid_proposal.c, t.command.c
    own = select(g.proposal_id).where(g.outage_id.in_(list(outage_ids)), g.state == PROPOSED, g.proposal_id.not_in(_released()))
    ids = list(connection.execute(own).scalars())
    if not ids:
        return
    open_commands = c.plan_id.in_(ids) & (c.state == "proposed")
    connection.execute(
        t.command.update().where(open_commands).values(state="superseded", sentence="a newer proposal, or the outage is over")
    )
    connection.execute(t.grid_proposal.update().where(g.proposal_id.in_(ids)).values(state=SUPERSEDED))
    for proposal_id in ids:
        record(connection, at_utc, who, "restoration superseded", proposal_id, "a newer proposal, or the outage is over")


def _released() -> Select[tuple[str]]:
    return select(t.approval.c.plan_id).group_by(t.approval.c.plan_id).having(func.max(t.approval.c.commands) > 0)


def _unreleased() -> Select[tuple[str]]:
    """The outages with a proposal, none of which is released."""
    g = t.grid_proposal.c
    let = select(g.outage_id).where(g.proposal_id.in_(_released()))
    return select(g.outage_id).where(g.outage_id.not_in(let))


def _close_ended(engine: Engine, at_utc: datetime) -> None:
    """Proposals of outages that are over and were not released need no decision any more."""
    g, o = t.grid_proposal.c, t.grid_outage.c
    over = select(o.outage_id).where(o.ended_utc.is_not(None))
    stale = results.rows(engine, t.grid_proposal, g.state == PROPOSED, g.outage_id.in_(over))
    if stale:
        with writing(engine) as connection:
            _supersede(connection, [row.outage_id for row in stale], at_utc)


def _finite(value: Any) -> Any:
    """The same with none for not-a-number, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
