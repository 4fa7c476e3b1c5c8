"""Calls of a programme: when they may be, what comes back, what they cost; small cases by hand, all of them against scipy."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from city.problems import PenstockError
from optimisation.inputs import Call, Lock, PlanInput
from optimisation.program import baseline, plan
from optimisation.response.calls import announced, events_of
from optimisation.response.programme import Programme

MIDNIGHT = datetime(2022, 6, 15, 22, tzinfo=UTC)  # a Thursday in Rome begins
WORKS = {"kind": "demand_response", "id": "works", "series": ["works"], "programme": "peak", "offered_kw": 10}
PEAK = {"id": "peak", "notice_h": 0, "shortest_h": 1, "longest_h": 2, "events_per_day": 1}


def programme(**more: Any) -> dict[str, Programme]:
    return {"peak": Programme(**(PEAK | more))}


def hour(h: float) -> datetime:
    return MIDNIGHT + timedelta(hours=h)


def test_the_dearest_hours_are_called_and_the_payment_is_owed(hours_of, assets_of, values):
    # Two hours at 5 and 4, the rest at 1; a call of 10 kW for both saves 90 and costs 20 kWh x 0.5 = 10.
    inputs = hours_of([1, 1, 5, 4, 1, 1], {"works": [50] * 6}, programmes=programme(payment_per_kwh=0.5))
    found = plan(inputs, assets_of(WORKS))
    assert values(found.plan, "works", "reduced_kw").tolist() == [0, 0, 10, 10, 0, 0]
    assert values(found.plan, "works", "called").tolist() == [0, 0, 1, 1, 0, 0]
    assert found.cost.demand_response == pytest.approx(10)
    idle = baseline(inputs, assets_of(WORKS))
    assert idle.cost.total - found.cost.total == pytest.approx(80)
    assert found.cost.total == pytest.approx(50 * 13 - 90 + 10)


def test_two_events_of_a_day_have_a_pause_between_them_also_where_nothing_comes_back(hours_of, assets_of, values):
    # Without it they would be one event of three hours or four, longer than allowed, paid for once and told as one.
    rules = programme(payment_per_kw=0.1, events_per_day=2)
    found = plan(hours_of([1, 5, 5, 5, 5, 1], {"works": [50] * 6}, programmes=rules), assets_of(WORKS), rel_gap=0)
    called = values(found.plan, "works", "called")
    assert max(len(run) for run in "".join(str(int(one)) for one in called).split("0")) <= 2
    assert found.cost.demand_response == pytest.approx(2 * 10 * 0.1)


def test_what_comes_back_is_bought_after_the_event(hours_of, assets_of, values):
    # 20 kWh are not taken at 5; half of it, 10 kWh, comes back over the two hours after: 5 kW each at 1.
    rules = programme(rebound_share=0.5, rebound_h=2)
    found = plan(hours_of([1, 5, 5, 1, 1, 1], {"works": [50] * 6}, programmes=rules), assets_of(WORKS))
    assert values(found.plan, "works", "rebound_kw").tolist() == [0, 0, 0, 5, 5, 0]
    assert values(found.plan, "works", "power_kw").tolist() == [50, 40, 40, 55, 55, 50]
    assert found.cost.energy == pytest.approx(50 * 14 - 100 + 10)


def test_energy_that_comes_back_after_the_horizon_is_not_free(hours_of, assets_of):
    # Without it the last hour would be called for 10 x (2 - 0). All 10 kWh come back later, at the mean price of 1.25: 7.5 are saved.
    rules = programme(rebound_share=1.0, rebound_h=4, longest_h=1)
    inputs = hours_of([1, 1, 1, 2], {"works": [50] * 4}, programmes=rules)
    found = plan(inputs, assets_of(WORKS))
    assert found.cost.storage == pytest.approx(12.5)
    assert baseline(inputs, assets_of(WORKS)).cost.total - found.cost.total == pytest.approx(7.5)


@pytest.mark.parametrize(
    ("rules", "more", "called"),
    [
        ({"notice_h": 3}, {}, [0, 0, 0, 1, 0, 0]),  # hours 0 to 2 are too soon
        ({"hours": ((4, 6),)}, {}, [0, 0, 0, 0, 1, 0]),
        ({"weekdays": ("mon", "fri")}, {}, [0] * 6),
        ({"season_from": "07-01", "season_until": "05-31"}, {}, [0] * 6),
        ({"season_from": "06-16", "season_until": "06-16"}, {}, [1, 0, 0, 0, 0, 0]),
        ({"events_per_season": 0}, {}, [0] * 6),
        ({"events_per_day": 2}, {}, [1, 0, 1, 0, 0, 0]),
        ({}, {"enrolled_from": date(2022, 6, 17)}, [0] * 6),
        ({"payment_per_kw": 1.0}, {}, [0] * 6),  # 10 kW x 1 is more than 10 kWh x 0.9 save
    ],
)
def test_a_rule_says_when_it_may_be_called(hours_of, assets_of, values, rules, more, called):
    prices = [0.9, 0.1, 0.8, 0.7, 0.6, 0.5]
    inputs = hours_of(prices, {"works": [50] * 6}, programmes=programme(longest_h=1, **rules))
    assert values(plan(inputs, assets_of(WORKS | more)).plan, "works", "called").tolist() == called


def test_events_left_come_from_the_state(hours_of, assets_of, values):
    rules = programme(events_per_day=2, longest_h=1)
    for state, called in (({}, [1, 0, 1]), ({"events_left": 1.0}, [0, 0, 1]), ({"events_left_today": 0.0}, [0, 0, 0])):
        inputs = hours_of([5, 1, 6], {"works": [50] * 3}, programmes=rules, state={"works": state})
        assert values(plan(inputs, assets_of(WORKS)).plan, "works", "called").tolist() == called


def test_an_announced_event_happens_whether_or_not_it_pays_also_when_nobody_plans(hours_of, assets_of, values):
    call = Call("works", hour(1), hour(3), 8.0)
    rules = programme(payment_per_kwh=2.0, payment_per_kw=0.5, rebound_share=0.5, rebound_h=1)
    inputs = hours_of([1] * 6, {"works": [50] * 6}, programmes=rules, calls=(call,))
    for found in (plan(inputs, assets_of(WORKS)), baseline(inputs, assets_of(WORKS))):
        assert values(found.plan, "works", "power_kw").tolist() == [50, 42, 42, 58, 50, 50]
        assert found.cost.demand_response == pytest.approx(16 * 2.0 + 10 * 0.5)
    lone = hours_of([9] * 6, {"works": [50] * 6}, programmes=programme(events_per_day=2, rebound_share=0.5, rebound_h=1), calls=(call,))
    found = values(plan(lone, assets_of(WORKS)).plan, "works", "called")
    assert found[1:3].tolist() == [1, 1]
    assert found[3] == 0  # energy still comes back


def test_an_event_under_way_when_the_plan_starts_still_gives_back_what_it_took_before(hours_of, assets_of, values):
    # Two hours before and one inside, 10 kW: 30 kWh; half over two hours: 7.5 kW.
    call = Call("works", hour(-2), hour(1), 10.0)
    inputs = hours_of([1] * 4, {"works": [50] * 4}, programmes=programme(rebound_share=0.5, rebound_h=2), calls=(call,))
    found = baseline(inputs, assets_of(WORKS))
    assert values(found.plan, "works", "power_kw").tolist() == [40, 57.5, 57.5, 50]


def test_calls_without_a_pause_are_one_event():
    calls = [Call("works", hour(2), hour(3), 4.0), Call("works", hour(1), hour(2), 8.0), Call("works", hour(5), hour(6), 8.0)]
    assert [len(event) for event in events_of(calls)] == [2, 1]


def test_a_hold_keeps_it_from_being_called(hours_of, assets_of, values):
    hold = Lock("works", "reduced_kw", 0.0, hour(1))
    inputs = hours_of([9, 2, 1], {"works": [50] * 3}, programmes=programme(longest_h=1), locks=(hold,))
    assert values(plan(inputs, assets_of(WORKS)).plan, "works", "reduced_kw").tolist() == [0, 10, 0]


def test_an_unknown_programme_is_a_sentence(hours_of, assets_of):
    with pytest.raises(PenstockError, match=r"asset works, programme 'peak': unknown; allowed: one of none defined"):
        plan(hours_of([1], {"works": [1]}), assets_of(WORKS))


def test_days_out_of_enrolment_are_told(hours_of, assets_of):
    inputs = hours_of([1] * 30, {"works": [50] * 30}, programmes=programme())
    found = plan(inputs, assets_of(WORKS | {"enrolled_until": date(2022, 6, 16)}))
    assert "works is not enrolled in peak on 2022-06-17." in found.notes


def oracle(prices: np.ndarray, offer: np.ndarray, rules: Programme, day: np.ndarray) -> float:
    """Most that calls can save, by scipy: one binary per call of hours [s, s + d), written anew from the rules."""
    T, R, events = len(prices), int(rules.rebound_h), []
    for s in range(T):
        for d in range(int(rules.shortest_h), int(rules.longest_h) + 1):
            if s >= rules.notice_h and s + d <= T:
                energy = offer[s : s + d].sum()
                owed = rules.rebound_share * energy / max(R, 1)
                later = [prices[t] if t < T else prices.mean() for t in range(s + d, s + d + R)]
                worth = prices[s : s + d] @ offer[s : s + d] - owed * sum(later) - rules.payment_per_kwh * energy
                events.append((s, d, worth))
    if not events:
        return 0.0
    busy = np.zeros((T, len(events)))
    starts = np.zeros((int(day.max()) + 1, len(events)))
    for k, (s, d, _) in enumerate(events):
        busy[s : s + d + (R if rules.rebound_share > 0 else 1), k] = 1  # a pause keeps two calls apart
        starts[day[s], k] = 1
    limits = [
        LinearConstraint(busy, ub=1),
        LinearConstraint(starts, ub=rules.events_per_day),
        LinearConstraint(np.ones(len(events)), ub=rules.events_per_season),
    ]
    found = milp([-w for *_, w in events], integrality=np.ones(len(events)), bounds=Bounds(0, 1), constraints=limits)
    return float(-found.fun)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rules=st.fixed_dictionaries(
        {
            "notice_h": st.integers(0, 5),
            "longest_h": st.integers(1, 4),
            "rebound_share": st.sampled_from([0.0, 0.5, 1.2]),
            "rebound_h": st.integers(1, 3),
            "events_per_day": st.integers(1, 3),
            "events_per_season": st.integers(1, 4),
            "payment_per_kwh": st.sampled_from([0.0, 0.3]),
        }
    ),
)
def test_the_plan_saves_exactly_what_scipy_finds(seed, rules):
    from optimisation.assets import ASSETS

    rng = np.random.default_rng(seed)
    prices, load = rng.uniform(0.1, 2.0, 30).round(3), rng.uniform(0, 30, 30).round(2)
    inputs = PlanInput(
        start_utc=MIDNIGHT,
        zone="Europe/Rome",
        series={"works": {"p50": load}},
        import_price_per_kwh=prices,
        export_price_per_kwh=np.zeros(30),
        intensity_kg_per_kwh=np.zeros(30),
        state={},
        steps=30,
        step_s=3600,
        programmes=programme(**rules),
    )
    assets = ASSETS.validate_python([{"kind": "grid", "id": "grid", "connection_kw": 1000}, WORKS])
    found = plan(inputs, assets, rel_gap=1e-9)
    saved = baseline(inputs, assets).cost.total - found.cost.total
    assert saved == pytest.approx(oracle(prices, np.minimum(10, load), programme(**rules)["peak"], inputs.days), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(-8, 20), st.integers(1, 6), st.floats(0.5, 10)), max_size=3),
    share=st.sampled_from([0.0, 0.4, 1.0]),
)
def test_what_is_taken_less_comes_back_in_its_share_to_the_last_kwh(spans, share):
    """Energy: reduced x share = what comes back inside the horizon + beyond it + before it."""
    rules = Programme(**(PEAK | {"rebound_share": share, "rebound_h": 3}))
    calls = [Call("works", hour(s), hour(s + d), kw) for s, d, kw in spans]
    inputs = PlanInput(MIDNIGHT, "Europe/Rome", {}, np.zeros(24), np.zeros(24), np.zeros(24), {}, steps=24, step_s=3600)
    told = announced(inputs, rules, calls, np.full(24, 100.0))
    owed = before = 0.0
    for event in events_of(calls):
        end = max(c.end_utc for c in event)
        energy = sum(c.reduce_kw * (min(c.end_utc, hour(24)) - c.start_utc).total_seconds() / 3600 for c in event if c.start_utc < hour(24))
        owed += share * energy
        before += share * energy / 3 * min(3.0, max(0.0, (MIDNIGHT - end).total_seconds() / 3600))
    assert told.rebound_kw.sum() + told.beyond_kwh + before == pytest.approx(owed)


def test_an_announced_event_uses_up_its_own_day(hours_of, assets_of, values):
    call = Call("works", hour(30), hour(31), 5.0)  # on the second day
    inputs = hours_of([5] * 48, {"works": [50] * 48}, programmes=programme(longest_h=1), calls=(call,))
    called = values(plan(inputs, assets_of(WORKS)).plan, "works", "called")
    assert (called[:24].sum(), called[24:].sum(), called[30]) == (1, 1, 1)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), announced_at=st.integers(-3, 29))
def test_the_account_of_a_plan_is_the_objective_and_every_kwh_is_counted(seed: int, announced_at: int) -> None:
    from optimisation import matrix, solve
    from optimisation.assets import ASSETS
    from optimisation.program import formulate

    rng = np.random.default_rng(seed)
    load = rng.uniform(0, 30, 30).round(2)
    rules = programme(rebound_share=0.7, rebound_h=2, payment_per_kwh=0.2, payment_per_kw=0.1, events_per_day=2)
    inputs = PlanInput(
        start_utc=MIDNIGHT,
        zone="Europe/Rome",
        series={"works": {"p50": load}},
        import_price_per_kwh=rng.uniform(0.1, 2.0, 30),
        export_price_per_kwh=np.zeros(30),
        intensity_kg_per_kwh=np.full(30, 0.5),
        carbon_price_per_t=60.0,
        state={},
        steps=30,
        step_s=3600,
        programmes=rules,
        calls=(Call("works", hour(announced_at), hour(announced_at + 2), 6.0),),
    )
    assets = ASSETS.validate_python([{"kind": "grid", "id": "grid", "connection_kw": 1000}, WORKS])
    model = formulate(inputs, assets)
    found = plan(inputs, assets, rel_gap=1e-9)
    objective = solve.solved(matrix.compiled(model).arrays, rel_gap=1e-9).objective + model.constant
    assert found.cost.total == pytest.approx(objective, rel=1e-7, abs=1e-7)
    rows = found.plan[found.plan.asset_id == "works"].pivot_table(index="time_utc", columns="quantity", values="value")
    assert (rows.power_kw + rows.reduced_kw - rows.rebound_kw).to_numpy() == pytest.approx(load)
    assert (rows.power_kw >= -1e-6).all()
