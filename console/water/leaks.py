"""Leaks that run: what is wrong and what to do next, one line each; then one of them with its place, its cost and its findings."""

from functools import partial
from html import escape
from typing import Any

import streamlit as st

from console import data, look
from console.deciding import decide
from console.water import sentences
from console.water.districts import name_of
from console.words import known, say
from service import decisions
from service.decisions import Person, may
from service.view.water import Leak

RANKED = 8  # pipes in the list
_PRIORITY = {"burst": 1, "slow": 2}


def priority(leak: Leak) -> int | None:
    """A burst is for now, a slow leak for this shift, a suspicion for nobody yet."""
    return _PRIORITY.get(leak.kind, 2) if leak.is_open else None


def overview(leaks: list[Leak]) -> Leak | None:
    """What runs, worst first, and the choice of the one that is shown below; None when there is no case at all."""
    look.heading("leaks_running")
    running = [leak for leak in leaks if leak.task != "none"]
    if running:
        st.html("".join(_line(leak) for leak in running))
    else:
        look.banner(say("no_leak"), None)
    if len(leaks) < 2:
        return leaks[0] if leaks else None
    names = {leak.case_id: f"{name_of(leak.zone_id)} · {look.number(leak.flow_m3_per_h)} m3/h · {known(leak.state)}" for leak in leaks[:6]}
    picked = st.segmented_control(
        say("leaks"), list(names), default=leaks[0].case_id, format_func=names.__getitem__, key="leak_case", label_visibility="collapsed"
    )
    return next((leak for leak in leaks if leak.case_id == picked), leaks[0])


def _line(leak: Leak) -> str:
    zone = f"{name_of(leak.zone_id)} ({leak.zone_id})" if leak.zone_id else name_of("")
    facts: dict[str, Any] = {"zone": zone, "flow": look.number(leak.flow_m3_per_h), "pipe": leak.pipe}
    what = say(f"leak_what_{leak.kind}", share=f"{100 * leak.likely.get(leak.pipe, 0.0):.0f} %", **facts)
    rank = priority(leak)
    cells = {"rank": known(leak.state), "what": what, "todo": todo(leak), "since": look.hour(leak.start_utc)}
    made = "".join(f'<span class="{name}">{escape(text)}</span>' for name, text in cells.items())
    return f'<div class="alarm{f" p{rank}" if rank else ""}">{look.mark(rank) if rank else "<span></span>"}{made}</div>'


def todo(leak: Leak) -> str:
    """What to do next, in the session's language."""
    cut = leak.isolation or {"customers": 0, "detail": {}}
    facts = {"valves": len(cut["detail"].get("valves", [])), "customers": look.number(cut["customers"], 0)}
    return say(f"leak_do_{leak.task}", pipe=leak.found or leak.pipe, **facts)


def shown(leak: Leak) -> None:
    """One leak: flow, place, what it has cost; the pipes by probability; what crews found."""
    look.heading("leak", f"{leak.zone_id or name_of(leak.zone_id)} · {known(leak.kind)} · {known(leak.state)}")
    settings = data.station().city.settings
    currency, price = settings.city.currency, settings.water.price_per_m3 if settings.water else 0.0
    sd = f" ± {look.number(leak.flow_sd_m3_per_h)}" if leak.flow_sd_m3_per_h else ""
    began, area = f"{say('since')} {look.clock(leak.start_utc)}", _area(leak.likely)
    daily = say("per_day", cost=look.number(24 * leak.flow_m3_per_h * price, 0), currency=currency)
    cards = [
        look.card(say("flow"), look.number(leak.flow_m3_per_h), f"m3/h{sd}", [began], priority=priority(leak)),
        look.card(say("likely"), leak.pipe, "", [f"{100 * leak.likely.get(leak.pipe, 0.0):.0f} % {say('probability')}"]),
        look.card(say("area"), str(area), "", [say("area_of", pipes=area)]),
        look.card(say("lost_so_far"), look.number(leak.lost_m3, 0), "m3", [f"{look.number(leak.cost, 0)} {currency}", daily]),
    ]
    if leak.isolation:
        cut = [f"{say('demand_cut')} {look.number(leak.isolation['demand_m3_per_h'])} m3/h"]
        cards.append(look.card(say("customers"), look.number(leak.isolation["customers"], 0), "", cut))
    look.cards(cards)
    st.html(f'<p class="sentence">{escape(sentences.told(f"{leak.sentence} {leak.worth}"))}</p>')
    ranked = [item for item in leak.likely.items() if item[1] >= 0.005][:RANKED]
    if len(ranked) > 1:
        rows = [
            (escape(pipe), f'<div class="bar" style="width:{100 * share / ranked[0][1]:.0f}%"></div>', f"{100 * share:.0f} %")
            for pipe, share in ranked
        ]
        told = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        st.html(f'<div class="chart-title">{escape(say("suspects"))}</div><table class="ranked">{told}</table>')


def _area(likely: dict[str, float]) -> int:
    """How many pipes, likeliest first, hold nine tenths of the probability."""
    total = 0.0
    for count, share in enumerate(sorted(likely.values(), reverse=True), start=1):
        total += share
        if total >= 0.9:
            return count
    return len(likely)


def findings(person: Person, leak: Leak) -> None:
    """What crews found, and the form to tell it."""
    look.heading("tell_finding")
    for one in leak.dug:
        told = say(
            "dug_was_found" if one["found"] else "dug_was_not_found", time=look.clock(one["at_utc"]), pipe=one["pipe"], who=one["who"]
        )
        look.banner(told, None)
    if leak.task == "none":
        return
    allowed = may(person, "leak")
    if not allowed:
        st.caption(say("only_operators", role=say(person.role)))
    station, at, case = data.station(), data.now().now_utc, leak.case_id
    left, right = st.columns([1, 2])
    pipe = left.selectbox(say("at_pipe"), list(leak.likely), key=f"pipe_{case}", disabled=not allowed)
    note = right.text_input(say("note"), key=f"note_{case}", max_chars=200, disabled=not allowed)
    for column, found in zip(st.columns(2), (True, False), strict=True):
        word = "dug_found" if found else "dug_not_found"
        if column.button(say(word), key=f"{word}_{case}", disabled=not allowed or pipe is None, width="stretch"):
            write = partial(decisions.tell_dug, station.engine, person, case, str(pipe), at, note, found=found)
            decide(write, lambda told: f"{told}. {say('taken_soon')}")
    with st.expander(say("repaired_button")):
        st.caption(say("repaired_sure"))
        if st.button(say("repaired_button"), key=f"repaired_{case}", type="primary", disabled=not allowed):
            decide(lambda: decisions.tell_repaired(station.engine, person, case, at, note), str)
