"""Real losses per month on a town made here: a leak of 20 m3/h under a demand that follows its weekly pattern, more or less."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import wntr

from city import quality as q
from city.frames import Block
from city.problems import PenstockError
from city.quantities import Quantity
from networks.losses.areas import area_inflow, hourly, metered_areas
from networks.losses.evidence import align
from networks.losses.monthly import Errors, real_losses
from networks.losses.nominal import bases, customers, learned_patterns, nominal_patterns, week
from networks.network import Network

START = datetime(2026, 3, 1, tzinfo=UTC)  # a Sunday
HOURS = 61 * 24
LEAK = 20.0
HOUSES = [f"h{i}" for i in range(40)]


def pattern() -> np.ndarray:
    """A week from Monday 00:00: quiet nights, two peaks, late and flat weekends."""
    hour, day = np.arange(168) % 24, np.arange(168) // 24
    late = 2 * (day >= 5)
    peaks = np.exp(-(((hour - 8 - late) / 2) ** 2)) + 0.8 * np.exp(-(((hour - 19) / 3) ** 2))
    made = 0.35 + peaks * np.where(day >= 5, 0.8, 1.0)
    return made / made.mean()


def town(first: int = 0, shape: np.ndarray | None = None) -> Network:
    """A reservoir, a pump station with a tank behind, 40 houses of 2.5 m3/h; the INP's week begins on weekday `first`."""
    model = wntr.network.WaterNetworkModel()
    model.add_pattern("week", list(np.roll(pattern() if shape is None else shape, -24 * first)))
    model.options.time.pattern_timestep = 3600
    model.add_reservoir("R", base_head=60)
    model.add_junction("in", elevation=0)
    model.add_pipe("main", "R", "in", length=100, diameter=0.5)
    for house in HOUSES:
        model.add_junction(house, base_demand=2.5 / 3600, demand_pattern="week", elevation=0)
        model.add_pipe(f"to-{house}", "in", house, length=50, diameter=0.1)
    model.add_tank("T", elevation=20, init_level=2, min_level=0, max_level=4, diameter=10)
    model.add_junction("hill", base_demand=1 / 3600, elevation=0)
    model.add_pump("P", "in", "T", pump_type="POWER", pump_parameter=1000.0)
    model.add_pipe("down", "T", "hill", length=100, diameter=0.1)
    return Network(model, "town")


def hours() -> pd.DatetimeIndex:
    return pd.date_range(START, periods=HOURS, freq="h")


