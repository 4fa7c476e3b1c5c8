"""What stands beside the plan on the Tonight page: what-ifs asked and answered, trade-offs, what is in force."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from console.words import WORDS
from optimisation.assets import KINDS
from service import schema as t
from service.store import open_store, operations, results, writing
from tests.console.test_console_pages import PLAN, opened, text

AT = datetime(2022, 6, 15, 22, 31, tzinfo=UTC)


def test_a_planner_asks_what_if_and_the_request_says_what(city: Path) -> None:
    at = opened("tonight", "planner", tab="what_if")
    at.button(key="what_if_ask").click().run()
    assert not at.exception
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    row = results.rows(engine, t.request, t.request.c.kind == "what-if")[0]
    assert (row.who, row.state) == ("planner", "waiting")
    price = {"kind": "price", "factor": 1.2, "start": "18:00", "end": "21:00"}
    assert row.detail == {"plan_id": PLAN, "changes": [price]}


def test_a_viewer_reads_what_ifs_and_cannot_ask(city: Path) -> None:
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    answer = {"plan_id": PLAN, "at_utc": AT, "who": "ann", "changes": [], "sentence": "import price x 1.2", "status": "optimal"}
    told = {"peak_kw": 300.0, "differences": ["battery-01: 5 kWh differ"], "reasons": [], "breaches": []}
    with writing(engine) as connection:
        connection.execute(t.what_if.insert().values(**answer, cost=950.0, co2_kg=1900.0, detail=told))
    at = opened("tonight", "viewer", tab="what_if")
    seen = text(at)
    assert "import price x 1.2" in seen
    assert "battery-01: 5 kWh differ" in seen
    assert "Operators and planners can ask" in seen
    assert "what_if_ask" not in [button.key for button in at.button]


@pytest.mark.parametrize(("language", "words"), [("en", "Plan at this point"), ("zh", "按此点重新计划")])
def test_a_point_between_cost_and_peak_is_chosen_and_asked_for(city: Path, language: str, words: str) -> None:
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    point = {"plan_id": PLAN, "trade": "peak_kw", "status": "optimal", "co2_kg": 2000.0}
    with writing(engine) as connection:
        connection.execute(t.pareto.insert(), [point | {"ordinal": i, "cost": 900.0 + 10 * i, "peak_kw": 320.0 - 40 * i} for i in range(3)])
    at = opened("tonight", language=language, tab="what_if")
    assert words in text(at)
    at.selectbox(key="pareto_point_peak_kw").select_index(2).run()
    at.button(key="pareto_plan_peak_kw").click().run()
    asked = results.rows(engine, t.request, t.request.c.kind == "replan", order=t.request.c.request_id)[-1]
    assert asked.detail == {"plan_id": PLAN, "caps": {"peak_kw": 240.0}}


def test_a_plan_that_is_not_approved_names_the_one_in_force(city: Path) -> None:
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    operations.approve(engine, PLAN, "ann", AT, "")
    (row,) = results.rows(engine, t.plan)
    newer = dict(row._mapping) | {"plan_id": "plan-20220616-1", "made_at_utc": datetime(2022, 6, 16, 0, 1, tzinfo=UTC)}
    with writing(engine) as connection:
        connection.execute(t.plan.insert().values(newer | {"status": "impossible", "cost": None, "co2_kg": None}))
        values = results.rows(engine, t.plan_value)
        connection.execute(t.plan_value.insert(), [dict(one._mapping) | {"plan_id": "plan-20220616-1"} for one in values])
    seen = text(opened("tonight"))
    assert f"No plan is possible as asked; the approved plan {PLAN} stays in force." in seen


def test_who_approves_a_plan_sees_whom_that_calls(city: Path) -> None:
    engine, start = open_store(f"sqlite:///{city / 'penstock.db'}"), AT + timedelta(hours=2)
    event = {"programme": "peak", "asset_id": "works", "signal": "reduce_kw", "amounts": [], "state": "proposed", "origin": "plan"}
    when = {"start_utc": start, "end_utc": start + timedelta(hours=3), "call_by_utc": AT + timedelta(hours=1), "made_at_utc": AT}
    with writing(engine) as connection:
        connection.execute(t.response_event.insert().values(**event, **when, plan_id=PLAN, who="plan", reason=""))
    assert "Approving also calls works for demand response from 2022-06-16 02:31" in text(opened("tonight"))


def test_every_planned_quantity_has_its_word_in_both_languages() -> None:
    planned = {quantity for kind in KINDS for quantity in kind.planned}
    assert [quantity for quantity in sorted(planned) if not all(WORDS.get(f"word_{quantity}", ()))] == []
