"""Four eyes: which decisions are so large that two different people must take them, and who may be the people.

The size is taken when commands are proposed and kept with them (`command.approvals_needed`), so that nobody who approves can
forget to ask, and a later change of city.toml loosens nothing that waits already.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from city.quantities import Quantity
from service import schema as t
from service.controls import FourEyes
from service.settings import LoadedCity


def mark(rules: FourEyes, proposed: list[dict[str, Any]], present: Mapping[str, float], customers: int = 0) -> None:
    """Make each of the proposed command rows need two approvals, and say why, when they are large together.

    `present` [unit of the point]: what each point holds now; one that is not known counts from zero.
    """
    why = size(rules, proposed, present, customers)
    for row in proposed if why else ():
        row["approvals_needed"], row["sentence"] = 2, f"needs two people: {why}"


def size(rules: FourEyes, proposed: list[dict[str, Any]], present: Mapping[str, float], customers: int = 0) -> str:
    """What is larger than one person may decide, as a sentence; empty when nothing is."""
    held, change = dict(present), dict[str, float]()
    for row in sorted(proposed, key=lambda row: row["not_before_utc"]):
        if row["quantity"] == Quantity.COMMAND_KW:
            point = row["point_id"]
            change[point] = max(change.get(point, 0.0), abs(row["setpoint"] - held.get(point, 0.0)))
            held[point] = row["setpoint"]
    valves = len({row["point_id"] for row in proposed if row["quantity"] == Quantity.OPENING})
    largest = max(change, key=lambda point: change[point], default="")
    found = (
        (rules.change_above_kw, change.get(largest, 0.0), f"{largest} changes by {change.get(largest, 0.0):,.0f} kW"),
        (rules.total_above_kw, sum(change.values()), f"setpoints change by {sum(change.values()):,.0f} kW together"),
        (rules.valves_above, valves, f"{valves} valves turn"),
        (rules.customers_above, customers, f"{customers:,} customers are cut off"),
    )
    return "; ".join(f"{said}, above {limit:,g}" for limit, value, said in found if limit is not None and value > limit)


def present_values(connection: Connection, city: LoadedCity) -> dict[str, float]:
    """{point_id: newest good value} of the points that are commanded [unit of the point]."""
    points = [control.point for control in city.settings.controls]
    statement = (
        select(t.point.c.point_id, t.latest.c.good_value)
        .join(t.latest, t.latest.c.point_key == t.point.c.point_key)
        .where(t.point.c.point_id.in_(points), t.latest.c.good_value.is_not(None))
    )
    return {str(name): float(city.points[name].quantity.to_unit(value)) for name, value in connection.execute(statement).tuples()}