def demand(rng: np.random.Generator, shape: np.ndarray | None = None) -> pd.Series:
    """What the houses draw: each day 0.9 to 1.1 of nominal, 3 % noise by the hour."""
    times = hours()
    nominal = 100 * (pattern() if shape is None else shape)[times.weekday * 24 + times.hour]
    level = np.repeat(rng.uniform(0.9, 1.1, HOURS // 24), 24)
    return pd.Series(nominal * level * (1 + 0.03 * rng.standard_normal(HOURS)), index=times)


@pytest.mark.parametrize("first", [0, 3, 6])
def test_the_weekday_on_which_the_pattern_begins_is_found_in_the_inflow(first: int) -> None:
    network = town(first)
    nominal = week(bases(network, HOUSES), nominal_patterns(network))
    turn = align(demand(np.random.default_rng(1)) + LEAK, nominal, "UTC")
    assert turn(nominal) == pytest.approx(100 * pattern(), rel=0.02)


def test_a_pattern_that_is_late_is_moved_by_a_part_of_an_hour() -> None:
    late = 0.7 * pattern() + 0.3 * np.roll(pattern(), 1)  # 18 minutes late
    network = town()
    nominal = week(bases(network, HOUSES), nominal_patterns(network))
    turn = align(demand(np.random.default_rng(1), late) + LEAK, nominal, "UTC")
    assert np.abs(turn(nominal) - 100 * late).mean() < np.abs(nominal - 100 * late).mean() / 2


def test_the_leak_is_found_beside_a_demand_that_changes_from_day_to_day() -> None:
    network = town(first=2)
    inflow = demand(np.random.default_rng(2)) + LEAK
    found = real_losses(network, {"a": inflow}, {"a": HOUSES}, zone="UTC")
    assert list(found["month"].astype(str)) == ["2026-03", "2026-04"]
    true = LEAK * found["hours"]
    assert (np.abs(found["loss_m3"] - true) / found["inflow_m3"] < 0.02).all()
    assert (found["low_m3"] <= true).all()
    assert (true <= found["high_m3"]).all()
    assert found["night_m3"].isna().all()
    assert found["night_flow_m3_per_h"].between(LEAK + 50, LEAK + 56).all()  # the least hours are 0.535 of the mean


def metered(names: list[str], shape: np.ndarray) -> Block:
    times = hours()
    values = np.outer(np.full(len(names), 2.5), shape[times.weekday * 24 + times.hour]).astype(np.float32)
    return Block(tuple(names), START, timedelta(hours=1), Quantity.VOLUME_M3, values, np.full(values.shape, q.VALID, np.uint16))


def test_where_the_model_is_wrong_the_pattern_is_learnt_from_customers_meters() -> None:
    flat = 0.5 * pattern() + 0.5  # people here draw more at night than the model says
    network, few = town(), HOUSES[:8]
    consumption, meters = metered(few, flat), {name: name for name in few}
    learnt = learned_patterns(network, consumption, meters, "UTC")
    assert learnt["week"] == pytest.approx(flat, rel=0.01)
    inflow = demand(np.random.default_rng(3), flat) + LEAK
    rest = {"junctions": {"a": HOUSES}, "zone": "UTC"}
    by_model = real_losses(network, {"a": inflow}, **rest)["loss_m3"]
    with_meters = real_losses(network, {"a": inflow}, **rest, consumption=consumption, meters=meters)
    true = LEAK * with_meters["hours"]
    assert (by_model > 1.5 * true).all()
    assert (np.abs(with_meters["shape_m3"] - true) / with_meters["inflow_m3"] < 0.02).all()


def test_with_most_customers_metered_the_others_are_told_by_their_ratio() -> None:
    network, most = town(), HOUSES[:38]
    consumption, meters = metered(most, 0.9 * pattern()), {name: name for name in most}
    times = hours()
    inflow = pd.Series(40 * 2.5 * 0.9 * pattern()[times.weekday * 24 + times.hour] + LEAK, index=times)
    found = real_losses(network, {"a": inflow}, {"a": HOUSES}, zone="UTC", consumption=consumption, meters=meters, errors=Errors())
    true = (LEAK * found["hours"]).to_numpy()
    assert found["meters_m3"].to_numpy() == pytest.approx(true, rel=1e-3)
    assert found["loss_m3"].to_numpy() == pytest.approx(true, rel=1e-2)
    assert customers(network, HOUSES, consumption, meters).base_unmetered.index.tolist() == HOUSES[38:]


def test_an_inflow_that_does_not_follow_the_pattern_tells_nothing_by_shape() -> None:
    noise = pd.Series(np.random.default_rng(4).uniform(50, 150, HOURS), index=hours())
    found = real_losses(town(), {"a": noise}, {"a": HOUSES}, zone="UTC")
    assert found["loss_m3"].isna().all()


def test_areas_are_what_flow_meters_close_and_a_tank_takes_up_its_share() -> None:
    network = town()
    found = metered_areas(network, {"m": "main", "p": "P"}, {"level": "T"})
    assert [area.id for area in found] == ["m-p", "p"]
    assert set(found[0].junctions) == {"in", *HOUSES}
    assert found[1].pipes == ("down",)
    times = 24
    flow = np.array([[10.0] * times, [5.0] * times], dtype=np.float32)
    level = np.linspace(2.0, 2.0 + 0.01 * (times - 1), times, dtype=np.float32)[None]
    good = np.full((2, times), q.VALID, np.uint16)
    hour = timedelta(hours=1)
    flows = Block(("m", "p"), START, hour, Quantity.FLOW_M3_PER_H, flow, good)
    levels = Block(("level",), START, hour, Quantity.LEVEL_M, level, good[:1])
    assert area_inflow(network, found[0], flows, levels).to_numpy() == pytest.approx(5.0)
    assert area_inflow(network, found[1], flows, levels).to_numpy() == pytest.approx(5 - 0.01 * np.pi * 25, abs=1e-3)
    assert metered_areas(network, {"m": "main", "p": "P"}, {}) == found[:1]  # a tank nobody measures closes no balance


def test_an_hour_with_a_gap_is_unknown() -> None:
    quarter = pd.Series([1.0, 1.0, np.nan, 1.0, *[2.0] * 4], index=pd.date_range(START, periods=8, freq="15min"))
    assert hourly(quarter).isna().tolist() == [True, False]


def test_areas_without_demand_or_readings_have_no_losses_and_unknown_junctions_are_named() -> None:
    nothing = pd.Series(np.nan, index=hours())
    network = town()
    inflow = {"a": demand(np.random.default_rng(5)) + LEAK, "dry": nothing, "empty": nothing.fillna(1.0)}
    found = real_losses(network, inflow, {"a": HOUSES, "dry": ["hill"], "empty": []}, zone="UTC")
    assert found.dropna(subset=["loss_m3"])["area"].unique().tolist() == ["a"]
    assert real_losses(network, {}, {}, zone="UTC").empty
    assert real_losses(network, {"empty": nothing}, {"empty": []}, zone="UTC").empty
    with pytest.raises(PenstockError, match="h99"):
        real_losses(network, {"a": nothing}, {"a": ["h99"]}, zone="UTC")


def test_a_meter_that_stands_is_no_proof_that_everything_leaks_and_no_inflow_loses_nothing() -> None:
    inflow = demand(np.random.default_rng(6))
    areas = {"stuck": inflow * 0 + 5, "closed": inflow * 0, "backwards": inflow - 300}
    found = real_losses(town(), areas, dict.fromkeys(areas, HOUSES), zone="UTC").set_index("area")
    assert found.loc[["stuck", "backwards"], "loss_m3"].isna().all()
    assert (found.loc["closed", ["loss_m3", "loss_sd_m3", "high_m3"]] == 0).all(axis=None)


def test_a_month_with_a_clock_change_is_told_on_the_clock_that_people_live_by() -> None:
    clock = hours().tz_convert("Europe/Rome")  # the clock goes forward on 29 March
    drawn = pd.Series(100 * pattern()[clock.weekday * 24 + clock.hour], index=hours())
    found = real_losses(town(), {"a": drawn + LEAK}, {"a": HOUSES}, zone="Europe/Rome")
    assert found["hours"].tolist() == [742, 720, 2]  # from 01:00 on the 1st, an hour less on the 29th
    assert found["loss_m3"][:2].to_numpy() == pytest.approx((LEAK * found["hours"][:2]).to_numpy(), rel=1e-6)
