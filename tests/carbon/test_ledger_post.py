"""Posting: exact integers, one rounding per entry, the same batch in any order, nothing in part."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon.accounts import account_of
from carbon.ledger.batch import Batch, Rule
from carbon.ledger.coverage import STATES, coverage
from carbon.ledger.files import merkle_root
from carbon.ledger.ledger import Ledger
from carbon.ledger.mass import masses
from carbon.ledger.parallel import post_in
from carbon.ledger.post import post
from city import quality as q
from city.problems import PenstockError

KNOWN = datetime(2022, 6, 16, tzinfo=UTC)
ROME = "Europe/Rome"
CITY = ("kind", "basis", "gas")


def grid(**changes):
    base = {"id": "a", "kind": "grid-electricity", "point": "p.energy", "site": "s", "sector": "x", "region": "CN-ZJ"}
    return account_of(**{**base, **changes})


def gas(**changes):
    return grid(**{"id": "g", "kind": "natural-gas", "point": "g.volume", **changes})


@pytest.fixture
def entries(shipped) -> Callable[..., Batch]:
    def made(frame, accounts=None, zone=ROME, reason=""):
        return post(frame, accounts or [grid()], (), shipped, KNOWN, zone=zone, reason=reason)

    return made


def test_ten_kwh_in_zhejiang_2022_weigh_5153_grams(usage, entries):
    made = entries(usage("p.energy", [10_000]))
    assert made.columns["mg"].tolist() == [5_153_000]  # 10 kWh x 0.5153 kg/kWh
    (rule,), (line,) = made.rules, made.lines
    assert rule.rule_id == "cn.mee.grid.average-provincial.CN-ZJ.2022"
    assert (line.scope, line.account_id, rule.kind) == (2, "a", "posting")
    assert (made.columns["counts"].tolist(), made.columns["reverses"].tolist(), made.columns["seconds"].tolist()) == ([1], [-1], [900])


def test_a_cubic_metre_of_gas_weighs_its_co2_and_its_methane_and_counts_once(usage, entries):
    made = entries(usage("g.volume", [1_000_000], quantity="gas_m3"), [gas()])
    found = {
        made.rules[rule].gas: (mg, counts)
        for rule, mg, counts in zip(*(made.columns[n].tolist() for n in ("rule", "mg", "counts")), strict=True)
    }
    # 1.2143 kgce/m3 / 0.03412 kgce/MJ = 35.5891 MJ/m3; x 56100 kg/TJ = 1.9965483587 kg CO2, x 1 kg/TJ = 35.59 mg CH4
    assert found == {"CO2": (1_996_548, 1), "CH4": (36, 0)}
    book = Ledger.of([made]).book(CITY, zone=ROME)
    assert book.set_index("gas")["amount"].to_dict() == {"CO2": 1_000_000, "CH4": 0}
    assert book["measured"].sum() == 1


@given(
    st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=40),
    st.lists(st.fractions(min_value=-3, max_value=3000, max_denominator=10**12), min_size=1, max_size=4),
)
def test_mass_is_the_fraction_rounded_half_to_even(amounts, ratios):
    rules = [Rule(str(i), "CO2", ratio.numerator, ratio.denominator, "posting", "location") for i, ratio in enumerate(ratios)]
    rule = np.arange(len(amounts), dtype=np.int32) % len(rules)
    exact = [round(amount * ratios[i]) for amount, i in zip(amounts, rule.tolist(), strict=True)]
    if max(map(abs, exact)) < 2**63:
        assert masses(np.array(amounts, np.int64), rule, rules).tolist() == exact
    else:
        with pytest.raises(PenstockError, match=r"below 2\^63"):
            masses(np.array(amounts, np.int64), rule, rules)


def test_half_a_milligram_goes_to_the_even_neighbour_on_both_sides_of_zero():
    half = [Rule("half", "CO2", 1, 2, "posting", "direct")]
    assert masses(np.array([1, 3, 5, 7, -1, -3], np.int64), np.zeros(6, np.int32), half).tolist() == [0, 2, 2, 4, 0, -2]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_accounts_changes_no_bit_and_parts_add_up(usage, shipped, amounts, chance):
    frame = usage("p.energy", amounts)
    accounts = [grid(), grid(id="b", point="other"), gas()]
    whole = post(frame, accounts, (), shipped, KNOWN, zone=ROME)
    order = list(range(len(amounts)))
    chance.shuffle(order)
    chance.shuffle(accounts)
    assert merkle_root(post(frame.iloc[order], accounts, (), shipped, KNOWN, zone=ROME)) == merkle_root(whole)
    cut = len(order) // 2
    parts = [post(frame.iloc[part], accounts, (), shipped, KNOWN, zone=ROME) for part in (order[:cut], order[cut:])]
    assert sum(int(part.columns["mg"].sum()) for part in parts) == int(whole.columns["mg"].sum())
    assert whole.columns["mg"].sum() == sum(round(Fraction(amount) * Fraction("515.3")) for amount in amounts)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_a_day_of_everything_is_the_same_to_the_bit_in_one_two_and_four_processes(day, books, shipped, processes):
    order = list(range(len(day)))
    random.Random(processes).shuffle(order)  # noqa: S311 - a shuffle, no secret
    categorical = day.iloc[order].astype({"point_id": "category", "quantity": "category"})
    made = post_in(processes, categorical, books[::-1], (), shipped, KNOWN, zone=ROME)
    assert merkle_root(made) == merkle_root(post(day, books, (), shipped, KNOWN, zone=ROME))


def test_usage_that_cannot_be_posted_is_refused_in_several_processes_too(day, books, shipped):
    with pytest.raises(PenstockError, match="a negative amount"):
        post_in(2, day.assign(amount=-1), books, (), shipped, KNOWN, zone=ROME)


def test_water_carries_volume_and_the_pumps_carry_the_kilograms(day, books, entries):
    book = Ledger.of([entries(day, books)]).book(("account_id", "gas"), zone=ROME).groupby("account_id")[["amount", "mg"]].sum()
    assert book.loc["supply"].tolist() == [400_000_000, 0]
    assert book.loc["loss"].tolist() == [20_000_000, 0]
    assert book.loc["pumps"].tolist() == [200_000, 103_060_000]  # 200 kWh x 0.5153
    assert book.loc["roofs"].tolist() == [8_000, 0]


def test_own_supply_of_the_hour_weighs_nothing_and_grid_and_own_are_what_the_meter_counted(usage, entries):
    frame = pd.concat([usage("p.energy", [600]).assign(supply="grid"), usage("p.energy", [400]).assign(supply="own")])
    book = Ledger.of([entries(frame)]).book(("rule_id",), zone=ROME).set_index("basis")
    assert book["amount"].to_dict() == {"location": 600, "direct": 400}
    assert book["mg"].to_dict() == {"location": 309_180, "direct": 0}
    with pytest.raises(PenstockError, match="grid or own"):
        entries(frame.assign(supply="neighbour"))


def test_the_factor_year_is_the_civil_year_and_a_period_across_it_is_refused(usage, entries):
    new_year = usage("p.energy", [10_000, 10_000], start="2021-12-31T22:45Z")
    assert entries(new_year).columns["mg"].tolist() == [5_422_000, 5_153_000]  # 0.5422 kg/kWh in 2021, 0.5153 in 2022
    with pytest.raises(PenstockError, match=r"account 'a', 2021-12-31.*the factor of 2021-12-31 is another one"):
        entries(usage("p.energy", [10_000], start="2021-12-31T22:45Z", minutes=30))


def test_a_day_without_a_factor_names_the_usage_row_that_needs_it(usage, entries):
    late = pd.concat([usage("p.energy", [1]), usage("p.energy", [1], start="2031-01-01T00:00Z")], ignore_index=True)
    with pytest.raises(PenstockError, match=r"usage row 1 of 'p.energy', 2031-01-01T00:00Z .*no factor is valid on that day"):
        entries(late)


def test_measured_estimated_substituted_and_missing_stay_apart_and_missing_weighs_nothing(usage, entries):
    codes = [
        q.VALID,
        q.code(q.Flag.ESTIMATED_LINEAR, q.Cause.GAP),
        q.code(q.Flag.EDITED),
        q.missing(q.Cause.TIMEOUT),
        q.questionable(q.Cause.SPIKE),
    ]
    made = entries(usage("p.energy", [1000, 1000, 1000, 0, 9_999_999]).assign(quality=codes))
    assert made.columns["quality"].tolist() == codes
    assert [STATES[state] for state in coverage(made.columns["quality"])] == ["measured", "estimated", "substituted", "missing", "missing"]
    assert made.columns["amount"].tolist() == [1000, 1000, 1000, 0, 0]
    (row,) = Ledger.of([made]).book(CITY, zone=ROME).to_dict("records")
    assert [row[name] for name in STATES] == [1, 1, 1, 2]
    assert (row["mg"], row["mg_estimated"], row["mg_substituted"]) == (3 * 515_300, 515_300, 515_300)


def test_the_latest_version_of_a_period_is_posted(usage, entries):
    made = entries(pd.concat([usage("p.energy", [1000, 7]), usage("p.energy", [2000], version=2)]))
    assert made.columns["amount"].tolist() == [2000, 7]
    assert made.columns["version"].tolist() == [2, 1]


def test_doubled_overlapping_negative_and_backward_usage_post_nothing_and_name_the_row(usage, entries):
    good = usage("p.energy", [1000, 1000])
    bad = {
        "usage row 2 of 'p.energy', 2022-06-14T22:00Z to 2022-06-14T22:15Z: given twice": pd.concat(
            [good, good.head(1)], ignore_index=True
        ),
        "usage row 2 .*overlaps the period before": pd.concat([good, usage("p.energy", [1], start="2022-06-14T22:05Z")], ignore_index=True),
        "usage row 1 .*a negative amount": good.assign(amount=[1, -1]),
        "usage row 0 .*does not end after its start": good.assign(period_end_utc=good["period_start_utc"]),
        "no whole number of seconds": good.assign(period_end_utc=good["period_end_utc"] - pd.Timedelta("1us")),
    }
    for words, frame in bad.items():
        with pytest.raises(PenstockError, match=words):
            entries(frame)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": [1.5, 2.0]}, "column amount: float64"),
        ({"quality": [1, 1 << 16]}, "row 1: quality 65536"),
        ({"period_start_utc": pd.to_datetime(["2022-06-14T22:00", "2022-06-14T22:15"])}, "times with a zone"),
        ({"period_start_utc": pd.to_datetime(["2022-06-14T22:00Z", None])}, "row 1: no period_start_utc"),
        ({"point_id": ["p.energy", None]}, "row 1: no point_id"),
    ],
)
def test_a_table_that_is_no_usage_is_a_sentence(usage, entries, changes, words):
    with pytest.raises(PenstockError, match=words):
        entries(usage("p.energy", [1, 2]).assign(**changes))
    with pytest.raises(PenstockError, match="no column quality, version"):
        entries(usage("p.energy", [1]).drop(columns=["quality", "version"]))


def test_one_point_in_two_accounts_is_refused(usage, entries):
    with pytest.raises(PenstockError, match="'b'"):
        entries(usage("p.energy", [1]), [grid(), grid(id="b")])


def test_no_usage_gives_an_empty_batch_that_knows_its_accounts(usage, entries):
    made = entries(usage("p.energy", []))
    assert (made.rows, [line.account_id for line in made.lines]) == (0, ["a"])
    assert Ledger.of([made]).book(zone=ROME).empty
    assert Ledger.of([made]).entries().empty


def test_a_hundred_thousand_entries_are_posted_in_one_cpu_second(usage, shipped):
    accounts = [grid(id=f"a{i}", point=f"m{i}.energy") for i in range(50)]
    frame = pd.concat([usage(book.point, list(range(2000)), start="2022-03-01T00:00Z") for book in accounts], ignore_index=True)
    before = time.process_time()
    made = post(frame, accounts, (), shipped, KNOWN, zone=ROME)
    assert made.rows == 100_000
    assert time.process_time() - before < 1
