"""Asked again before a switching order is approved and before each of its motors turns: would it feed a fault or close a loop as things
stand now? Between proposal and step somebody may have turned a switch, or another fault may have come."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from city.problems import fault
from networks.grid.topology import energised, tree
from service import schema as t
from service.grid import order, switches
from service.grid.side import GridSide, grid_side
from service.settings import LoadedCity
from service.store import results


def known_faults(engine: Engine, side: GridSide, opened: Collection[str]) -> frozenset[str]:
    """The branches with a fault: where an open outage has its own, and where an outage that is over had it, until that branch is under
    voltage again. That everybody has power by another way is no repair."""
    branches, known = set(side.network.branches["branch"]), set[str]()
    for row in results.rows(engine, t.grid_outage):
        suspects = branches.intersection(row.detail.get("suspects", [row.branch]))
        known |= suspects - (live(side, suspects, opened) if row.ended_utc is not None else set())
    return frozenset(known)


def live(side: GridSide, names: Collection[str], opened: Collection[str]) -> set[str]:
    """Those of these branches that are under voltage from either end with these switches open."""
    network = side.network
    reached = (network.end_closed(opened) & energised(network, opened)[network.ends]).any(axis=1)
    return set(names) & set(network.branches["branch"][reached])


def require_current(engine: Engine, city: LoadedCity, plan_id: str, at_utc: datetime) -> None:
    """Refuse to approve a restoration made for another position of the switches or without a fault that is known by now; nothing else.

    Raises `PenstockError`.
    """
    side = grid_side(city)
    found = _proposals(engine, plan_id) if side else []
    if side is None or not found:
        return
    detail, now = found[0].detail, switches.open_at(side, switches.told(engine), at_utc)
    moved = sorted((_expected(engine, found[0], frozenset(detail["open"])) ^ now) - set(detail["tripped"]))
    new = sorted(known_faults(engine, side, now) - set(detail["faulted"]))
    told = [*(f"switch {name} was turned since" for name in moved), *(f"a fault at {name} is known since" for name in new)]
    if told:
        cure = f"Propose anew: `penstock grid propose {found[0].outage_id}`."
        raise fault(f"approval of '{plan_id}'", "; ".join(told), "an order made for the grid as it stands", cure)


def hinders(engine: Engine, city: LoadedCity, command: Any, at_utc: datetime) -> str | None:
    """Of a command that is a step of a restoration: what it would do to the grid as it stands; None when it may be written."""
    side = grid_side(city)
    found = _proposals(engine, command.plan_id) if side else []
    if side is None or not found:
        return None
    proposal, words = found[0], switches.told(engine)
    since = set(words.loc[words["at_utc"] >= proposal.made_at_utc, "switch"])
    told = switches.open_at(side, words, at_utc)
    # what nobody has told of since: protection tripped it, or a motor turned it and its reading has not come yet
    before = (_expected(engine, proposal, told | set(proposal.detail["tripped"])) - since) | (told & since)
    switch = next((name for name, point in side.settings.switch_points.items() if point == command.point_id), None)
    if switch is None or command.setpoint < 0.5:
        return None  # opening feeds nothing; also when an order is taken back
    after, faults = before - {switch}, known_faults(engine, side, before) | set(proposal.detail["faulted"])
    if fed := sorted(live(side, faults, after) - live(side, faults, before)):
        return f"closing {switch} would feed the fault at {', '.join(fed)}"
    if len(tree(side.network, after).loops) > len(tree(side.network, before).loops):
        return f"closing {switch} would join two feeders"
    return None


def _proposals(engine: Engine, plan_id: str) -> list[Any]:
    return list(results.rows(engine, t.grid_proposal, t.grid_proposal.c.proposal_id == plan_id))


def _expected(engine: Engine, proposal: Any, opened: frozenset[str]) -> frozenset[str]:
    """`opened` with the steps that are done."""
    commands = results.rows(engine, t.command, t.command.c.plan_id == proposal.proposal_id)
    done, found = order.steps_done(proposal, commands, switches.told(engine)), set(opened)
    for step, by in zip(proposal.detail["steps"], done, strict=True):
        if by:
            (found.add if step["action"] == "open" else found.discard)(step["switch"])
    return frozenset(found)
