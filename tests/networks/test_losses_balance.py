"""The IWA balance closes to the millilitre; its errors propagate by hand; UARL and ILI as published; targets by the month."""

from decimal import Decimal
from math import hypot, sqrt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from city.problems import PenstockError
from networks.losses.iwa import Z95, ApparentShares, Consumption, Volume, WaterBalance, bottom_up, top_down
from networks.losses.ranking import Infrastructure, leakage_index, ranking
from networks.losses.targets import LossTarget, track

ML = st.integers(0, 10**15)
SHARE = st.floats(0, 0.3)


def closes(made: WaterBalance) -> None:
    drawn = made.consumption
    assert made.system_input.ml == drawn.authorised.ml + made.losses.ml
    assert made.losses.ml == made.apparent.ml + made.real.ml
    assert made.non_revenue.ml == made.system_input.ml - drawn.billed.ml
    assert made.non_revenue.ml == drawn.unbilled.ml + made.losses.ml
    parts = {line.component: line.volume.ml for line in made.lines()}
    assert parts["system_input"] == sum(
        parts[name]
        for name in (
            "billed_metered",
            "billed_unmetered",
            "unbilled_metered",
            "unbilled_unmetered",
            "unauthorised",
            "meter_inaccuracy",
            "data_handling",
            "real",
        )
    )


@given(st.tuples(ML, ML, ML, ML, ML), SHARE, SHARE, SHARE)
def test_with_billed_volumes_the_balance_closes_to_the_millilitre(volumes: tuple[int, ...], theft: float, slow: float, data: float) -> None:
    system_input, *drawn = (Volume(ml) for ml in volumes)
    closes(top_down(system_input, Consumption(*drawn), ApparentShares(theft, slow, data)))


@given(ML, ML, SHARE, SHARE, SHARE)
def test_with_estimated_real_losses_it_closes_too_and_nothing_is_negative(supply: int, real: int, a: float, b: float, c: float) -> None:
    made = bottom_up(Volume(supply), Volume(real), shares=ApparentShares(a, b, c))
    closes(made)
    assert all(line.volume.ml >= -1 for line in made.lines())  # data handling takes the rounding of two others


def test_volumes_are_exact_decimals() -> None:
    assert Volume.of(Decimal("1234.567891")).ml == 1_234_567_891
    with pytest.raises(PenstockError, match="zero or more"):
        Volume.of(-1.0)


def test_errors_propagate_as_root_of_the_sum_of_squares() -> None:
    # 1000 m3 +- 2 %, 700 billed +- 3 %, theft 1 % +- 50 %; nothing else apparent: real = 1000 - 700 - 10 = 290
    made = top_down(Volume.of(1000, 0.02), Consumption(Volume.of(700, 0.03)), ApparentShares(0.01, 0.0, 0.0, 0.5))
    assert made.real.m3 == 290
    assert made.real.limit_m3 == pytest.approx(sqrt(20**2 + 21**2 + 5**2))
    assert made.losses.limit_m3 == pytest.approx(hypot(20, 21))  # theft is inside the losses: its error is not
    assert made.non_revenue.limit_m3 == pytest.approx(hypot(20, 21))


def test_meters_that_miss_two_percent_have_billed_98_of_100() -> None:
    made = top_down(Volume.of(200), Consumption(Volume.of(98)), ApparentShares(0.0, 0.02, 0.0))
    assert made.meter_inaccuracy.m3 == 2
    assert made.real.m3 == 100


def test_bills_above_the_supply_show_as_negative_real_losses() -> None:
    assert top_down(Volume.of(100), Consumption(Volume.of(120))).real.ml < 0


def test_unavoidable_losses_are_those_of_lambert_1999() -> None:
    # 100 km of mains, 5000 connections, 25 km of private pipe, 50 m: (1800 + 4000 + 625) x 50 L/day
    what = Infrastructure(100, 5000, 50, 25)
    assert what.uarl_m3_per_day() == pytest.approx(321.25)
    index, sd = leakage_index(1285.0, 128.5, what)
    assert index == pytest.approx(4.0)
    assert sd == pytest.approx(hypot(0.4, 4 * 0.1 / Z95))
    assert what.doubt() == ""
    assert "below 25 m" in Infrastructure(100, 5000, 20).doubt()
    assert Infrastructure(0, 5000, 50).doubt() == "UARL is outside its range: no length of mains is told"
    with pytest.raises(PenstockError, match="zero or more"):
        Infrastructure(-1, 5, 5).uarl_m3_per_day()


def test_ranking_is_by_what_can_be_had_back_and_says_how_sure_it_is() -> None:
    losses = pd.DataFrame(
        {"area": ["old", "new", "dry"], "days": [30.0] * 3, "loss_m3": [9000.0, 10000.0, 0.0], "loss_sd_m3": [100.0, 100.0, 50.0]}
    )
    # new: 200 km and 10000 connections at 40 m leak (3600 + 8000) x 40 x 30 = 13 920 m3 unavoidably: nothing to win
    found = ranking(losses, {"new": Infrastructure(200, 10_000, 40)}, 2.0)
    assert list(found["area"]) == ["old", "dry", "new"]
    first, new = found.iloc[0], found.iloc[2]
    assert (first["recoverable_m3"], first["money"], first["rank_high"]) == (9000, 18000, 1)
    assert first["first"] == 1.0
    assert first["low_m3"] == pytest.approx(9000 - 164.49)
    assert new["recoverable_m3"] == 0
    assert new["uarl_m3"] == pytest.approx(13_920)


def test_ranking_of_two_alike_is_open() -> None:
    losses = pd.DataFrame({"area": ["a", "b"], "days": [30.0] * 2, "loss_m3": [1000.0, 1001.0], "loss_sd_m3": [100.0] * 2})
    found = ranking(losses, {}, 1.0)
    assert list(found["rank_high"]) == [2, 2]
    assert found["first"].between(0.45, 0.55).all()
    assert ranking(losses[:0], {}, 1.0).empty


def target() -> LossTarget:
    return LossTarget(id="city", base_month="2025-12", base_share=0.25, milestones={"2026-12": 0.12, "2028-12": 0.10})


def test_targets_run_straight_between_their_months() -> None:
    assert target().required("2025-11") is None
    assert target().required("2025-12") == 0.25
    assert target().required("2026-06") == pytest.approx(0.185)
    assert target().required("2027-12") == pytest.approx(0.11)
    assert target().required("2031-01") == 0.10


@pytest.mark.parametrize(("observed", "state"), [(0.10, "on track"), (0.25, "behind"), (0.18, "not certain"), (0.19, "not certain")])
def test_a_target_is_kept_or_broken_only_where_the_whole_interval_says_so(observed: float, state: str) -> None:
    found = track(target(), "2026-06", observed, 0.02)
    assert found is not None
    assert found.state == state
    assert found.high - found.low == pytest.approx(2 * 1.6449 * 0.02)


@pytest.mark.parametrize("observed", [-0.2, 1.3])
def test_a_share_that_cannot_be_keeps_no_promise(observed: float) -> None:
    found = track(target(), "2026-06", observed, 0.02)  # bills above the inflow, or losses above it
    assert found is not None
    assert found.state == "not certain"
    assert 0 <= found.low <= found.high <= 1


@pytest.mark.parametrize(
    "wrong", [{"milestones": {"2025-01": 0.1}}, {"milestones": {"2026-12": 12.0}}, {"base_month": "2025"}, {"milestones": {}}]
)
def test_a_target_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LossTarget.model_validate({"id": "x", "base_month": "2025-12", "base_share": 0.25, "milestones": {"2026-12": 0.12}, **wrong})
