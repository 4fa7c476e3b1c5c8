"""An outage and its restoration: where the fault likely is, which switches in which order, approval, ticking off, what stays dark."""

from collections.abc import Sequence
from datetime import timedelta
from html import escape
from typing import Any

import streamlit as st

from console import data, look
from console.deciding import approval, decide
from console.words import say
from service.decisions import Person, may
from service.grid import side, switches
from service.grid.view import Outage, Proposed

_NAMES = 5  # buses named of those that stay dark


def choose(lasting: Sequence[Outage]) -> Outage | None:
    """The outage that is shown: the one with the most customers, or the one somebody chose."""
    ranked = sorted(lasting, key=lambda one: -one.customers)
    if len(ranked) < 2:
        return ranked[0] if ranked else None
    named = {one.outage_id: f"{one.feeder} · {one.branch} · {look.number(one.customers, 0)} {say('customers_unit')}" for one in ranked}
    picked = st.segmented_control(
        say("outage_choose"), list(named), default=ranked[0].outage_id, format_func=named.__getitem__, key="outage_choice", required=True
    )
    return next((one for one in ranked if one.outage_id == picked), ranked[0])


def told(outage: Outage) -> str:
    """An outage in a sentence."""
    facts = {"branch": outage.branch, "feeder": outage.feeder or "–", "share": look.number(100 * outage.likelihood, 0)}
    found = say("outage_told", **facts, meters=len(outage.meters), count=look.number(outage.customers, 0))
    return found + (say("outage_told_critical", names=", ".join(outage.critical.values())) if outage.critical else "")


def newest(outage: Outage) -> Proposed | None:
    """The proposal that counts: the one released, else the newest not replaced, else the newest."""
    found: list[Proposed] = data.grid_proposals(outage.outage_id)
    released = [one for one in found if one.released]
    current = [one for one in found if one.state != "superseded"]
    return next(iter([*released, *current, *found]), None)


def numbered(outage: Outage) -> dict[str, str]:
    """switch -> the number of its step, as it stands in the diagram."""
    proposal = newest(outage)
    steps = proposal.detail.get("steps", []) if proposal and proposal.state != "none" else []
    found: dict[str, list[str]] = {}
    for number, step in enumerate(steps, 1):
        found.setdefault(step["switch"], []).append(str(number))
    return {switch: ",".join(numbers) for switch, numbers in found.items()}


def section(person: Person, outage: Outage) -> None:
    """One outage with its proposal."""
    since = {"feeder": outage.feeder, "time": look.clock(outage.since_utc), "age": look.age(outage.since_utc)}
    look.heading("outage")
    look.banner(f"{say('outage_since', **since)} · {say('outage_customers', count=f'{outage.customers:,}')}", 1)
    places = ", ".join(f"{name} {100 * chance:.0f} %" for name, chance in sorted(outage.places.items(), key=lambda one: -one[1])[:3])
    told = [f"{say('outage_place')}: {places}"] if places else []
    told += [say("outage_critical", names=", ".join(outage.critical.values()))] if outage.critical else []
    st.html("".join(f'<p class="sentence">{escape(line)}</p>' for line in told))
    proposal = newest(outage)
    look.heading("restoration", say("as_of", time=look.clock(proposal.made_at_utc), age=look.age(proposal.made_at_utc)) if proposal else "")
    if proposal is None:
        st.caption(say("no_proposal"))
    elif proposal.state == "none":
        look.banner(_none(proposal.detail), 2)
        _left(proposal.detail)
    else:
        _proposed(person, proposal)


def _none(detail: dict[str, Any]) -> str:
    """Why nothing is proposed."""
    if detail["steps"]:
        return say("none_proved")
    return say("none_helps", count=look.number(detail["lost_customers"], 0)) if detail["left"] else say("none_lost")


def _proposed(person: Person, proposal: Proposed) -> None:
    detail = proposal.detail
    if proposal.state == "superseded":
        look.banner(say("proposal_state_superseded"), 3)
    _figures(detail)
    done = _steps(proposal)
    _proof(detail)
    if proposal.state != "superseded" or proposal.released:
        by_hand = sum(step["by"] == "hand" for step in detail["steps"])
        approval(person, proposal.proposal_id, "approve_restoration_button", by_hand, detail.get("needs_two", ""))
        _tick(person, proposal, done)
    _left(detail)
    _alternatives(detail)


def _figures(detail: dict[str, Any]) -> None:
    lost = look.number(detail["lost_customers"], 0)
    remote = detail["remote_steps"]
    look.cards(
        [
            look.card(say("restored"), look.number(detail["restored_customers"], 0), say("customers_unit"), [say("of_lost", count=lost)]),
            look.card(say("stays_dark"), look.number(detail["left_customers"], 0), say("customers_unit")),
            look.card(say("work_time"), look.number(detail["minutes"], 0), "min", [say("remote_part", count=remote)]),
        ]
    )
    if detail["tripped"]:
        look.caption(say("tripped_already", names=", ".join(detail["tripped"])))


def _steps(proposal: Proposed) -> int:
    """The order as a list to work through; returns how many steps are done from the first on."""
    done = next((number for number, who in enumerate(proposal.done) if not who), len(proposal.done))
    lines = []
    for number, step in enumerate(proposal.detail["steps"]):
        who = proposal.done[number]
        said = proposal.told.get(step["switch"])
        time = f", {look.clock(said[2])}" if said and said[1] == who else ""
        stands = (
            f"✓ {say('switch_done', who=say('by_its_motor') if who == 'poll' else who)}{time}"
            if who
            else f"▶ {say('step_next')}"
            if number == done
            else f"○ {say('step_waits')}"
        )
        lines.append(_step(step, stands))
    st.html(f'<ol class="steps">{"".join(f"<li>{line}</li>" for line in lines)}</ol>')
    return done


