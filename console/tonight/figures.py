"""The plan's figures against doing nothing, as cards: cost, CO2, highest import, what is curtailed, the least water pressure."""

from datetime import datetime
from typing import Any

from console import data, look
from console.tonight.sentences import told
from console.words import known, say
from service.view.plan import Tonight


def cards(plan: Tonight) -> None:
    """One row of cards, and what is in force while this plan is not."""
    currency = data.station().city.settings.city.currency
    start, end = plan.values.index[0], plan.values.index[-1]
    detail = plan.detail
    made = [
        look.card(
            say("status"),
            known(plan.status),
            "",
            [f"{say('made')} {look.clock(plan.made_at_utc)}", _gap(detail)],
            priority={"impossible": 1, "fallback": 2, "time-limited": 3}.get(plan.status),
        ),
        look.card(say("cost"), look.number(plan.cost, 0), currency, against(plan.cost, plan.baseline_cost, currency)),
        look.card(say("co2"), look.number(tonnes(plan.co2_kg), 1), "t", against(tonnes(plan.co2_kg), tonnes(plan.baseline_co2_kg), "t", 1)),
    ]
    if (peak := detail.get("peak_kw")) is not None:
        made.append(look.card(say("peak"), look.number(peak, 0), "kW", against(peak, detail.get("baseline_peak_kw"), "kW")))
    curtailed, idle = detail.get("curtailed_kwh"), detail.get("baseline_curtailed_kwh")
    if curtailed or idle:
        made.append(look.card(say("curtailed"), look.number(curtailed, 0), "kWh", against(curtailed, idle, "kWh")))
    made += _pressure(detail.get("pressure") or {})
    made.append(look.card(say("horizon"), f"{len(plan.values)} × 15 min", "", [f"{look.hour(start)} – {look.hour(end)}"]))
    look.cards(made)
    if problem := (detail.get("pressure") or {}).get("problem"):
        look.banner(problem, 3)
    _standing(plan)


def _gap(detail: dict[str, Any]) -> str:
    """How much dearer than the best it can be at most, where that is worth telling."""
    gap = detail.get("gap")
    return "" if not gap or gap < 0.0005 else say("gap_at_most", share=f"{100 * gap:.2f} %")


def _pressure(found: dict[str, Any]) -> list[str]:
    """The least pressure at any customer while the plan runs, from EPANET; below the service pressure it stands out."""
    plan, idle = found.get("plan"), found.get("baseline")
    if not plan:
        return []
    where = say("pressure_at", junction=plan["junction"], time=look.hour(datetime.fromisoformat(plan["at_utc"])))
    lines = [where, *([f"{say('baseline')} {look.number(idle['least_m'], 1)} m"] if idle else [])]
    if plan["below_service_h"]:
        lines.append(say("pressure_below", hours=look.number(plan["below_service_h"])))
    return [look.card(say("least_pressure"), look.number(plan["least_m"], 1), "m", lines, priority=2 if plan["below_service_h"] else None)]


def _standing(plan: Tonight) -> None:
    """What goes on while this plan is not approved."""
    force = data.in_force()
    if plan.approval is not None and plan.approval.commands:
        return
    if plan.status == "fallback":
        look.banner(told(plan.detail["notes"][0]), 2)
    if plan.status == "impossible":
        look.banner(say("stays_in_force", plan=force) if force else say("nothing_in_force"), 2)
    elif force is not None:
        look.banner(say("proposal", plan=force), None)


def tonnes(kg: float | None) -> float | None:
    return None if kg is None else kg / 1000


def against(value: float | None, baseline: float | None, unit: str, digits: int = 0) -> list[str]:
    """The baseline, and how much less or more this is."""
    if value is None or baseline is None:
        return []
    change = baseline - value
    share = f" ({100 * abs(change) / abs(baseline):.1f} %)" if baseline else ""
    told = say("saving") if change >= 0 else say("more")
    return [f"{say('baseline')} {look.number(baseline, digits)} {unit}", f"{look.number(abs(change), digits)} {unit}{share} {told}"]
