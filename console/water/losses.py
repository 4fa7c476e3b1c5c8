"""Lost water: the month's IWA table, districts by what could be had back, loss targets by month, and the last days."""

from html import escape

import pandas as pd
import streamlit as st

from console import charts, data, look
from console.water.districts import name_of
from console.words import known, say
from service.decisions import Person
from service.view import losses as view

LINES = 12  # months of a target that are drawn


def section(person: Person) -> None:  # noqa: ARG001 - everybody may see losses
    """Everything about lost water on the water page."""
    look.heading("losses")
    found = data.loss_months()
    if found.empty:
        look.banner(say("no_balance"), None)
        _last_days()
        return
    rows = view.chosen(found, None)
    left, right = st.columns([1, 1.15], gap="medium")
    with left:
        _balance(rows)
        _last_days()
    with right:
        _ranking(rows)
        _targets(found)


def _balance(rows: pd.DataFrame) -> None:
    """The standard table of the whole city, or of the first district where not all of them are told."""
    zone = "" if (rows["zone_id"] == "").any() else str(rows["zone_id"].iloc[0])
    by_bills = bool(rows.loc[rows["zone_id"] == zone, "detail"].iloc[0]["by_bills"])
    table = view.iwa(rows, zone)
    heads = "".join(f"<th>{escape(say(key))}</th>" for key in ("component", "volume_m3", "limit_95", "of_input"))
    body = "".join(
        f'<tr class="level{line.level}"><td>{escape(say(f"iwa_{line.component}"))}</td><td>{look.number(line.m3, 0)}</td>'
        f"<td>{look.number(line.limit_m3, 0)}</td><td>{look.number(line.percent, 1)}</td></tr>"
        for line in table.itertuples()
    )
    title = " · ".join(part for part in (say("loss_month"), str(rows["month"].iloc[0]), name_of(zone) if zone else "") if part)
    st.html(f'<div class="chart-title">{escape(title)}</div><table class="iwa"><tr>{heads}</tr>{body}</table>')
    st.html(f'<p class="sentence">{escape(say("by_bills" if by_bills else "by_estimate"))}</p>')
    look.download(view.exported(rows), "water_balance")


def _ranking(rows: pd.DataFrame) -> None:
    settings = data.station().city.settings
    table = view.ranked(rows, settings.water.price_per_m3 if settings.water else 0.0)
    spans = [f"{look.number(r.low_m3, 0)} – {look.number(r.high_m3, 0)}" for r in table.itertuples()]
    places = [f"{r.rank} ({r.rank_low}–{r.rank_high})" for r in table.itertuples()]
    index = ["–" if pd.isna(r.ili) else f"{r.ili:.1f} ± {1.96 * r.ili_sd:.1f}" for r in table.itertuples()]
    heads = [
        say("rank"),
        say("zone"),
        say("recoverable"),
        say("interval_90"),
        say("ili"),
        say("night_flow"),
        say("worth", currency=settings.city.currency),
    ]
    amounts = [look.number(value, 0) for value in table["recoverable_m3"]]
    money = [look.number(value, 0) for value in table["money"]]
    flows = [look.number(value) for value in table["night_flow_m3_per_h"]]
    cells = zip(places, [name_of(zone) for zone in table["area"]], amounts, spans, index, flows, money, strict=True)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in cells)
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    title = f"{say('loss_ranking')} · {say('loss_ranking_note')}"
    st.html(f'<div class="chart-title">{escape(title)}</div><table class="iwa rank"><tr>{head}</tr>{body}</table>')
    doubts = [f"{name_of(row.area)}: {row.doubt}" for row in table.itertuples() if row.doubt]
    if doubts:
        st.html(f'<p class="sentence">{escape("; ".join(doubts))}</p>')


def _targets(found: pd.DataFrame) -> None:
    """Each target: a card with where it stands, and its months beside the promised path."""
    table = view.tracked(found)
    if table.empty:
        return
    look.heading("loss_targets")
    for target, rows in table.groupby("target"):
        last = rows.iloc[-1]
        where = name_of(last["zone"])
        lines = [
            f"{last['month']} · {where} · {known(last['state'])}",
            f"90 %: {100 * last['low']:.1f} – {100 * last['high']:.1f} %",
            f"{say('loss_promised')} {100 * last['required']:.1f} %",
        ]
        small, wide = st.columns([1, 2.2], gap="small")
        with small:
            shown = look.card(str(target), f"{100 * last['observed']:.1f}", "%", lines, priority=2 if last["state"] == "behind" else None)
            look.cards([shown])
        with wide:
            _path(str(target), rows.tail(LINES))


def _path(target: str, rows: pd.DataFrame) -> None:
    spec = charts.frame(list(rows["month"]), "%", every=1)
    spec["series"] = [
        charts.line("90 %", 100 * rows["low"], "#8fa3b5", width=0.8),
        charts.line("90 % ", 100 * rows["high"], "#8fa3b5", width=0.8),
        {**charts.line(say("loss_observed"), 100 * rows["observed"], charts.LINES[0]), "showSymbol": True},
        charts.line(say("loss_promised"), 100 * rows["required"], "#6e7478", dashed=True),
    ]
    spec["legend"]["data"] = [say("loss_observed"), say("loss_promised"), "90 %"]
    spec["yAxis"]["scale"] = False
    charts.draw(spec, f"loss_{target}", f"{say('loss_targets')} {target}", height=170)


def _last_days() -> None:
    """Real losses of the last days by the night flow, all districts together."""
    frame = data.balances()
    days = sorted(frame["day"].unique())[-30:]
    if len(days) < 3:
        return
    sums = frame[frame["day"].isin(days)].groupby("day")[["loss_m3", "inflow_m3"]].sum()
    st.html(f'<div class="chart-title">{escape(say("loss_share"))}, % · {days[0]} – {days[-1]}</div>')
    share = 100 * sums["loss_m3"] / sums["inflow_m3"].where(sums["inflow_m3"] > 0)
    charts.bars([str(day)[5:] for day in sums.index], {say("loss_share"): share}, "%", "losses_days", say("losses"))
