"""The isolation of a leak: which valves, who turns them when, what is lost till then, and its approval."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from console import charts, data, look
from console.deciding import approval
from console.water import sentences
from console.words import language, say
from service.decisions import Person

_COLOURS = {"close": "#3b5b7a", "repair": "#7d6a4f", "fill": "#5b7f7a", "flush": "#8d7b3f", "open": "#6e7478"}
_BARS = 14  # thickness of a task in its chart [px]
_STEPS = 60  # about so many steps of time does a chart have


def section(person: Person, cut: dict[str, Any]) -> None:
    """The isolation of a leak as the night stored it."""
    look.heading("isolation")
    detail = cut["detail"]
    st.html(f'<ol class="steps">{"".join(f"<li>{step}</li>" for step in steps(detail))}</ol>')
    look.banner(f"{say('proof')}: {say('proved') if cut['proved'] else say('not_proved')}", None if cut["proved"] else 1)
    told = sentences.told(" ".join([cut["sentence"], detail.get("proof", "")]))
    st.html(f'<p class="sentence">{escape(told)}</p>')
    approval(person, cut["isolation_id"], "approve_isolation_button", len(detail.get("valves", ())), detail.get("needs_two", ""))


def steps(detail: dict[str, Any]) -> list[str]:
    """The isolation as a list to work through, each line escaped HTML; valves in the order of the schedule."""
    ring = detail.get("next_ring", {})
    work = detail.get("schedule", {})
    closing = [task["what"] for task in work.get("tasks", []) if task["kind"] == "close"]
    lines: list[str] = []
    if before := work.get("closed"):
        lines.append(f"{escape(say('closed_before'))}: <b>{escape(', '.join(before))}</b>")
    for valve in closing or detail.get("valves", []):
        instead = ", ".join(ring.get(valve, []))
        stuck = f'<span class="stuck">{escape(say("if_stuck"))}: {escape(instead)}</span>' if instead else ""
        lines.append(f"{escape(say('close_valve'))} <b>{escape(str(valve))}</b>{stuck}")
    if spare := detail.get("spare", []):
        lines.append(f"{escape(say('spare_valve'))}: <b>{escape(', '.join(map(str, spare)))}</b>")
    for node, name in detail.get("critical", {}).items():
        lines.append(f"{escape(say('warn_critical'))}: <b>{escape(str(name))}</b> ({escape(str(node))})")
    return [*lines, escape(say("check_dry"))]


def schedule(work: dict[str, Any]) -> None:
    """Who turns which valve when: figures, two charts of tasks over time, a table. `work` is the schedule as it is stored."""
    look.heading("schedule")
    if not work.get("tasks"):
        look.banner(say("no_schedule", reason=work.get("sentence", "")), 2)
        return
    tasks = _tasks(work)
    closing = tasks[tasks["kind"] == "close"]
    made, dry = datetime.fromisoformat(work["made_utc"]), closing["end_utc"].max()
    thumb = work["greedy"]
    minutes = (dry - pd.Timestamp(made)).total_seconds() / 60
    look.cards(
        [
            look.card(say("dry_at"), look.hour(dry), "", [f"{minutes:.0f} {say('after_call')}"]),
            look.card(say("water_till_dry"), look.number(work["water_m3"]), "m3", [say("thumb", value=look.number(thumb["water_m3"]))]),
            look.card(
                say("customer_hours"),
                look.number(work["customer_hours"], 0),
                "",
                [say("thumb", value=look.number(thumb["customer_hours"], 0))],
            ),
            look.card(say("all_open_at"), look.hour(tasks["end_utc"].max()), ""),
        ]
    )
    if not work["optimal"]:
        st.caption(say("not_proved_best"))
    _gantt(closing, made, "closing_chart")
    _outflow(work["outflow"], made, dry)
    _gantt(tasks[tasks["kind"] != "close"], None, "after_chart")
    columns = {"start_utc": "begin", "end_utc": "finish", "work": "work", "what": "valve_or_pipe", "by": "who"}
    look.table(tasks, columns, "valve_schedule")


def _tasks(work: dict[str, Any]) -> pd.DataFrame:
    """kind, what, who, start_utc, end_utc as stored; work and by in words."""
    frame = pd.DataFrame(work["tasks"])
    for column in ("start_utc", "end_utc"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    named = {crew.id: (crew.name_zh if language() == "zh" else crew.name) or crew.id for crew in data.station().city.settings.crews}
    by = [say("by_motor") if who == "motor" else named.get(who, who) for who in frame["who"]]
    return frame.assign(by=by, work=[say(f"work_{kind}") for kind in frame["kind"]])


def _grid(start: datetime, end: datetime) -> pd.DatetimeIndex:
    """Steps of whole minutes over a time, about `_STEPS` of them, from before its start till after its end."""
    minutes = max((end - start).total_seconds() / 60, 1.0)
    step = next((m for m in (1, 2, 5, 10, 15, 30, 60, 120) if minutes / m <= _STEPS), 240)
    return pd.date_range(pd.Timestamp(start).floor(f"{step}min"), pd.Timestamp(end).ceil(f"{step}min"), freq=f"{step}min")


def _gantt(tasks: pd.DataFrame, start: datetime | None, title: str) -> None:
    """One row per task, first on top, over local clock time; colour and name say what is done."""
    if tasks.empty:
        return
    st.html(f'<div class="chart-title">{escape(say(title))}</div>')
    times = _grid(start or tasks["start_utc"].min(), tasks["end_utc"].max())
    rows = [f"{what} · {by}" for what, by in zip(tasks["what"], tasks["by"], strict=True)]
    rows = [f"{row} ({work})" if rows.count(row) > 1 else row for row, work in zip(rows, tasks["work"], strict=True)]
    spec = charts.frame(charts.labels(times), "")
    spec["grid"] |= {"left": 150, "top": 30}
    spec["tooltip"] = {"trigger": "item", "confine": True}
    spec["yAxis"] = {
        "type": "category",
        "data": rows[::-1],
        "axisLabel": {"color": charts.INK, "fontSize": 12},
        "splitLine": {"show": True},
    }
    spec["series"] = [_bar(task, row, times) for task, row in zip(tasks.to_dict("records"), rows, strict=True)]
    spec["legend"]["data"] = list(dict.fromkeys(tasks["work"]))
    charts.draw(spec, title, say(title), height=70 + 26 * len(rows))


def _bar(task: dict[str, Any], row: str, times: pd.DatetimeIndex) -> dict[str, Any]:
    """A task as a thick line between the steps that hold its start and its end."""
    first, last = (int(times.searchsorted(task[end], side="right")) - 1 for end in ("start_utc", "end_utc"))
    last = max(last, min(first + 1, len(times) - 1))
    labels = charts.labels(times)
    return {
        "type": "line",
        "name": task["work"],
        "data": [[labels[at], row] for at in range(first, last + 1)],
        "symbol": "none",
        "color": _COLOURS[task["kind"]],
        "lineStyle": {"width": _BARS, "cap": "butt"},
    }


def _outflow(course: Sequence[Sequence[Any]], start: datetime, dry: datetime) -> None:
    """What leaves the burst while valves close, in steps."""
    st.html(f'<div class="chart-title">{escape(say("outflow_chart"))}, m3/h</div>')
    times = _grid(start, dry + timedelta(minutes=1))
    at = pd.Series([flow for _, flow in course], index=pd.to_datetime([time for time, _ in course], utc=True))
    at = at[~at.index.duplicated(keep="last")].sort_index()
    shown = at.reindex(times.union(at.index)).ffill().reindex(times).bfill()
    spec = charts.frame(charts.labels(times), "m3/h", legend=False)
    spec["yAxis"] |= {"scale": False}
    spec["series"] = [charts.line(say("outflow_chart"), shown, charts.LINES[0], step=True)]
    charts.draw(spec, "burst_outflow", say("outflow_chart"), height=150)
