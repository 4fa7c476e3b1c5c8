"""Carbon: targets against their paths, emissions by month, down to the single entry, and the statements to take away."""

from html import escape

import streamlit as st

from console import charts, data, look
from console.guard import guarded
from console.words import language, say
from service.decisions import Person
from service.view.books import Standing

GROUPS = {"by_sector": "sector", "by_scope": "scope", "by_activity": "activity"}


def page(_person: Person) -> None:
    """The page of the planner and the auditor."""
    guarded(_targets)
    head = data.head()
    if head is None:
        look.banner(say("no_ledger"), None)
        return
    guarded(_emissions)
    guarded(_drill)
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        guarded(_statements)
    with right:
        look.heading("root", f"{head.entries:,} {say('entries')} · {head.number + 1} {say('batches')} · {head.day}")
        st.html(f'<div class="banner"><div class="hash">{escape(head.root)}</div><div class="under">{escape(say("root_note"))}</div></div>')


def _targets() -> None:
    found = data.standings()
    if not found:
        return
    look.heading("targets")
    columns = st.columns(min(len(found), 4))
    for i, standing in enumerate(found):
        with columns[i % len(columns)]:
            _target(standing)


def _target(standing: Standing) -> None:
    year = data.now().local(data.now().now_utc).year
    unit = "%" if standing.is_share else standing.unit
    factor = 100 if standing.is_share else 1
    if standing.actual is None or standing.required is None:
        look.cards([look.card(say(standing.measure), "–", unit, [say("no_progress"), standing.target_id])])
    else:
        verdict = say("on_path") if standing.on_path else say("off_path")
        lines = [f"{say('required')} {look.number(standing.required * factor)} {unit} · {year}", verdict]
        priority = None if standing.on_path else 3
        look.cards([look.card(say(standing.measure), look.number(standing.actual * factor), unit, lines, priority=priority)])
    years, required = zip(*standing.path, strict=True)
    actual = (year, standing.actual) if standing.actual is not None else None
    charts.path(years, required, actual, standing.is_share, f"path_{standing.target_id}", standing.target_id)
    if standing.sentence:
        st.caption(standing.sentence)


def _emissions() -> None:
    sums = data.sums()
    look.heading("emissions", "t CO2e")
    group = st.segmented_control(
        say("emissions"),
        list(GROUPS),
        default="by_sector",
        format_func=say,
        key="carbon_group",
        label_visibility="collapsed",
        required=True,
    )
    column = GROUPS[group or "by_sector"]
    named = sums.assign(group=sums[column].map(lambda value: _group(column, value)))
    made = named.groupby(["period", "group"])["t"].sum().unstack(fill_value=0.0).sort_index()
    made = made.loc[:, made.abs().sum() > 0]
    left, right = st.columns([1.4, 1], gap="medium")
    with left:
        charts.bars(list(made.index), {str(name): made[name] for name in made.columns}, "t CO2e", "emissions", say("emissions"), height=320)
    with right:
        table = named.groupby(["period", "group"], as_index=False)["t"].sum().sort_values(["period", "t"], ascending=[False, False])
        look.table(table, {"period": "period", "group": column, "t": "tonnes"}, "emissions", formats={"t": "%.2f"}, height=320)


def _group(column: str, value: object) -> str:
    """A sector by its name, a scope with its word, an activity as it is called on statements."""
    if column == "scope":
        return f"{say('scope')} {value}"
    for sector in data.station().city.settings.sectors if column == "sector" else ():
        if sector.id == value:
            return (sector.name_zh if language() == "zh" else sector.name) or sector.id
    return str(value)


def _drill() -> None:
    look.heading("drill")
    accounts = {account.id: account for account in data.station().city.settings.accounts}
    picked = st.selectbox(
        say("account"), list(accounts), format_func=lambda name: f"{name} · {accounts[name].activity_name}", key="account", width=420
    )
    if picked is None:
        return
    columns = {
        "period_start_utc": "time",
        "activity": "activity",
        "amount": "amount_stored",
        "kg": "kg",
        "rule_id": "factor",
        "kind": "kind",
        "state": "quality",
        "entry_id": "entry",
    }
    look.table(data.entries(picked), columns, f"entries-{picked}", formats={"kg": "%.3f"})


def _statements() -> None:
    look.heading("statements")
    files = data.statements()
    if not files:
        look.banner(say("no_statements"), None)
        return
    folder = data.station().city.folder / "reports"
    for row in range(0, len(files), 2):
        for path, place in zip(files[row : row + 2], st.columns(2), strict=False):
            name = str(path.relative_to(folder))
            size = path.stat().st_size
            label = f"{name} · {size / 1024:,.0f} kB"
            place.download_button(
                label, path.read_bytes(), name.replace("/", "-"), key=f"statement_{name}", on_click="ignore", width="stretch"
            )
