"""Night losses: hand-computed days, civil days of 23 and 25 hours, and losses never above inflow."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from city import quality as q
from city.frames import Block
from city.problems import PenstockError
from city.quantities import Quantity
from networks.losses.night_flow import night_losses

ROME = "Europe/Rome"
JUNE_15 = datetime(2022, 6, 14, 22, tzinfo=UTC)


def block(values: object, quantity: Quantity = Quantity.VOLUME_M3, start: datetime = JUNE_15, minutes: int = 60) -> Block:
    table = np.atleast_2d(np.asarray(values, dtype=np.float32))
    ids = tuple(f"dma-{i}" for i in range(len(table)))
    return Block(ids, start, timedelta(minutes=minutes), quantity, table, np.full(table.shape, q.VALID, np.uint16))


def day(night: float = 10.0, rest: float = 20.0) -> list[float]:
    return [rest] * 3 + [night] + [rest] * 20


def test_day_without_pressure_loses_night_rate_times_24() -> None:
    found = night_losses(block(day()), people={"dma-0": 5000}, zone=ROME).iloc[0]
    assert found["date"] == date(2022, 6, 15)
    assert found["night_use_m3_per_h"] == pytest.approx(3.0)  # 5000 x 0.6 L
    assert found["loss_m3"] == pytest.approx((10 - 3) * 24)
    assert found["inflow_m3"] == pytest.approx(10 + 23 * 20)
    assert found["loss_share"] == pytest.approx(168 / 470)
    assert found["quality"] == q.code(q.Flag.VALID | q.Flag.DERIVED)


def test_lower_pressure_by_day_lowers_the_hour_day_factor() -> None:
    head = block([50.0] * 6 + [25.0] * 18, Quantity.PRESSURE_M)
    linear = night_losses(block(day()), people={"dma-0": 0}, zone=ROME, pressure=head).iloc[0]
    assert linear["hour_day_factor_h"] == pytest.approx(6 + 18 * 0.5)
    fixed = night_losses(block(day()), people={"dma-0": 0}, zone=ROME, pressure=head, n1=0.5).iloc[0]
    assert fixed["hour_day_factor_h"] == pytest.approx(6 + 18 * 0.5**0.5)
    assert linear["loss_m3"] == pytest.approx(10 * 15)


def test_flow_in_quarters_gives_the_same_as_hourly_volumes() -> None:
    hourly = night_losses(block(day()), people={"dma-0": 1000}, zone=ROME)
    quarters = night_losses(block(np.repeat(day(), 4), Quantity.FLOW_M3_PER_H, minutes=15), people={"dma-0": 1000}, zone=ROME)
    assert quarters["loss_m3"].tolist() == pytest.approx(hourly["loss_m3"].tolist())


@pytest.mark.parametrize(("start", "hours"), [(datetime(2022, 3, 26, 23, tzinfo=UTC), 23), (datetime(2022, 10, 29, 22, tzinfo=UTC), 25)])
def test_days_of_clock_change_have_23_and_25_hours(start: datetime, hours: int) -> None:
    found = night_losses(block([8.0] * hours, start=start), people={"dma-0": 0}, zone=ROME)
    assert found["loss_m3"].tolist() == [8.0 * hours]


def test_incomplete_civil_days_are_left_out() -> None:
    found = night_losses(block([8.0] * 40), people={"dma-0": 0}, zone=ROME)
    assert found["date"].tolist() == [date(2022, 6, 15)]


def test_gaps_are_flagged_and_too_many_give_no_loss() -> None:
    inflow = block(np.array([day(), day(), day()]))
    inflow.quality[0, 10] = q.missing(q.Cause.TIMEOUT)  # one of 24 hours
    inflow.quality[1, 8:14] = q.missing(q.Cause.TIMEOUT)  # a quarter of the day
    inflow.quality[2, 2:5] = q.questionable(q.Cause.FLAT)  # the whole night window but for coverage
    found = night_losses(inflow, people={f"dma-{i}": 0 for i in range(3)}, zone=ROME)
    assert found["loss_m3"].isna().tolist() == [False, True, True]
    assert q.cause_of(int(found["quality"][0])) is q.Cause.GAP
    assert q.usable(found["quality"].to_numpy()).tolist() == [True, False, False]


@settings(max_examples=50, deadline=None)
@given(arrays(np.float32, (3, 48), elements=st.floats(0, 500, width=32)), st.floats(0, 20000), st.sampled_from([0.5, 1.0, 1.5]))
def test_loss_is_never_negative_nor_above_inflow(volumes: np.ndarray, people: float, n1: float) -> None:
    head = block(np.linspace(20, 60, 144).reshape(3, 48), Quantity.PRESSURE_M)
    found = night_losses(block(volumes), people={f"dma-{i}": people for i in range(3)}, zone=ROME, pressure=head, n1=n1)
    assert len(found) == 6
    assert (found["loss_m3"] >= 0).all()
    assert (found["loss_m3"] <= found["inflow_m3"]).all()
    assert found["loss_share"].between(0, 1).all()


def test_missing_people_and_wrong_quantity_are_told() -> None:
    with pytest.raises(PenstockError, match="none for dma-0"):
        night_losses(block(day()), people={}, zone=ROME)
    with pytest.raises(PenstockError, match="pressure_m"):
        night_losses(block(day(), Quantity.PRESSURE_M), people={"dma-0": 1}, zone=ROME)
