"""What people turn by hand when a plan is approved that has no commands: the valves of an isolation, the switches of a restoration."""

from sqlalchemy import Connection, Select, select

from service import schema as t


def turned(connection: Connection, plan_id: str) -> tuple[list[str], bool]:
    """(what is turned, in the order of the plan; whether two people must approve it); nothing for an id that is neither. Locks the row."""
    for table, key in ((t.isolation, t.isolation.c.isolation_id), (t.grid_proposal, t.grid_proposal.c.proposal_id)):
        detail = connection.execute(select(table.c.detail).where(key == plan_id).with_for_update()).scalar()
        if detail is not None:
            steps = [step["switch"] for step in detail.get("steps", ())]
            return list(detail.get("valves", steps)), bool(detail.get("needs_two"))
    return [], False


def ids() -> Select[tuple[str]]:
    """The ids of isolations and restorations without a command."""
    written = select(t.command.c.plan_id)
    valves = select(t.isolation.c.isolation_id).where(t.isolation.c.isolation_id.not_in(written))
    switches = select(t.grid_proposal.c.proposal_id).where(t.grid_proposal.c.proposal_id.not_in(written))
    return select(valves.union(switches).subquery().c[0])
