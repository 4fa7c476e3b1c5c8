"""Scope 2 in two views, against worked answers; matching by the hour against sums done by hand."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.factors import by_id, find
from carbon.instruments.claims import Claim, Issued
from carbon.instruments.hours import Hours
from carbon.instruments.matching import matching
from carbon.instruments.residual import residual
from carbon.instruments.views import dual, used, view
from city.problems import PenstockError

GOLDEN = Path(os.environ.get("PENSTOCK_DATA", "../shared/data")) / "carbon" / "golden_vectors.json"
SHANGHAI = datetime(2022, 12, 31, 16, tzinfo=UTC)  # 2023 begins


def year_of(total_wh: int, rate: Fraction) -> Hours:
    """A year of one account in equal hours but for the rest in the last one, weighed at `rate` [mg/Wh]."""
    times = pd.date_range(SHANGHAI, periods=8760, freq="h", unit="us")
    used = np.full((1, 8760), total_wh // 8760)
    used[0, -1] += total_wh - used.sum()
    location = np.array([[round(int(wh) * rate) for wh in used[0]]])
    nothing = np.zeros((1, 8760), np.int64)
    return Hours(("works",), (), times, "Asia/Shanghai", used, nothing, nothing[:0], location, nothing.astype(bool))


def retired(wh: int, start: datetime, end: datetime, **more) -> Claim:
    return Claim("r1", "certificate", "gec-1", ("works",), start, end, wh, Fraction(0), told={"serials": "GEC 1-300"}, **more)


@pytest.mark.data
def test_a_gigawatt_hour_in_guangdong_with_300_certificates_is_the_worked_answer(shipped) -> None:
    if not GOLDEN.exists():
        pytest.skip(f"no {GOLDEN}")
    worked = json.loads(GOLDEN.read_text())["guangdong_1GWh_2023"]
    province = find(shipped, activity="grid electricity average-provincial", region="CN-GD", on=date(2023, 7, 1))
    hours = year_of(10**9, province.base_value * 1000)
    claim = retired(300 * 10**6, SHANGHAI, SHANGHAI + timedelta(hours=8760))
    found = view(hours, [claim], [], {}, lambda _, on: residual(shipped, "CN-GD", on), lambda _, __: Fraction(0))
    tonnes = dual(found)[["location_mg", "market_mg"]].sum() / 10**9
    # Every hour is rounded to a milligram: 8,760 halves at most.
    assert abs(tonnes["location_mg"] - float(worked["location_province_tCO2"])) < 1e-5
    assert abs(tonnes["market_mg"] - float(worked["market_30pct_GEC_rest_excl_market_0.6096_tCO2"])) < 1e-5
    assert "cn.mee.grid.average-excl-market-nonfossil.CN.2023" in dual(found)["market_rule"][0]


def test_where_no_residual_mix_is_published_the_location_factor_stands_and_it_is_said(shipped) -> None:
    found = residual(shipped, "IT-25", date(2023, 7, 1))
    assert found.factor is None
    assert "no residual mix is published for IT-25" in found.sentence
    assert residual(shipped, "CN-GD", date(2024, 7, 1)).factor is None  # never another year's
    assert "Provisional" in residual(shipped, "CN-GD", date(2024, 7, 1), "latest").sentence


def test_two_residual_mixes_of_one_day_are_a_sentence(shipped) -> None:
    mix = by_id(shipped, "cn.mee.grid.average-excl-market-nonfossil.CN.2023")
    with pytest.raises(PenstockError, match="residual mix of CN"):
        residual([mix, mix.model_copy(update={"id": "own"})], "CN-GD", date(2023, 7, 1))


def small(used, own=None, made=None) -> Hours:
    used = np.array([used], np.int64)
    t = used.shape[1]
    own = np.zeros_like(used) if own is None else np.array([own], np.int64)
    made = np.zeros_like(used) if made is None else np.array([made], np.int64)
    times = pd.date_range(SHANGHAI, periods=t, freq="h", unit="us")
    return Hours(("works",), ("roof",), times, "Asia/Shanghai", used, own, made, 400 * (used - own), np.zeros((1, t), bool))


def looked_at(hours: Hours, claims=(), issued=(), suppliers=None):
    """A view without a residual mix and with a grid of 0.4 kg/kWh."""
    return view(hours, claims, issued, suppliers or {}, lambda _, on: residual([], "CN-GD", on), lambda _, __: Fraction(400))


def test_uncovered_hours_without_a_residual_mix_weigh_what_the_ledger_says() -> None:
    found = looked_at(small([10, 20]))
    assert found.market_mg.tolist() == found.hours.location_mg.tolist() == [[4000, 8000]]


def test_own_supply_whose_certificates_were_sold_weighs_like_purchased_power() -> None:
    hours = small([10], own=[10], made=[10])
    sold = Issued("gec", "roof", SHANGHAI, SHANGHAI + timedelta(hours=1), 10)
    assert looked_at(hours).market_mg.sum() == 0
    found = looked_at(hours, issued=[sold])
    assert found.market_mg.sum() == 4000
    assert dual(found)["sold_own_wh"].tolist() == [10]
    assert matching(found)["hourly_share"].tolist() == [0, 0]


def test_a_suppliers_factor_comes_before_the_residual_mix(shipped) -> None:
    factor = by_id(shipped, "cn.mee.grid.average-provincial.CN-GD.2023").model_copy(update={"id": "own.supplier", "value": Decimal("0.1")})
    found = looked_at(small([10, 20]), suppliers={"works": factor})
    assert found.market_mg.tolist() == [[1000, 2000]]
    assert dual(found)["supplier_wh"].tolist() == [30]


def test_hourly_share_counts_only_what_was_there_in_the_hour() -> None:
    hours = small([2, 2, 2])
    ppa = Claim("c1", "contract", "ppa", ("works",), SHANGHAI, SHANGHAI + timedelta(hours=3), 8, Fraction(0), hours=())
    by_hour = Claim(**{**ppa.__dict__, "hours": ((hours.times[0], 3), (hours.times[2], 5))})
    table = matching(looked_at(hours, [by_hour])).iloc[0]
    assert (table["hourly_share"], table["volumetric_share"]) == (Decimal(4) / 6, 1)
    table = matching(looked_at(hours, [ppa])).iloc[0]  # the same volume by the month says nothing about hours
    assert (table["hourly_share"], table["volumetric_share"]) == (0, 1)


def test_a_certificate_retired_hour_by_hour_makes_no_night_sunny() -> None:
    hours = small([2, 2, 2])
    claims = [
        Claim(f"r{i}", "certificate", "sun", ("works",), start, start + timedelta(hours=1), 2, Fraction(0))
        for i, start in enumerate(hours.times)
    ]
    table = matching(looked_at(hours, claims)).iloc[0]
    assert (table["hourly_share"], table["volumetric_share"]) == (0, 1)


def test_two_hours_with_a_fraction_of_a_gram_by_hand(shipped) -> None:
    # 7 Wh in an hour, 3 of them the roof's, 2 certified; 2 are left at 0.6096 g/Wh: 1,219.2 mg, printed 1,219.
    # 5 Wh in the next, 1 left: 609.6 mg, 610. By the grid at 0.4 g/Wh: 4 x 400 and 5 x 400.
    hours = small([7, 5], own=[3, 0], made=[3, 0])
    end = SHANGHAI + timedelta(hours=2)
    claims = [retired(2, SHANGHAI, SHANGHAI + timedelta(hours=1)), retired(4, SHANGHAI + timedelta(hours=1), end)]
    found = view(hours, claims, [], {}, lambda _, on: residual(shipped, "CN-GD", on), lambda _, __: Fraction(400))
    assert found.market_mg.tolist() == [[1219, 610]]
    row = dual(found).iloc[0]
    assert (row["market_mg"], row["location_mg"]) == (1219 + 610, 1600 + 2000)
    assert (row["consumption_wh"], row["own_wh"], row["certificate_wh"], row["residual_wh"]) == (12, 3, 6, 3)


def test_surplus_of_a_sunny_hour_matches_no_dark_one_while_the_year_looks_green() -> None:
    table = matching(looked_at(small([5, 5], own=[5, 0], made=[9, 0]))).iloc[0]
    assert (table["hourly_share"], table["volumetric_share"]) == (Decimal("0.5"), Decimal("0.5"))  # exports are no own use


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8), st.integers(0, 60))
def test_hourly_is_never_above_volumetric_and_parts_add_up(rows: list[tuple[int, int, int]], volume: int) -> None:
    load, made, ppa = (list(column) for column in zip(*rows, strict=True))
    hours = small(load, own=[min(a, b) for a, b in zip(load, made, strict=True)], made=made)
    end = SHANGHAI + timedelta(hours=len(rows))
    contract = Claim(
        "c", "contract", "p", ("works",), SHANGHAI, end, sum(ppa), Fraction(0), hours=tuple(zip(hours.times, ppa, strict=True))
    )
    found = looked_at(hours, [contract, retired(volume, SHANGHAI, end)])
    table = matching(found).iloc[-1]
    by_hand = sum(min(a, min(a, b) + c) for a, b, c in zip(load, made, ppa, strict=True))
    assert int(table["matched_wh"]) == by_hand  # the certificate says nothing of an hour, be it retired for one
    if sum(load):
        assert table["hourly_share"] <= table["volumetric_share"] <= 1
    row = dual(found).sum(numeric_only=True)
    assert row["consumption_wh"] == row["own_wh"] + row["instruments_wh"] + row["supplier_wh"] + row["residual_wh"]


def test_the_table_of_instruments_tells_what_was_of_no_use() -> None:
    found = looked_at(small([10, 20]), [retired(50, SHANGHAI, SHANGHAI + timedelta(hours=2))])
    row = used(found).iloc[0]
    assert (row["wh"], row["unused_wh"], row["serials"], row["period"]) == (30, 20, "GEC 1-300", "2023-01")
    assert used(looked_at(small([0]), [retired(50, SHANGHAI, SHANGHAI + timedelta(hours=1))])).iloc[0]["unused_wh"] == 50


def test_the_days_on_which_clocks_change_have_their_hours() -> None:
    start = datetime(2022, 12, 31, 23, tzinfo=UTC)
    times = pd.date_range(start, periods=8760, freq="h", unit="us")
    one = np.ones((1, 8760), np.int64)
    hours = Hours(("works",), (), times, "Europe/Rome", one, 0 * one, one[:0], 400 * one, np.zeros((1, 8760), bool))
    months = dual(looked_at(hours)).set_index("period")
    assert (months["consumption_wh"]["2023-03"], months["consumption_wh"]["2023-10"]) == (31 * 24 - 1, 31 * 24 + 1)
    assert months["location_mg"].sum() == 8760 * 400


def test_months_are_those_of_the_city_and_not_of_greenwich() -> None:
    hours = small([1] * 24 * 40)
    assert dual(looked_at(hours))["period"].tolist() == ["2023-01", "2023-02"]
    assert dual(looked_at(hours))["consumption_wh"].tolist() == [24 * 31, 24 * 9]
