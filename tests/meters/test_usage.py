from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.frames import Block
from city.problems import PenstockError
from city.quality import VALID, Cause, Flag, cause_of, code, missing, questionable
from city.quantities import Quantity
from meters.vee.grid import on_grid
from meters.vee.usage import from_registers

START = datetime(2022, 6, 15, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def readings(values, quality=None, point="m.energy"):
    times = pd.date_range(START, periods=len(values), freq="15min", unit="us")
    marks = [missing(Cause.TIMEOUT) if np.isnan(value) else VALID for value in values] if quality is None else quality
    return pd.DataFrame({"point_id": point, "time_utc": times, "received_at_utc": times, "value": values, "quality": marks})


def usage(values, step=QUARTER, quantity=Quantity.ENERGY_REGISTER_KWH, quality=None, moduli=None):
    frame = readings(values, quality)
    return from_registers(on_grid(frame, ["m.energy"], quantity, START, START + len(values) * QUARTER, step)[0], moduli)


def test_three_registers_give_two_usages_in_watt_hours():
    block, gaps = usage([100.0, 100.25, 101.0])
    assert block.quantity is Quantity.ENERGY_KWH
    assert block.values.tolist() == [[250, 750]]
    assert block.quality.tolist() == [[VALID, VALID]]
    assert (block.start_utc, block.values.dtype) == (START, np.int64)
    assert len(gaps) == 0


@pytest.mark.parametrize("none", [np.nan, np.inf, 3e38])
def test_a_register_that_is_no_number_is_a_gap_even_if_it_is_called_good(none):
    block, gaps = usage([1000.0, none, 1001.0], quality=[VALID] * 3)
    assert not block.usable().any()  # and not 1001 kWh from zero
    assert gaps["amount"].tolist() == [1000]


def test_a_gap_is_missing_and_its_exact_total_is_told():
    block, gaps = usage([10.0, np.nan, np.nan, 11.5, 12.0])
    assert [cause_of(int(one)) for one in block.quality[0]] == [Cause.TIMEOUT] * 3 + [Cause.NONE]
    assert block.usable().tolist() == [[False, False, False, True]]
    assert gaps["amount"].tolist() == [1500]
    assert gaps["period_start_utc"].iloc[0] == pd.Timestamp(START)
    assert gaps["period_end_utc"].iloc[0] == pd.Timestamp(START + 3 * QUARTER)


def test_a_counter_that_rolls_over_keeps_counting():
    block, _ = usage([999_999.0, 2.0], quantity=Quantity.VOLUME_REGISTER_M3, moduli={"m.energy": 10**12})
    assert block.values.tolist() == [[3_000_000]]  # 3 m3 in mL
    assert (bool(block.usable()[0, 0]), cause_of(int(block.quality[0, 0]))) == (True, Cause.ROLLOVER)


def test_a_reset_is_missing_not_negative():
    for moduli in (None, {"m.energy": 10**9}):  # from 500,000 kWh back to 3: not what is left of a million kWh
        block, gaps = usage([500_000.0, 3.0, 4.0], moduli=moduli)
        assert [cause_of(int(one)) for one in block.quality[0]] == [Cause.RESET, Cause.NONE]
        assert block.values.tolist() == [[0, 1000]]
        assert len(gaps) == 0


def test_a_questionable_register_is_not_subtracted():
    quality = [VALID, questionable(Cause.OUT_OF_MAP), VALID]
    block, gaps = usage([1.0, 9e9, 2.0], quality=quality)
    assert not block.usable().any()
    assert gaps["amount"].tolist() == [1000]


def test_quarter_readings_give_hourly_usage():
    block, _ = usage([float(i) for i in range(12)], timedelta(hours=1), Quantity.GAS_REGISTER_M3)
    assert block.values.tolist() == [[4_000_000, 4_000_000]]


@given(st.lists(st.tuples(st.integers(0, 10**7), st.booleans()), min_size=2, max_size=60), st.integers(0, 10**9), st.booleans())
def test_usage_and_gap_totals_sum_to_last_register_minus_first(steps, first, roll):
    modulus = 10**9
    true = first + np.concatenate([[0], np.cumsum([amount for amount, _ in steps[1:]])]).astype(np.int64)
    if len(steps) * 10**7 > modulus // 10:
        steps, true = steps[:10], true[:10]
    good = np.array([present for _, present in steps])
    shown = true % modulus if roll else true
    quality = np.where(good, VALID, missing(Cause.TIMEOUT)).astype(np.uint16)
    block = Block(("m",), START, QUARTER, Quantity.ENERGY_REGISTER_KWH, shown[None, :], quality[None, :])
    usage, gaps = from_registers(block, {"m": modulus} if roll else None)
    seen = true[good]
    expected = int(seen[-1] - seen[0]) if good.sum() > 1 else 0
    assert int(usage.values[usage.usable()].sum()) + int(gaps["amount"].sum()) == expected


def test_usage_up_to_an_estimated_register_is_an_estimate_and_binds_no_total():
    estimated = code(Flag.ESTIMATED_LINEAR)
    block, gaps = usage([1.0, 2.0, 3.0, np.nan, 5.0], quality=[VALID, VALID, estimated, missing(Cause.TIMEOUT), VALID])
    assert block.quality[0, :2].tolist() == [VALID, estimated]
    assert block.usable().tolist() == [[True, True, False, False]]
    assert len(gaps) == 0


def test_what_is_no_register_is_refused():
    with pytest.raises(PenstockError, match="counter readings"):
        usage([1.0, 2.0], quantity=Quantity.POWER_KW)


def test_how_late_a_reading_was_received_and_what_is_off_the_grid():
    frame = readings([1.0, 2.0, 3.0])
    frame["received_at_utc"] += pd.Timedelta("7s")
    frame.loc[1, "time_utc"] += pd.Timedelta("1min")
    block, late_s = on_grid(frame, ["m.energy", "other"], Quantity.ENERGY_REGISTER_KWH, START, START + 3 * QUARTER, QUARTER)
    assert block.values.tolist() == [[1000, 0, 3000], [0, 0, 0]]
    assert block.usable().tolist() == [[True, False, True], [False] * 3]
    assert np.nan_to_num(late_s, nan=-1).tolist() == [[7, -1, 7], [-1] * 3]
