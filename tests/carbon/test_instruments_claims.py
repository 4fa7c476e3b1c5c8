"""Certificates and contracts are laid over use exactly once, and a sold certificate takes the claim along."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.apportion import apportion
from carbon.instruments.claims import Claim, Issued, kept, lay
from carbon.instruments.hours import Hours, hours_of, users
from city.problems import PenstockError

START = datetime(2023, 1, 1, tzinfo=UTC)


def hours(used, own=None, made=None, accounts=("a", "b"), plants=("roof",), location=None) -> Hours:
    used = np.array(used, dtype=np.int64)
    n, t = used.shape
    times = pd.date_range(START, periods=t, freq="h", unit="us")
    own = np.zeros((n, t), np.int64) if own is None else np.array(own, np.int64)
    made = np.zeros((len(plants), t), np.int64) if made is None else np.array(made, np.int64)
    location = 500 * (used - own) if location is None else np.array(location, np.int64)
    return Hours(accounts[:n], plants, times, "UTC", used, own, made, location, np.zeros((n, t), bool))


def laid(town: Hours, claims: list[Claim], free) -> list[np.ndarray]:
    """What each claim covers, as a table of all accounts and hours."""
    tables = []
    for one in lay(town, claims, np.array(free, np.int64)):
        tables.append(np.zeros_like(town.used_wh))
        one.add_to(tables[-1])
    return tables


def claim(wh, span=4, name="r1", kind="certificate", accounts=("a",), first=0, **more) -> Claim:
    start = START + timedelta(hours=first)
    return Claim(name, kind, "lot", accounts, start, start + timedelta(hours=span), wh, Fraction(0), **more)


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_shares_add_up_and_are_within_one_of_their_part(total: int, weights: list[int]) -> None:
    if not sum(weights):
        weights[0] = 1
    parts = apportion(total, weights)
    assert sum(parts) == total
    assert all(abs(Fraction(total * w, sum(weights)) - part) < 1 for w, part in zip(weights, parts, strict=True))
    if total <= sum(weights):
        assert all(part <= w for w, part in zip(weights, parts, strict=True))


def test_shares_of_seven_among_three_go_to_the_largest_remainders() -> None:
    assert apportion(7, [1, 1, 1]) == [3, 2, 2]  # a tie goes to the first
    assert apportion(10, [0, 1, 2]) == [0, 3, 7]  # 3.33 and 6.67


def test_nobody_to_share_with_is_a_sentence() -> None:
    with pytest.raises(PenstockError, match="weights"):
        apportion(5, [0, 0])


def test_a_certificate_of_four_hours_is_shared_by_use_and_capped() -> None:
    used = [[10, 20, 30, 40], [5, 5, 5, 5]]
    assert laid(hours(used), [claim(50)], used)[0].tolist() == [[5, 10, 15, 20], [0, 0, 0, 0]]
    assert laid(hours(used), [claim(500)], used)[0].sum() == 100  # 400 Wh find no use and cover nothing


def test_what_is_of_an_hour_is_laid_before_what_is_of_the_month() -> None:
    used = [[10, 10, 10, 10]]
    times = hours(used).times
    ppa = claim(12, kind="contract", name="ppa", hours=((times[0], 12),))
    month, hour = laid(hours(used), [claim(30), ppa], used)
    assert hour.tolist() == [[10, 0, 0, 0]]  # 2 Wh of surplus in hour 0 are of no use to hour 1
    assert month.tolist() == [[0, 10, 10, 10]]


def test_a_claim_that_fails_a_criterion_covers_nothing() -> None:
    used = [[10, 10]]
    assert laid(hours(used), [claim(30, failed=("outside its market",))], used)[0].sum() == 0


def test_a_claim_on_an_unknown_account_is_a_sentence() -> None:
    with pytest.raises(PenstockError, match="account nobody"):
        lay(hours([[1]]), [claim(1, accounts=("nobody",))], np.array([[1]]))


tables = st.integers(1, 6).flatmap(lambda t: st.lists(st.lists(st.integers(0, 40), min_size=t, max_size=t), min_size=2, max_size=2))


@given(tables, st.lists(st.tuples(st.integers(0, 150), st.integers(0, 5), st.integers(1, 6), st.booleans()), max_size=5))
def test_no_watt_hour_is_covered_twice(used: list[list[int]], asked: list[tuple[int, int, int, bool]]) -> None:
    table = np.array(used)
    claims = [
        claim(wh, span, f"r{i}", "contract" if both else "certificate", ("a", "b") if both else ("a",), first)
        for i, (wh, first, span, both) in enumerate(asked)
    ]
    covered = laid(hours(used), claims, table)
    assert (sum(covered, np.zeros_like(table)) <= table).all()
    assert all(wh.sum() <= one.wh and (wh >= 0).all() for one, wh in zip(claims, covered, strict=True))


def test_issued_certificates_are_charged_to_export_before_own_use() -> None:
    # 100 made in each of two hours, 60 used at home in the first, 20 in the second: 120 exported.
    town = hours([[60, 20]], own=[[60, 20]], made=[[100, 100]])
    lot = Issued("gec", "roof", START, START + timedelta(hours=2), 120)
    assert kept(town, [lot])[0].sum() == 80
    lot = Issued("gec", "roof", START, START + timedelta(hours=2), 160)
    assert kept(town, [lot])[0].tolist() == [[30, 10]]  # 40 of own use lose their claim, in proportion


def test_more_certificates_than_power_leave_no_claim_and_a_sentence() -> None:
    town = hours([[60]], own=[[60]], made=[[100]])
    claimed, problems = kept(town, [Issued("gec", "roof", START, START + timedelta(hours=1), 2_000_000)])
    assert claimed.sum() == 0
    assert "2 MWh issued" in str(problems[0])


@given(
    st.integers(1, 5).flatmap(lambda t: st.tuples(*[st.lists(st.integers(0, 50), min_size=t, max_size=t) for _ in range(4)])),
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(1, 5), st.integers(0, 120)), max_size=4),
)
def test_no_power_is_claimed_and_sold(rows: tuple[list[int], ...], lots: list[tuple[int, int, int, int]]) -> None:
    use_a, use_b, roof, park = (np.array(row) for row in rows)
    total, load = roof + park, use_a + use_b
    own_all = np.minimum(total, load)
    own_a = np.minimum(use_a, own_all)
    town = hours([use_a, use_b], own=[own_a, own_all - own_a], made=[roof, park], plants=("roof", "park"))
    issued = [
        Issued(f"lot{i}", ("roof", "park")[plant], START + timedelta(hours=first), START + timedelta(hours=first + span), wh)
        for i, (plant, first, span, wh) in enumerate(lots)
    ]
    claimed, problems = kept(town, issued)
    assert (claimed >= 0).all()
    assert (claimed <= town.own_wh).all()
    if not problems:
        assert claimed.sum() + sum(one.wh for one in issued if one.start_utc < town.times[-1] + timedelta(hours=1)) <= total.sum()


def test_hours_come_out_of_the_book_with_own_supply_and_gaps() -> None:
    row = {"carrier": "electricity", "kind": "posting", "scope": 2, "gas": "CO2", "estimated": 0, "substituted": 0}
    told = [
        {
            **row,
            "account_id": "a",
            "period": "2023-01-01T08:00+08:00",
            "basis": "location",
            "amount": 70,
            "mg": 30,
            "measured": 1,
            "missing": 0,
        },
        {
            **row,
            "account_id": "a",
            "period": "2023-01-01T08:00+08:00",
            "basis": "direct",
            "amount": 30,
            "mg": 0,
            "measured": 1,
            "missing": 0,
        },
        {
            **row,
            "account_id": "a",
            "period": "2023-01-01T09:00+08:00",
            "basis": "location",
            "amount": 0,
            "mg": 0,
            "measured": 0,
            "missing": 1,
        },
        {**row, "account_id": "roof", "kind": "memo", "gas": "-", "period": "2023-01-01T08:00+08:00", "basis": "-"}
        | {"amount": 45, "mg": 0, "measured": 1, "missing": 0},
    ]
    book = pd.DataFrame(told)
    assert users(book) == ("a",)
    found = hours_of([book[:2], book[2:]], users(book), ["roof"], START, START + timedelta(hours=3), "Asia/Shanghai", {})
    assert (found.accounts, found.used_wh.tolist(), found.own_wh.tolist()) == (("a",), [[100, 0, 0]], [[30, 0, 0]])
    assert (found.made_wh.tolist(), found.location_mg.tolist()) == ([[45, 0, 0]], [[30, 0, 0]])
    assert found.lacking.tolist() == [[False, True, True]]
    assert set(found.months) == {"2023-01"}
    with pytest.raises(PenstockError, match="a sum of 2023-01-01T09:00"):  # nothing is left out silently
        hours_of([book], users(book), ["roof"], START, START + timedelta(hours=1), "Asia/Shanghai", {})
