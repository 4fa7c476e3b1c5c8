"""The ledger: exact integers, one rounding per entry, nothing counted twice."""

import json
import os
import random
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from carbon.accounts import AccountKind, account_of, apply
from carbon.ledger import old as ledger
from city import quality as q
from city.problems import PenstockError

GOLDEN = Path(os.environ.get("PENSTOCK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "carbon" / "golden_vectors.json"
KNOWN = datetime(2022, 6, 16, tzinfo=UTC)
ROME = "Europe/Rome"


def _golden() -> dict:
    if not GOLDEN.exists():
        pytest.skip("no measuring data (PENSTOCK_DATA)")
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def _grid(**changes) -> AccountKind:
    base = {"id": "a", "kind": "grid-electricity", "point": "p.energy", "site": "s", "sector": "x", "region": "CN-ZJ"}
    return account_of(**{**base, **changes})


def _kg_per_unit(account, factors, on) -> Fraction:
    rule = apply(account, factors, on)[0]
    return Fraction(rule.numerator * account.quantity.scale, rule.denominator * 1_000_000)


def test_ten_kwh_in_zhejiang_2022_weigh_5153_grams(usage, shipped):
    made = ledger.post(usage("p.energy", [10_000]), [_grid()], shipped, KNOWN, zone=ROME)
    assert made["mg_by_gas"].tolist() == [5_153_000]  # 10 kWh x 0.5153 kg/kWh
    assert made["factor_id"].tolist() == ["cn.mee.grid.average-provincial.CN-ZJ.2022"]
    assert (made["scope"].item(), made["kind"].item(), made["amount"].item()) == (2, "posting", 10_000)


def test_a_cubic_metre_of_gas_weighs_what_its_cited_heat_value_and_ipcc_factor_give(usage, shipped):
    account = account_of(id="g", kind="natural-gas", point="g.volume", site="s", sector="x", region="CN-ZJ")
    made = ledger.post(usage("g.volume", [1_000_000], quantity="gas_m3"), [account], shipped, KNOWN)
    # 1.2143 kgce/m3 / 0.03412 kgce/MJ = 35.5891 MJ/m3; x 56100 kg/TJ = 1.9965483587... kg
    assert made["mg_by_gas"].tolist() == [1_996_548]
    assert made["scope"].item() == 1


def test_the_chinese_gas_standard_is_not_used_before_it_is_in_force(usage, shipped):
    account = account_of(id="g", kind="natural-gas", point="g.volume", site="s", sector="x", region="CN-ZJ", method="gbt32151.34")
    with pytest.raises(PenstockError, match="2025-03-01"):
        ledger.post(usage("g.volume", [1], quantity="gas_m3"), [account], shipped, KNOWN)
    assert float(_kg_per_unit(account, shipped, date(2025, 3, 1))) == pytest.approx(2.162188809, abs=1e-9)


def test_gas_outside_china_is_refused_by_the_chinese_heat_value(shipped):
    account = account_of(id="g", kind="natural-gas", point="g.volume", site="s", sector="x", region="IT-25")
    with pytest.raises(PenstockError, match="is for CN"):
        apply(account, shipped, date(2022, 6, 1))


@given(
    st.lists(st.integers(0, 2**50), min_size=1, max_size=50),
    st.fractions(min_value=0, max_value=3000, max_denominator=10**9),
)
def test_mass_is_the_fraction_rounded_half_to_even(amounts, ratio):
    made = ledger.mass_mg(np.array(amounts, np.int64), ratio) if max(amounts) * ratio < 2**62 else None
    if made is not None:
        assert made.tolist() == [round(Fraction(amount) * ratio) for amount in amounts]


def test_half_a_milligram_goes_to_the_even_neighbour():
    assert ledger.mass_mg(np.array([1, 3, 5, 7], np.int64), Fraction(1, 2)).tolist() == [0, 2, 2, 4]


def test_a_product_beyond_64_bits_is_computed_in_whole_numbers_and_a_mass_beyond_is_refused():
    ratio = Fraction(10**12 + 1, 10**12)
    assert ledger.mass_mg(np.array([10**15], np.int64), ratio).tolist() == [10**15 + 1000]
    with pytest.raises(PenstockError, match="less than 2\\^63"):
        ledger.mass_mg(np.array([2**60], np.int64), Fraction(9))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_parts_sum_to_the_whole_to_the_milligram_in_any_order(usage, shipped, amounts, chance):
    whole = ledger.post(usage("p.energy", amounts), [_grid()], shipped, KNOWN)
    place = list(range(len(amounts)))
    chance.shuffle(place)
    cut = len(place) // 2
    rows = usage("p.energy", amounts)
    parts = [ledger.post(rows.iloc[sorted(part)], [_grid()], shipped, KNOWN) for part in (place[:cut], place[cut:])]
    assert sum(int(part["mg_by_gas"].sum()) for part in parts) == int(whole["mg_by_gas"].sum())
    assert whole["mg_by_gas"].sum() == sum(round(Fraction(amount) * Fraction("515.3")) for amount in amounts)
    assert set(whole["entry_id"]) == {name for part in parts for name in part["entry_id"]}


def test_posting_again_shuffled_and_later_gives_the_same_entries(day, books, shipped):
    first = ledger.post(day, books, shipped, KNOWN, zone=ROME)
    order = list(range(len(day)))
    random.Random(1).shuffle(order)  # noqa: S311 - a shuffle, no secret
    again = ledger.post(day.iloc[order], books[::-1], shipped, datetime(2022, 7, 1, tzinfo=UTC), zone=ROME)
    pd.testing.assert_frame_equal(first.drop(columns="known_at_utc"), again.drop(columns="known_at_utc"))
    assert first["entry_id"].is_unique


def test_another_factor_value_gives_another_entry(usage, shipped):
    other = tuple(f.model_copy(update={"source": "corrected"}) for f in shipped)
    ids = {ledger.post(usage("p.energy", [5]), [_grid()], made, KNOWN)["entry_id"].item() for made in (shipped, other)}
    assert len(ids) == 2


def test_water_carries_volume_and_the_pumps_carry_the_kilograms(day, books, shipped):
    made = ledger.post(day, books, shipped, KNOWN, zone=ROME).groupby("account_id")[["amount", "mg_by_gas"]].sum()
    assert made.loc["supply"].tolist() == [400_000_000, 0]
    assert made.loc["loss"].tolist() == [20_000_000, 0]
    assert made.loc["pumps"].tolist() == [200_000, 103_060_000]  # 200 kWh x 0.5153
    assert made.loc["roofs"].tolist() == [8_000, 0]
    assert "sensor.energy" not in made.index


def test_a_consumers_water_factor_stands_outside_the_citys_sum(day, books, shipped):
    named = {"site": "homes", "sector": "households", "region": "CN-ZJ"}
    note = "no Chinese factor is published; British one of 2025, for consumers' books"
    home = account_of(id="supply", kind="water-supply", point="source-lake.volume", factor_id="uk.desnz.2025.ws", note=note, **named)
    before = ledger.post(day, books, shipped, KNOWN)
    after = ledger.post(day, [home if book.id == "supply" else book for book in books], shipped, KNOWN)
    outside = after[after["kind"] == "outside"]
    assert int(outside["mg_by_gas"].sum()) == 76_520_000  # 400 m3 x 0.1913
    city = [int(made.loc[made["kind"] == "posting", "mg_by_gas"].sum()) for made in (before, after)]
    assert city[0] == city[1]


def test_a_water_factor_without_a_note_is_refused():
    with pytest.raises(ValidationError, match="needs a note"):
        _grid(kind="water-supply", factor_id="uk.desnz.2025.ws")


def test_a_grid_factor_of_another_region_or_year_needs_a_note(shipped):
    other = _grid(factor_id="cn.mee.grid.average-provincial.CN-ZJ.2023")
    with pytest.raises(PenstockError, match="or a note"):
        apply(other, shipped, date(2022, 6, 15))
    national = _grid(factor_id="cn.mee.grid.average-national.CN.2022")
    with pytest.raises(PenstockError, match="is for CN, 2022"):
        apply(national, shipped, date(2022, 6, 15))
    explained = _grid(factor_id="cn.mee.grid.average-provincial.CN-ZJ.2023", note="provisional")
    assert apply(explained, shipped, date(2022, 6, 15))[0].note.startswith("provisional")


@pytest.mark.parametrize("factor_id", ["cn.gbt2589.electricity_equivalent_value", "cn.mee.pcf.national.2023", "uk.desnz.2025.ws"])
def test_a_factor_that_is_no_emission_per_kwh_of_an_inventory_is_refused(shipped, factor_id):
    with pytest.raises(PenstockError):
        apply(_grid(factor_id=factor_id, note="because"), shipped, date(2023, 6, 15))


def test_the_factor_year_is_the_civil_year(usage, shipped):
    new_year = usage("p.energy", [10_000, 10_000], start="2021-12-31T22:45Z")
    local = ledger.post(new_year, [_grid()], shipped, KNOWN, zone=ROME)
    assert local["mg_by_gas"].tolist() == [5_422_000, 5_153_000]  # 0.5422 kg/kWh in 2021, 0.5153 in 2022


def test_a_year_without_a_published_factor_is_refused(usage, shipped):
    with pytest.raises(PenstockError, match="none is carried over"):
        ledger.post(usage("p.energy", [1], start="2026-01-01T00:00Z"), [_grid()], shipped, KNOWN)


def test_measured_estimated_and_missing_stay_apart_and_missing_weighs_nothing(usage, shipped):
    codes = [q.VALID, q.code(q.Flag.ESTIMATED_LINEAR, q.Cause.GAP), q.missing(q.Cause.TIMEOUT), q.questionable(q.Cause.SPIKE)]
    frame = usage("p.energy", [1000, 1000, 0, 9_999_999])
    made = ledger.post(frame.assign(quality=codes), [_grid()], shipped, KNOWN)
    assert made["quality"].tolist() == codes
    assert ledger.coverage(made["quality"].to_numpy()).tolist() == ["measured", "estimated", "missing", "missing"]
    assert made["amount"].tolist() == [1000, 1000, 0, 0]
    assert made["mg_by_gas"].tolist() == [515_300, 515_300, 0, 0]


def test_the_latest_version_of_a_period_is_posted(usage, shipped):
    frame = pd.concat([usage("p.energy", [1000]), usage("p.energy", [2000], version=2)])
    assert ledger.post(frame, [_grid()], shipped, KNOWN)["amount"].tolist() == [2000]


def test_doubled_overlapping_negative_and_backward_usage_post_nothing(usage, shipped):
    good = usage("p.energy", [1000, 1000])
    bad = {
        "given twice": pd.concat([good, good.head(1)]),
        "overlaps": pd.concat([good, usage("p.energy", [1], start="2022-06-14T22:05Z")]),
        "negative": good.assign(amount=-1),
        "does not end": good.assign(period_end_utc=good["period_start_utc"]),
    }
    for words, frame in bad.items():
        with pytest.raises(PenstockError, match=words):
            ledger.post(frame, [_grid()], shipped, KNOWN)


def test_one_point_in_two_accounts_is_refused(usage, shipped):
    with pytest.raises(PenstockError, match="is counted by 'a' too"):
        ledger.post(usage("p.energy", [1]), [_grid(), _grid(id="b")], shipped, KNOWN)
    with pytest.raises(PenstockError, match="two accounts of that id"):
        ledger.post(usage("p.energy", [1]), [_grid(), _grid(point="other")], shipped, KNOWN)


def test_no_usage_gives_an_empty_ledger(usage, shipped):
    assert ledger.post(usage("p.energy", []), [_grid()], shipped, KNOWN).empty


def test_a_hundred_thousand_entries_are_posted_in_two_cpu_seconds(usage, shipped):
    accounts = [_grid(id=f"a{i}", point=f"m{i}.energy") for i in range(50)]
    frame = pd.concat([usage(book.point, list(range(2000)), start="2022-03-01T00:00Z") for book in accounts])
    before = time.process_time()
    made = ledger.post(frame, accounts, shipped, KNOWN, zone=ROME)
    assert len(made) == 100_000
    assert time.process_time() - before < 2


@pytest.mark.data
@pytest.mark.parametrize(
    ("region", "activity", "answer"),
    [("CN-GD", None, "location_province_tCO2"), ("CN", "grid electricity average-national", "location_national_tCO2")],
)
def test_guangdong_gigawatt_hour_of_2023_agrees_with_the_worked_answer(usage, shipped, region, activity, answer):
    golden = _golden()["guangdong_1GWh_2023"][answer]
    frame = usage("p.energy", [1_000_000_000], start="2023-06-01T00:00Z")
    made = ledger.post(frame, [_grid(region=region, factor_activity=activity)], shipped, KNOWN)
    assert made["mg_by_gas"].item() == Decimal(golden) * 10**9


@pytest.mark.data
def test_ten_thousand_cubic_metres_of_gas_agree_with_the_worked_answer(shipped):
    account = _grid(kind="natural-gas", method="gbt32151.34")
    weight = _kg_per_unit(account, shipped, date(2025, 3, 1))
    assert round(10_000 * weight / 1000, 8) == Fraction(_golden()["gas_1e4_Nm3_GBT32151.34"]["tCO2"])
