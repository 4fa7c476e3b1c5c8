"""Carbon: the year at a glance, targets with their odds, why the total moved, both views of scope 2, and every number's proof."""

from functools import partial

import streamlit as st

from console import charts, data, look
from console.carbon import proof as carbon_proof
from console.carbon import statements as carbon_statements
from console.carbon import targets as carbon_targets
from console.carbon import why as carbon_why
from console.guard import guarded
from console.words import say
from service.decisions import Person

GROUPS = {"by_sector": "sector", "by_scope": "scope", "by_activity": "activity"}


def page(person: Person) -> None:
    """The page of the planner and the auditor."""
    if data.head() is None:
        guarded(carbon_targets.section)
        look.banner(say("no_ledger"), None)
        return
    for part in (_glance, carbon_targets.section, carbon_why.drivers, _emissions, carbon_why.scope2, carbon_why.measures):
        guarded(part)
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        guarded(carbon_proof.explain)
        guarded(_drill)
    with right:
        guarded(partial(carbon_proof.closed, person))
        guarded(carbon_proof.root)
        guarded(carbon_statements.section)


def _glance() -> None:
    """The year so far, against the same days of the year before; how complete, how sound."""
    year, chain = data.glance(), data.chain()
    if year is None or chain is None:
        return
    look.heading("carbon_year", say("carbon_total", year=year.year, day=year.last_day))
    lines = [say("carbon_days", days=year.days)]
    if year.before_t:
        change = year.t - year.before_t
        word = say("carbon_less" if change < 0 else "carbon_more")
        share = f"{abs(change) / year.before_t:.1%} {word}"
        lines.append(f"{say('carbon_before', year=year.year - 1)}: {look.number(year.before_t)} t · {share}")
    made = [look.card("CO2e", look.number(year.t), "t", lines)]
    made += [look.card(f"{say('scope')} {scope}", look.number(t), "t", [f"{t / year.t:.1%}"]) for scope, t in year.by_scope]
    low = year.usable < float(data.station().city.settings.carbon.completeness)
    made.append(look.card(say("carbon_usable"), f"{100 * year.usable:.1f}", "%", [say("carbon_usable_note")], priority=3 if low else None))
    key = say("carbon_signed", public=chain.public_key[:12]) if chain.public_key else say("carbon_unsigned")
    made.append(look.card(say("carbon_chain"), carbon_proof.state(chain), "", [key, chain.root[:16]], priority=1 if chain.faults else None))
    look.cards(made)


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
    return look.sector(str(value)) if column == "sector" else str(value)


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
