"""The isolation of a leak in time: who turns which valve when, stored with the isolation; motors get commands, crews get tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from city.problems import PenstockError
from networks.closing import Closing
from optimisation.isolation.plan import IsolationPlan
from optimisation.isolation.schedule import MOTOR, Schedule, Site, schedule
from service.night import Night
from service.plans.commands import command
from service.water import WaterCity

Moment = tuple[Mapping[str, float], Mapping[str, float], Mapping[str, int]]
_UNTIL = timedelta(days=1)  # within which an approved command may still be written


@dataclass(frozen=True)
class Begun:
    """What is done of an isolation under way: valves that are closed by now, and the node at which each crew was last."""

    closed: tuple[str, ...] = ()
    at: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> dict[str, Any]:
        """What the schedule says of it, so that the next one knows."""
        return {"closed": list(self.closed), "crews_at": dict(self.at)}


NOT_BEGUN = Begun()


def on_panel(side: WaterCity, valves: Sequence[str]) -> dict[str, str]:
    """Point id of each valve that a motor moves."""
    panel = side.water.valve_panel
    return {valve: f"{panel}.{valve}" for valve in valves if f"{panel}.{valve}" in side.city.points}


def planned(
    night: Night, side: WaterCity, table: pd.DataFrame, plan: IsolationPlan, size_m3_per_h: float, moment: Moment, begun: Begun
) -> dict[str, Any]:
    """The schedule of an isolation as JSON: tasks with their times, what it loses; or only the sentence that says why there is none.

    `table` has the valves as they are without this isolation; `moment` is demand [m3/h], tank levels [m] and pumps that stay.
    """
    settings, (demand, level, running) = side.city.settings, moment
    if not plan.isolates:
        return {"sentence": plan.sentence, "made_utc": night.now_utc.isoformat()} | begun.kept
    valves = (*begun.closed, *plan.valves_to_close)
    before = table.assign(state=table["state"].where(~table["valve"].isin(begun.closed), "open"))
    try:
        with Closing(
            side.network,
            before,
            plan.pipe,
            size_m3_per_h,
            valves,
            demand,
            customers_per_node=side.customers,
            level_m=level,
            pump_running=running,
            service_m=side.water.service_pressure_m,
        ) as closing:
            motors, zone = on_panel(side, valves), settings.city.time_zone
            site = Site(closing, side.water.works, settings.crews, night.now_utc, zone, motors, begun.at, begun.closed)
            return _told(schedule(site), night.now_utc, plan.pipe) | begun.kept
    except PenstockError as error:
        return {"sentence": str(error), "made_utc": night.now_utc.isoformat()} | begun.kept


def _told(found: Schedule, now_utc: datetime, pipe: str) -> dict[str, Any]:
    def time(seconds: float) -> str:
        return (now_utc + timedelta(seconds=round(seconds))).isoformat()

    dry = max((task.end_s for task in found.tasks if task.kind == "close"), default=0.0)
    back = max((task.end_s for task in found.tasks), default=0.0)
    saved = found.greedy.water_m3 - found.cost.water_m3
    told = (
        f"Pipe {pipe} runs dry {dry / 60:.0f} min after the call and {found.cost.water_m3:.0f} m3 are lost till then;"
        f" after {back / 3600:.1f} h all valves are open again, with {found.cost.customer_hours:,.0f} customer-hours without water."
        f" Largest feed first would lose {abs(saved):.1f} m3 {'more' if saved >= 0 else 'less'}"
        f" and {found.greedy.customer_hours:,.0f} customer-hours. Ways: {found.assumed}."
    )
    return {
        "sentence": told,
        "made_utc": time(0.0),
        "tasks": [
            {"kind": task.kind, "what": task.what, "who": task.who, "start_utc": time(task.start_s), "end_utc": time(task.end_s)}
            for task in found.tasks
        ],
        "water_m3": round(found.cost.water_m3, 2),
        "customer_hours": round(found.cost.customer_hours, 1),
        "greedy": {"water_m3": round(found.greedy.water_m3, 2), "customer_hours": round(found.greedy.customer_hours, 1)},
        "flushed_m3": round(found.flushed_m3, 1),
        "outflow": [[time(at), round(flow, 2)] for at, flow in found.outflow_m3_per_h],
        "optimal": found.optimal,
    }


def commands(night: Night, side: WaterCity, isolation_id: str, valves: Sequence[str], work: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Close each valve that a motor turns, at its time in the schedule; the others are crew tasks.

    Without a schedule every valve on the panel is closed at once: water is running out.
    """
    points, until = on_panel(side, valves), night.now_utc + _UNTIL
    if "tasks" not in work:
        return [command(isolation_id, point, "opening", 0.0, night.now_utc, until) for point in points.values()]
    turned = [task for task in work["tasks"] if task["kind"] == "close" and task["who"] == MOTOR]
    return [
        command(isolation_id, points[task["what"]], "opening", 0.0, datetime.fromisoformat(task["start_utc"]), until) for task in turned
    ]