def _step(step: dict[str, Any], stands: str) -> str:
    """One step as escaped HTML: what to do, how far it is, what it gives back, what holds after it."""
    by = say("by_motor_switch") if step["by"] == "remote" else say("by_hand_switch")
    facts = [f"{by} · {say('step_time', minutes=look.number(step['at_min'], 0))}"]
    if step["customers"] > 0 or step["kw"] > 0:
        facts.append(say("step_gain", customers=look.number(step["customers"], 0), kw=look.number(step["kw"])))
    elif step["customers"] < 0 or step["kw"] < 0:
        facts.append(say("step_dip", customers=look.number(-step["customers"], 0)))
    after = {
        "branch": step["loaded_branch"] or "–",
        "loading": look.number(100 * step["loading"], 0),
        "voltage": look.number(step["voltage_pu"], 3),
        "bus": step["lowest_bus"] or "–",
    }
    facts.append(say("step_after", **after))
    under = "".join(f'<span class="stuck">{escape(fact)}</span>' for fact in facts)
    return f"{escape(say('action_' + step['action']))} <b>{escape(step['switch'])}</b> · {escape(stands)}{under}"


def _proof(detail: dict[str, Any]) -> None:
    top = look.number(100 * max((step["loading"] for step in detail["steps"]), default=0.0), 0)
    known = [step["voltage_pu"] for step in detail["steps"] if step["voltage_pu"] is not None]  # none while nothing but a source is live
    low = look.number(min(known, default=None), 3)
    best = say("proved_best") if detail["best"] else say("not_proved_best_grid")
    look.banner(say("order_proved") if detail["proved"] else say("order_not_proved"), None if detail["proved"] else 1)
    st.html(f'<p class="sentence">{escape(say("proof_grid", loading=top, voltage=low))} {escape(best)}</p>')


def _tick(person: Person, proposal: Proposed, done: int) -> None:
    """Enter the next step: the number on the switch is read back before it counts."""
    steps = proposal.detail["steps"]
    if done == len(steps):
        look.banner(say("all_steps_done"), None)
        return
    if not proposal.released:
        st.caption(say("tell_after_approval"))
        return
    step = steps[done]
    if step["by"] == "remote":
        look.caption(say("motor_turns", switch=step["switch"]))
        if _still_to_turn(proposal, done):
            return
        look.banner(say("motor_failed", switch=step["switch"]), 2)
    allowed = may(person, "switch")
    with st.form(f"tell_{proposal.proposal_id}_{done}", border=True):
        typed = st.text_input(f"{done + 1}. {say('tell_name')}", key=f"tell_name_{done}", max_chars=60, disabled=not allowed)
        if not st.form_submit_button(f"{say('tell_' + step['action'])}: {step['switch']}", disabled=not allowed, type="primary"):
            return
    if typed.strip() != step["switch"]:
        look.banner(say("tell_wrong", number=done + 1, switch=step["switch"]), 2)
        return
    state = "open" if step["action"] == "open" else "closed"
    station, at = data.station(), data.now().now_utc
    decide(
        lambda: switches.tell(
            station.engine, side.required(station.city), person, step["switch"], state, at, proposal_id=proposal.proposal_id
        ),
        lambda _: say("told_switch", switch=step["switch"], state=say(f"switch_is_{state}")),
    )


def _still_to_turn(proposal: Proposed, done: int) -> bool:
    """Is the motor of the next step still to be tried?"""
    known = data.commands(proposal.proposal_id)
    own = known[known["not_before_utc"] == proposal.made_at_utc + timedelta(seconds=done)]
    return bool(own["state"].isin(["proposed", "approved", "held", "writing"]).any())


def _left(detail: dict[str, Any]) -> None:
    """What no switching gives back, and what keeps it dark."""
    lines = []
    for one in detail.get("left", []):
        buses = ", ".join(one["buses"][:_NAMES]) + (" …" if len(one["buses"]) > _NAMES else "")
        what = say("left_what", customers=look.number(one["customers"], 0), kw=look.number(one["kw"]), buses=buses)
        overload = one["why"] == "overload"
        value = look.number(100 * one["value"], 0) if overload else look.number(one["value"], 3)
        facts = {"switch": one["switch"], "at": one["at"], "value": value, "limit": look.number(one["limit"], 3)}
        kind = one["why"].replace(" ", "_")
        why = say(f"left_{kind}", **facts)
        lines.append("; ".join([what, why, *one["critical"]]))
    look.sentences("why_dark", lines)


def _alternatives(detail: dict[str, Any]) -> None:
    """What to do when a switch does not turn, and the way back to normal."""
    with st.expander(say("if_not_turning")):
        for one in detail.get("alternatives", []):
            work = _work(one["steps"]) or say("nothing_to_do")
            told = say("without_switch", switch=one["without"], work=work, customers=look.number(one["customers"], 0))
            st.html(f'<p class="sentence">{escape(told)}</p>')
    with st.expander(say("back_to_normal")):
        st.html(f'<p class="sentence">{escape(_work(detail.get("back", [])) or say("back_none"))}</p>')


def _work(steps: Sequence[dict[str, Any]]) -> str:
    return " → ".join(f"{say('action_' + step['action'])} {step['switch']}" for step in steps)
