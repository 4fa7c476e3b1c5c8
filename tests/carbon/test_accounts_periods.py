"""Periods: what spans a change of factor is refused, and amounts from documents fall on their days."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from carbon.accounts import account_of
from carbon.accounts.stated import usage as stated_usage
from carbon.ledger.post import post
from city import quality as q
from city.clock import civil_day
from city.problems import PenstockError

ROME = "Europe/Rome"
KNOWN = datetime(2023, 2, 1, tzinfo=UTC)
BASE = {"site": "works", "sector": "industry", "region": "CN-ZJ"}
POWER = account_of(id="el", kind="grid-electricity", point="m.energy", **BASE)
DIESEL = {"id": "van", "kind": "fuel", "fuel": "diesel", "counts": "mass_kg", **BASE}


def bill(amount: int, start: str, end: str) -> pd.DataFrame:
    row = {"point_id": ["m.energy"], "period_start_utc": [pd.Timestamp(start)], "period_end_utc": [pd.Timestamp(end)]}
    return pd.DataFrame(row | {"quantity": ["energy_kwh"], "amount": [amount], "quality": [q.VALID], "version": [1]})


def days_of(first: date, count: int) -> list[tuple[datetime, datetime]]:
    return [civil_day(first + timedelta(days=i), ROME) for i in range(count)]


def test_a_bill_across_new_year_is_refused_when_posted_and_names_the_account(shipped):
    across = bill(31_000, "2021-12-14T23:00Z", "2022-01-14T23:00Z")
    with pytest.raises(PenstockError, match="usage of account 'el', 2021-12-14T23:00Z to 2022-01-14T23:00Z: the factor of 2021-12-15"):
        post(across, [POWER], (), shipped, KNOWN, zone=ROME)


def test_a_document_across_new_year_posts_with_both_years_factors_and_its_days_are_estimates(shipped):
    paper = [{"first": "2021-12-15", "last": "2022-01-14", "amount": "31", "source": "bill 12"}]
    account = account_of(id="el", kind="grid-electricity", stated=paper, **BASE)
    rows = stated_usage([account], days_of(date(2021, 12, 1), 60), ROME)
    assert rows["amount"].tolist() == [1000] * 31
    assert not q.measured(rows["quality"].to_numpy()).any()
    made = post(rows, [account], (), shipped, KNOWN, zone=ROME)
    assert int(made.columns["mg"].sum()) == 17_000 * 5422 // 10 + 14_000 * 5153 // 10  # 17 days of December, 14 of January


def test_a_delivery_of_ten_kilograms_over_three_days_is_shared_out_in_whole_grams(shipped):
    account = account_of(**DIESEL, stated=[{"first": "2022-06-14", "last": "2022-06-16", "amount": "10", "source": "delivery note 7"}])
    rows = stated_usage([account], days_of(date(2022, 6, 13), 5), ROME)
    assert rows["amount"].tolist() == [3333, 3333, 3334]
    assert rows["point_id"].unique().tolist() == ["van.stated"]
    assert rows["period_start_utc"].iloc[0] == pd.Timestamp("2022-06-13T22:00Z")
    assert q.measured(rows["quality"].to_numpy()).all()
    posted = post(rows, [account], (), shipped, KNOWN, zone=ROME)
    co2 = Fraction("1.4571") / Fraction("0.03412") * 74100 / 1000  # mg per g
    assert posted.columns["mg"][:3].tolist() == [round(amount * co2) for amount in (3333, 3333, 3334)]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**7), st.integers(1, 400), st.integers(1, 399))
def test_the_days_of_a_document_add_up_to_it_whichever_nights_they_are_asked_for(grams, length, night):
    first = date(2022, 1, 1)
    period = {"first": first, "last": first + timedelta(days=length - 1), "amount": Decimal(grams) / 1000, "source": "log"}
    account = account_of(**DIESEL, stated=[period])
    cut = min(night, length)
    parts = [
        stated_usage([account], days, ROME)["amount"].sum() for days in (days_of(first, cut), days_of(first + timedelta(days=cut), 400))
    ]
    assert sum(map(int, parts)) == grams


def test_estimated_documents_count_as_estimated_and_days_of_spring_change_are_whole():
    account = account_of(
        **DIESEL, stated=[{"first": "2022-03-27", "last": "2022-03-27", "amount": 1, "quality": "estimated", "source": "x"}]
    )
    (row,) = stated_usage([account], days_of(date(2022, 3, 27), 1), ROME).itertuples()
    assert (row.period_end_utc - row.period_start_utc) == pd.Timedelta(23, "h")
    assert not q.measured(pd.Series([row.quality]).to_numpy())[0]


def test_a_document_that_ends_before_it_begins_or_stands_beside_a_meter_is_refused():
    with pytest.raises(ValidationError, match="before first"):
        account_of(**DIESEL, stated=[{"first": "2022-02-01", "last": "2022-01-01", "amount": 1, "source": "x"}])
    with pytest.raises(ValidationError, match="both a point and stated amounts"):
        account_of(**DIESEL, point="m.mass", stated=[{"first": "2022-02-01", "last": "2022-02-01", "amount": 1, "source": "x"}])
    with pytest.raises(ValidationError, match="point"):
        account_of(**DIESEL)


def test_an_amount_that_no_ledger_can_hold_is_refused_when_it_is_read():
    with pytest.raises(ValidationError, match="less than or equal to"):
        account_of(**DIESEL, stated=[{"first": "2022-02-01", "last": "2022-02-01", "amount": "1e25", "source": "x"}])
