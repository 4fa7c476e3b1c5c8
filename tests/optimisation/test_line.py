"""Lines and transformers between balances, on feeders solved on paper."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from optimisation.assets import ASSETS
from optimisation.program import PlanInput, baseline, plan

TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}
FEEDER = {"kind": "fixed_load", "id": "feeder", "series": ["feeder"], "balance": "feeder"}
LINE = {"kind": "line", "id": "line", "to_balance": "feeder", "rating_kw": 100}
SUN = {"kind": "curtailable", "id": "sun", "series": ["sun"], "balance": "feeder"}


def test_a_lossy_line_sends_what_its_end_takes_and_what_is_lost(assets_of, hours_of, values):
    # 45 kW at the end of a line that loses a tenth: 50 kW are sent, the town takes 20 more.
    inputs, assets = hours_of([0.2], {"town": [20], "feeder": [45]}), assets_of(TOWN, FEEDER, LINE | {"loss_share": 0.1})
    for done in (plan(inputs, assets), baseline(inputs, assets)):
        assert values(done.plan, "line", "power_kw") == pytest.approx([50])
        assert values(done.plan, "grid", "power_kw") == pytest.approx([70])
        assert done.cost.total == pytest.approx(14)
    price = plan(inputs, assets).price.set_index("balance_id").currency_per_unit
    assert price["feeder"] == pytest.approx(0.2 / 0.9)  # a kWh at the end costs what is lost on the way


def test_sun_behind_the_line_flows_back_through_it(assets_of, hours_of, values):
    # 80 kW of sun less 30 kW taken at the feeder: 50 kW are sent back, 45 arrive for the town's 60.
    inputs = hours_of([0.2], {"town": [60], "feeder": [30], "sun": [80]})
    assets = assets_of(TOWN, FEEDER, SUN, LINE | {"loss_share": 0.1, "price_per_kwh": 0.01})
    for done in (plan(inputs, assets), baseline(inputs, assets)):
        assert values(done.plan, "line", "power_kw") == pytest.approx([-50])
        assert values(done.plan, "grid", "power_kw") == pytest.approx([15])
        assert done.cost.total == pytest.approx(15 * 0.2 + 50 * 0.01)


def test_what_a_line_cannot_carry_back_is_curtailed(assets_of, hours_of, values):
    inputs = hours_of([0.2], {"town": [60], "feeder": [30], "sun": [80]})
    assets = assets_of(TOWN, FEEDER, SUN, LINE | {"reverse_kw": 20})
    done = plan(inputs, assets)
    assert values(done.plan, "sun", "power_kw") == pytest.approx([50])
    assert values(done.plan, "line", "power_kw") == pytest.approx([-20])
    idle = baseline(inputs, assets)
    assert [b.sentence for b in idle.breaches] == [
        "line carries back up to 30 kW above the rating of 20 kW in 1 steps, first at 2022-06-16 00:00: 30.0 kWh."
    ]


def test_a_feeder_that_asks_for_more_than_its_transformer_carries_is_named(assets_of, hours_of):
    done = plan(hours_of([0.2, 0.2], {"feeder": [90, 120]}), assets_of(FEEDER, LINE))
    assert done.status == "impossible"
    assert any("line: carries at most 100 kW (2022-06-16 01:00 to 2022-06-16 02:00)" in reason for reason in done.reasons)


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_no_line_flows_both_ways_where_wasting_would_pay(assets_of, hours_of, values, loss):
    # Sun that must be taken, no export: a lossy line could burn it by sending it to and fro.
    assets = assets_of(
        {"kind": "grid", "id": "grid", "connection_kw": 1000, "export_limit_kw": 1000},
        FEEDER,
        TOWN,
        SUN | {"least_share": 1.0},
        LINE | {"loss_share": loss},
    )
    inputs = hours_of([-0.1, 0.2], {"town": [10, 10], "feeder": [5, 5], "sun": [60, 60]}, export_price_per_kwh=np.array([-0.5, -0.5]))
    done = plan(inputs, assets)
    assert done.status == "optimal"
    assert values(done.plan, "line", "power_kw") == pytest.approx([-55, -55])
    assert values(done.plan, "grid", "power_kw") == pytest.approx([10 - 55 * (1 - loss)] * 2)


def test_a_tie_between_two_fed_balances_stays_open_until_it_is_worth_closing(assets_of, hours_of, values):
    # The second connection is dearer by 0.1: in the plan the tie brings its load, unplanned each grid feeds its own.
    assets = assets_of(
        {"kind": "grid", "id": "grid", "connection_kw": 1000},
        {"kind": "grid", "id": "second", "connection_kw": 1000, "balance": "feeder", "surcharge_per_kwh": 0.1},
        TOWN,
        FEEDER,
        LINE | {"rating_kw": 25},
    )
    inputs = hours_of([0.2], {"town": [20], "feeder": [45]})
    assert values(baseline(inputs, assets).plan, "line", "power_kw") == pytest.approx([0])
    done = plan(inputs, assets)
    assert values(done.plan, "line", "power_kw") == pytest.approx([25])
    assert values(done.plan, "second", "power_kw") == pytest.approx([20])


def test_a_line_between_a_balance_and_itself_is_refused(assets_of):
    with pytest.raises(ValidationError, match="a line joins two"):
        assets_of(LINE | {"to_balance": "electricity"})


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.permutations([0, 1, 2, 3]), st.lists(st.floats(-50, 50), min_size=4, max_size=4), st.floats(0, 0.2))
def test_doing_nothing_leaves_no_balance_open_in_any_order_of_the_file(order, lacks, loss):
    # A chain electricity - a - b, with two parallel lines to c behind b, one of them written the wrong way round.
    ends = [("electricity", "a"), ("a", "b"), ("b", "c"), ("c", "b")]
    lines = [
        {"kind": "line", "id": f"line-{i}", "from_balance": ends[i][0], "to_balance": ends[i][1], "rating_kw": 10 + i, "loss_share": loss}
        for i in order
    ]
    names = ["electricity", "a", "b", "c"]
    loads = [{"kind": "fixed_load", "id": f"load-{b}", "series": [b], "balance": b} for b in names]
    assets = ASSETS.validate_python([{"kind": "grid", "id": "grid", "connection_kw": 1000}, *lines, *loads])
    inputs = PlanInput(
        start_utc=datetime(2022, 6, 15, 22, tzinfo=UTC),
        zone="Europe/Rome",
        series={b: {"p50": np.array([x])} for b, x in zip(names, lacks, strict=True)},
        import_price_per_kwh=np.array([0.2]),
        export_price_per_kwh=np.array([0.1]),
        intensity_kg_per_kwh=np.array([0.5]),
        state={},
        steps=1,
        step_s=3600,
    )
    at = {row.asset_id: row.value for row in baseline(inputs, assets).plan.itertuples() if row.quantity == "power_kw"}
    flows = {b: -x for b, x in zip(names, lacks, strict=True)}
    flows["electricity"] += at["grid"]
    for i in order:
        one, other = ends[i]
        sent = at[f"line-{i}"]
        flows[one] += (1 - loss) * max(-sent, 0) - max(sent, 0)
        flows[other] += (1 - loss) * max(sent, 0) - max(-sent, 0)
    assert list(flows.values()) == pytest.approx([0] * 4, abs=1e-9)
