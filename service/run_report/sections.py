"""The parts of the run report's page, in the order in which they are read: what needs somebody first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service.run_report.markup import Html, html, joined
from service.run_report.reading import Reader
from service.run_report.svg import Chart
from service.run_report.words import named

MOST_ROWS = 15  # of a table on the page; report.json has all
MOST_PROBLEMS = 8  # of one step
Document = Mapping[str, Any]


def _cut(rows: list[Any], reader: Reader, count: int | None = None) -> tuple[list[Any], Html]:
    """The rows that are shown, and the line that counts the others; of a list that was cut before, `count` is how many there are."""
    over = (len(rows) if count is None else count) - MOST_ROWS
    return rows[:MOST_ROWS], html('<p class="more">{told}</p>', told=reader.say("more", count=over)) if over > 0 else Html("")


def cards(document: Document, reader: Reader) -> Html:
    """Six figures."""
    say, plan, alarms = reader.say, document["plan"], document["alarms"]["by_priority"]
    made = [_against(plan, "cost", "plan_cost", document["city"]["currency"], 1.0, reader)]
    made.append(_against(plan, "co2_kg", "plan_co2", "t", 1000.0, reader))
    gain = document["forecasts"]["below_naive"].get("1")
    value = f"{-100 * gain:+.0f} %".replace("-", "−") if gain is not None else "–"
    made.append(reader.card(say("forecast_gain"), value, "", say("below_naive", series=document["forecasts"]["series"])))
    worst = next((int(priority) for priority in ("1", "2", "3") if alarms[priority]), None)
    counts = joined(html("{mark}{count}&ensp;", mark=reader.mark(int(p)), count=alarms[p]) for p in ("1", "2", "3"))
    made.append(reader.card(say("alarms"), counts, "", say("alarms_said"), worst))
    waits, commands = document["counts"]["approvals"], document["counts"]["commands"]
    made.append(reader.card(say("waits"), waits, "", say("commands_of", commands=commands, plans=waits), 3 if waits else None))
    books = document["ledger"]
    signed = say("signed" if books["signed"] else "unsigned") if books else ""
    made.append(
        reader.card(say("ledger_to"), books["posted_to"] if books else "–", "", signed, 3 if books and not books["signed"] else None)
    )
    return html('<div class="cards">{made}</div>', made=joined(made))


def _against(plan: Any, key: str, title: str, unit: str, per: float, reader: Reader) -> Html:
    """A figure of the plan beside that of doing nothing."""
    say = reader.say
    if plan is None or plan[key] is None:
        return reader.card(say(title), "–", "", say("no_plan" if plan is None else "no_figures"), 2)
    value, idle = plan[key] / per, plan[f"baseline_{key}"]
    under = ""
    if idle:
        share = f"{100 * (plan[key] - idle) / abs(idle):+.1f} %".replace("-", "−")
        under = say("against", difference=share, value=f"{reader.number(idle / per)} {unit}")
    return reader.card(say(title), reader.number(value), unit, under)


def todo(document: Document, reader: Reader) -> Html:
    """Approvals, alarms, what was left out, outages, leaks and cases."""
    parts = [_approvals(document, reader), _alarms(document, reader), _left_out(document, reader), _outages(document, reader)]
    parts += [_leaks(document, reader), _cases(document, reader)]
    inside = joined(part for part in parts if part)
    return reader.section("todo", inside or html('<p class="calm">{told}</p>', told=reader.say("calm")))


def _titled(key: str, rows: list[Any], table: Html, reader: Reader, more: Html, count: int | None = None) -> Html:
    title = html("<h3>{name}<span>{count}</span></h3>", name=reader.say(key), count=len(rows) if count is None else count)
    return html("{title}{table}{more}", title=title, table=table, more=more) if rows else Html("")


def _approvals(document: Document, reader: Reader) -> Html:
    say, rows = reader.say, document["approvals"]
    count = document["counts"]["approvals"]
    shown, more = _cut(rows, reader, count)
    lines = [(r["plan_id"], r["commands"], reader.when(r["first_utc"]), r["people"], ", ".join(r["approved_by"]) or "–") for r in shown]
    heads = [say("proposal"), say("commands"), say("first"), say("people"), say("approved_by")]
    return _titled("waits", rows, reader.table(heads, lines, right=(1, 3), wide=4), reader, more, count)


def _alarms(document: Document, reader: Reader) -> Html:
    say, rows = reader.say, document["alarms"]["rows"]
    count = document["counts"]["alarms"]
    shown, more = _cut(rows, reader, count)
    lines = [
        (
            html("{mark}{word}", mark=reader.mark(r["priority"]), word=say(f"priority_{r['priority']}")),
            reader.when(r["since_utc"]),
            html(
                "{what}{seen}", what=r[reader.language]["what"], seen=html("<small>{w}</small>", w=say("seen")) if r["acknowledged"] else ""
            ),
            r[reader.language]["todo"],
        )
        for r in shown
    ]
    return _titled("alarms", rows, reader.table([say("priority"), say("since"), say("what"), say("what_todo")], lines), reader, more, count)


def _left_out(document: Document, reader: Reader) -> Html:
    say, rows = reader.say, document["zones_out"]
    shown, more = _cut(rows, reader)
    lines = [(r["zone"], named(say, "step", r["step"]), r["problems"][0] if r["problems"] else "") for r in shown]
    return _titled("left_out", rows, reader.table([say("zone"), say("step"), say("said")], lines, wide=2), reader, more)


def _outages(document: Document, reader: Reader) -> Html:
    say, rows = reader.say, document["outages"]
    count = document["counts"]["outages"]
    shown, more = _cut(rows, reader, count)
    table = reader.table([say("since"), say("what")], [(reader.when(r["since_utc"]), r["sentence"]) for r in shown], wide=1)
    return _titled("outages", rows, table, reader, more, count)


def _leaks(document: Document, reader: Reader) -> Html:
    say, rows = reader.say, document["leaks"]
    count = document["counts"]["leaks"]
    shown, more = _cut(rows, reader, count)
    lines = [(f"{r['zone']}, {r['pipe']}", reader.number(r["flow_m3_per_h"], 0), reader.when(r["since_utc"]), r["sentence"]) for r in shown]
    return _titled(
        "leaks", rows, reader.table([say("place"), say("flow"), say("since"), say("said")], lines, right=(1,), wide=3), reader, more, count
    )


def _cases(document: Document, reader: Reader) -> Html:
    say, rows = reader.say, document["cases"]
    count = document["counts"]["cases"]
    shown, more = _cut(rows, reader, count)
    lines = [(r["id"], r["subject"], r["owner"] or "–", reader.when(r["due_utc"]), r["sentence"]) for r in shown]
    heads = [say("case"), say("place"), say("owner"), say("due"), say("what")]
    return _titled("cases", rows, reader.table(heads, lines, wide=4), reader, more, count)


def plan(document: Document, reader: Reader) -> Html:
    """The draw from the grid beside that of doing nothing, and what the plan could not keep."""
    made, say = document["plan"], reader.say
    if made is None:
        return Html("")
    parts = [
        reader.listed(say("reasons"), made["reasons"]),
        reader.listed(say("notes"), made["notes"]),
        reader.listed(say("breaches"), made["breaches"], made["more_breaches"]),
    ]
    drawn = made["grid_kw"]
    if "plan" in drawn:
        start = datetime.fromisoformat(made["start_utc"])
        chart = Chart(1000, 250, start, made["step_s"], reader.zone, list(drawn.values()))
        lines = [chart.line(drawn[name], name) for name in ("baseline", "plan") if name in drawn]
        keys = joined(
            html('<span class="key {n}">{w}</span>', n=name, w=say(f"{name}_line")) for name in ("plan", "baseline") if name in drawn
        )
        figure = html("<figcaption>{title}{keys}</figcaption>", title=say("grid_kw"), keys=keys)
        parts.insert(0, html("<figure>{figure}{chart}</figure>", figure=figure, chart=chart.drawn(say("grid_kw"), *lines)))
    return reader.section("plan", joined(parts), f"{made['plan_id']} · {named(say, 'plan', made['status'])}")


def forecasts(document: Document, reader: Reader) -> Html:
    """A small chart per kind, with its band and its highest hour."""
    say, figures = reader.say, []
    for curve in document["forecasts"]["curves"]:
        chart = Chart(480, 170, datetime.fromisoformat(curve["start_utc"]), curve["step_s"], reader.zone, [curve["p90"], curve["p10"]])
        name = named(say, "kind", curve["kind"])
        told = say("highest", value=reader.number(curve["highest"]), unit=curve["unit"], time=reader.clock(curve["highest_utc"]))
        caption = html("<figcaption>{n} [{u}]<span>{t}</span></figcaption>", n=name, u=curve["unit"], t=told)
        lines = (chart.band(curve["p10"], curve["p90"]), chart.line(curve["p50"], "plan"))
        figures.append(html("<figure>{caption}{chart}</figure>", caption=caption, chart=chart.drawn(f"{name}: {told}", *lines)))
    return reader.section("forecasts", html('<div class="pair">{f}</div>', f=joined(figures)) if figures else Html(""), say("band"))


def steps(document: Document, reader: Reader) -> Html:
    """Each step with its time, its deadline, what it said, and its problems."""
    say, rows = reader.say, document["steps"]
    longest = max((row["seconds"] for row in rows), default=0.0) or 1.0
    lines = []
    for row in rows:
        width = f"{max(100 * row['seconds'] / longest, 1):.0f}"
        bar = html('{s}<div class="bar"><i style="width:{w}%"></i></div>', s=reader.number(row["seconds"], 1), w=width)
        over = len(row["problems"]) - MOST_PROBLEMS
        told = joined(html("<li>{p}</li>", p=problem) for problem in row["problems"][:MOST_PROBLEMS])
        more = html("<li>{m}</li>", m=say("more", count=over + row["more_problems"])) if over > 0 else Html("")
        said = html("{s}<ul>{t}{m}</ul>", s=row["sentence"], t=told, m=more) if told else row["sentence"]
        name = html(
            "{mark}<b>{name}</b><small>{word}</small>",
            mark=reader.status_mark(row["status"]),
            name=named(say, "step", row["name"]),
            word=reader.status(row["status"]),
        )
        deadline = f"{reader.number(row['deadline_s'] / 60, 0)} min" if row["deadline_s"] else "–"
        lines.append((name, bar, deadline, said))
    table = reader.table([say("step"), say("seconds"), say("deadline"), say("said")], lines, right=(1, 2), wide=3) if rows else Html("")
    after = [f"{named(say, 'step', one['name'])}: {one['sentence']}" for one in document["run"]["after"]]
    return reader.section("steps", joined([table, reader.listed(say("after"), after)]))


def targets(document: Document, reader: Reader) -> Html:
    say, lines = reader.say, []
    for row in document["targets"]:
        mark = html('<i class="mark ok"></i>') if row["on_path"] else reader.mark(3)
        word = html('<span class="when">{m}{w}</span>', m=mark, w=say("on_path" if row["on_path"] else "behind"))
        lines.append((row["id"], word, reader.number(row["required"]), reader.number(row["actual"]), row["sentence"]))
    heads = [say("target"), "", say("required"), say("actual"), say("said")]
    return reader.section("targets", reader.table(heads, lines, right=(2, 3), wide=4) if lines else Html(""))


def ledger(document: Document, reader: Reader) -> Html:
    books, say = document["ledger"], reader.say
    if books is None:
        return reader.section("ledger", html("<p>{t}</p>", t=say("no_ledger")))
    told = say("ledger_said", entries=reader.number(books["entries"], 0), batches=books["batch"] + 1, day=books["posted_to"])
    return reader.section(
        "ledger", html('<p>{t}</p><p class="hash">{r}</p>', t=told, r=books["root"]), say("signed" if books["signed"] else "unsigned")
    )


def settings(document: Document, reader: Reader) -> Html:
    """Which city file the run read, who changed it last, and how it differs from that of the run before."""
    config, say = document["run"]["config"], reader.say
    by = say("settings_by", who=config["author"]) if config["author"] else ""
    changed = html("<h3>{t}</h3><pre>{c}</pre>", t=say("settings_changed"), c=config["changed"]) if config["changed"] else Html("")
    return reader.section("settings", html('<p class="hash">{h}</p>{c}', h=config["hash"], c=changed), by)
