"""Taking less: interruptions with a length, lamps with levels, sun and wind with a ramp."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from optimisation.program import Lock, baseline, plan

MILL = {
    "kind": "interruptible",
    "id": "mill",
    "series": ["mill"],
    "max_curtail_share": 0.5,
    "budget_kwh_per_day": 500,
    "payment_per_kwh": 0.2,
}
LAMPS = {
    "kind": "street_lights",
    "id": "lamps",
    "series": ["lamps"],
    "dimmable_share": 0.5,
    "dim_from_local": "00:00",
    "dim_until_local": "12:00",
}
quiet = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def test_load_without_a_shortest_interruption_flickers_and_one_with_it_does_not(assets_of, hours_of, values):
    """Taking 50 kW off saves 15 an hour at 0.5 and costs 5 at 0.1: three hours over both peaks are worth more than none."""
    inputs = hours_of([0.1, 0.5, 0.1, 0.5, 0.1, 0.1], {"mill": [100] * 6})
    off = lambda **more: values(plan(inputs, assets_of(MILL | more), rel_gap=1e-9).plan, "mill", "interrupted_kw")  # noqa: E731
    assert off() == pytest.approx([0, 50, 0, 50, 0, 0])
    assert off(shortest_h=3) == pytest.approx([0, 50, 50, 50, 0, 0])
    assert off(rest_h=2) == pytest.approx([0, 50, 50, 50, 0, 0])
    assert (off(longest_h=1, rest_h=2) > 0).sum() == 1
    assert off(shortest_h=3, notice_h=3) == pytest.approx([0, 0, 0, 50, 50, 50])  # 15 saved at hour 3, 5 lost at 4 and at 5
    assert off(shortest_h=3, notice_h=4) == pytest.approx([0] * 6)
    assert off(max_per_day=1) == pytest.approx([0, 50, 50, 50, 0, 0])


@settings(max_examples=15, **quiet)
@given(st.lists(st.integers(0, 6), min_size=10, max_size=10), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3))
def test_interruptions_cost_what_trying_every_pattern_finds(assets_of, hours_of, price, shortest, more, rest):
    price = np.array(price) / 10
    mill = MILL | {"shortest_h": shortest, "longest_h": shortest + more, "rest_h": rest}
    done = plan(hours_of(price, {"mill": [100] * 10}), assets_of(mill), rel_gap=1e-9)
    best = np.inf
    for pattern in product((0, 1), repeat=10):
        text = "".join(map(str, pattern))
        runs = [len(part) for part in text.split("0") if part]
        whole = all(shortest <= n <= shortest + more for n in runs) or (
            text.endswith("1") and all(shortest <= n <= shortest + more for n in runs[:-1]) and runs[-1] <= shortest + more
        )
        rests = [len(part) for part in text.strip("0").split("1") if part]
        if whole and all(n >= rest for n in rests):
            best = min(best, float((price * 100 - np.array(pattern) * 50 * (price - 0.2)).sum()))
    assert done.cost.total == pytest.approx(best)


def test_interruption_under_way_lasts_its_shortest_time(assets_of, hours_of, values):
    inputs = hours_of([0.1] * 4, {"mill": [100] * 4}, state={"mill": {"interrupted": 1.0, "since_steps": 1.0}})
    done = plan(inputs, assets_of(MILL | {"shortest_h": 3}), rel_gap=1e-9)
    assert values(done.plan, "mill", "interrupted_kw") == pytest.approx([50, 50, 0, 0])
    with pytest.raises(ValidationError, match=r"longest_h 1\.0 lies below shortest_h 2\.0"):
        assets_of(MILL | {"shortest_h": 2, "longest_h": 1})


def test_what_the_day_has_seen_is_taken_off_its_budget_hours_and_number(assets_of, hours_of, values):
    # 100 kW may be taken off: 150 of 250 kWh are left, or 1 of 3 hours, or no second interruption.
    inputs = hours_of([0.9] * 4, {"mill": [200] * 4})
    for spent, more, cut in (
        ({"kwh_today": 100.0}, {"budget_kwh_per_day": 250}, 150),
        ({"hours_today": 2.0}, {"max_hours_per_day": 3}, 100),
        ({"starts_today": 1.0}, {"max_per_day": 1}, 0),
    ):
        done = plan(replace(inputs, state={"mill": spent}), assets_of(MILL | more))
        assert values(done.plan, "mill", "interrupted_kw").sum() == pytest.approx(cut)


def test_interruption_under_way_ends_with_the_budget_of_the_day(assets_of, hours_of, values):
    # One hour of three is over, and the load has grown: 100 kWh for each of the two that remain, 150 kWh are left.
    inputs = hours_of([0.1] * 4, {"mill": [200] * 4}, state={"mill": {"interrupted": 1.0, "since_steps": 1.0, "kwh_today": 50.0}})
    done = plan(inputs, assets_of(MILL | {"shortest_h": 3, "budget_kwh_per_day": 200}))
    assert values(done.plan, "mill", "interrupted_kw") == pytest.approx([100, 0, 0, 0])


def test_lamps_stay_at_a_level_and_give_the_least_light_of_the_hour(assets_of, hours_of, values):
    """100 kW; dimming to 0.7 or 0.5 pays 0.3 - 0.1 per kWh at the dear hours and loses 0.05 at the cheap one."""
    inputs = hours_of([0.3, 0.05, 0.3, 0.3, 0.3, 0.3], {"lamps": [100] * 6})
    dimmed = lambda **more: values(plan(inputs, assets_of(LAMPS | more), rel_gap=1e-9).plan, "lamps", "dimmed_kw")  # noqa: E731
    assert dimmed() == pytest.approx([50, 0, 50, 50, 50, 50])
    assert dimmed(levels=[0.7, 0.5]) == pytest.approx([50, 0, 50, 50, 50, 50])
    assert dimmed(levels=[0.7, 0.5], shortest_level_h=2) == pytest.approx([50, 50, 50, 50, 50, 50])
    bright = {"from_local": "02:00", "until_local": "04:00", "least_share": 0.6}
    assert dimmed(least=[bright]) == pytest.approx([50, 0, 40, 40, 50, 50])
    assert dimmed(least=[bright], levels=[0.7, 0.5]) == pytest.approx([50, 0, 30, 30, 50, 50])
    assert dimmed(dimmable_share=0.4, levels=[0.5]) == pytest.approx([0] * 6)


def test_lamps_keep_the_level_they_are_at(assets_of, hours_of, values):
    inputs = hours_of([0.05] * 4, {"lamps": [100] * 4}, state={"lamps": {"light_share": 0.5, "since_steps": 1.0}})
    done = plan(inputs, assets_of(LAMPS | {"levels": [0.5], "shortest_level_h": 3}), rel_gap=1e-9)
    assert values(done.plan, "lamps", "dimmed_kw") == pytest.approx([50, 50, 0, 0])


def test_lamps_whose_dimming_hours_end_are_let_off_their_level(assets_of, hours_of, values):
    inputs = hours_of([0.3] * 4, {"lamps": [100] * 4}, state={"lamps": {"light_share": 0.5, "since_steps": 1.0}})
    done = plan(inputs, assets_of(LAMPS | {"levels": [0.5], "shortest_level_h": 4, "dim_until_local": "02:00"}), rel_gap=1e-9)
    assert values(done.plan, "lamps", "dimmed_kw") == pytest.approx([50, 50, 0, 0])


@pytest.mark.parametrize(
    ("more", "said"), [({"levels": [1.2]}, "at least 0 and below 1"), ({"shortest_level_h": 1}, "shortest_level_h needs levels")]
)
def test_levels_that_cannot_be_are_told(assets_of, more, said):
    with pytest.raises(ValidationError, match=said):
        assets_of(LAMPS | more)


SUN = {"kind": "curtailable", "id": "sun", "series": ["sun"], "ramp_kw_per_h": 20}
FLAT = {"kind": "grid", "id": "grid", "connection_kw": 1000, "export_limit_kw": 0}
TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}


def test_ramp_limits_what_the_plan_orders_and_not_what_the_sun_does(assets_of, hours_of, values):
    """The town takes nothing in hour 2: without a ramp the plant stops and comes back at once. The sun itself falls by 100 at the end."""
    inputs = hours_of([0.1] * 5, {"sun": [100, 100, 100, 100, 0], "town": [100, 100, 50, 100, 100]})
    free = values(plan(inputs, assets_of(FLAT, TOWN, SUN | {"ramp_kw_per_h": None})).plan, "sun", "power_kw")
    held = values(plan(inputs, assets_of(FLAT, TOWN, SUN)).plan, "sun", "power_kw")
    assert free == pytest.approx([100, 100, 50, 100, 0])
    assert held == pytest.approx([90, 70, 50, 70, 0])


def test_plant_that_is_held_falls_at_once_and_rises_by_its_ramp(assets_of, hours_of, values):
    inputs = hours_of([0.2] * 4, {"sun": [50] * 4, "town": [90] * 4}, state={"sun": {"power_kw": 50.0}})
    until = inputs.times[2].to_pydatetime()
    assets = assets_of(
        {"kind": "fixed_load", "id": "town", "series": ["town"]},
        {"kind": "curtailable", "id": "sun", "series": ["sun"], "ramp_kw_per_h": 20},
    )
    done = plan(replace(inputs, locks=(Lock("sun", "command_kw", 0.0, until),)), assets)
    assert done.status == "optimal"
    assert values(done.plan, "sun", "power_kw") == pytest.approx([0, 0, 20, 40])


def test_plant_without_a_setpoint_may_still_rise_and_fall_as_it_does(assets_of, hours_of, values):
    inputs = hours_of([0.1] * 4, {"sun": [0, 80, 100, 0]}, state={"sun": {"power_kw": 60.0}})
    done = plan(inputs, assets_of(SUN | {"least_share": 1.0}))
    assert done.status == "optimal"
    assert values(done.plan, "sun", "power_kw") == pytest.approx([0, 80, 100, 0])


def test_curtailed_energy_is_counted(assets_of, hours_of):
    inputs = hours_of([0.1] * 2, {"sun": [100, 100], "town": [40, 100]})
    done = plan(inputs, assets_of(FLAT, TOWN, SUN | {"ramp_kw_per_h": None}))
    assert done.curtailed_kwh == pytest.approx(60)
    assert baseline(inputs, assets_of(FLAT, TOWN, SUN)).curtailed_kwh == 0
