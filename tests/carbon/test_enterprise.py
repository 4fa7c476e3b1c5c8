"""Monitoring data and allowances of an enterprise, with numbers done by hand."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from carbon.enterprise.allowances import allocated, position
from carbon.enterprise.plan import Benchmark, Enterprise, MarketYear, Stream
from carbon.enterprise.quality import of_stream
from carbon.enterprise.report import report
from carbon.ledger.batch import Rule
from city.problems import PenstockError

METER = {"instrument": "DTSD341, room 2", "accuracy_percent": Decimal("0.5"), "parameter": "electricity bought"}
POWER = Stream(id="power", account="el", calibrated_on=date(2023, 1, 1), calibration_months=12, **METER)
GAS = Stream(id="gas", account="gas", factor_uncertainty_percent=Decimal(2), **METER)


def days(*rows: tuple[str, int, int, int]) -> pd.DataFrame:
    """(day, amount, measured, missing), weighed at half a milligram per unit."""
    frame = pd.DataFrame(rows, columns=["period", "amount", "measured", "missing"]).assign(estimated=0, substituted=0)
    return frame.assign(mg=[amount / 2 for amount in frame["amount"]])


def test_days_with_gaps_are_raised_to_the_largest_complete_day() -> None:
    told = of_stream(POWER, days(("2023-01-01", 100, 24, 0), ("2023-01-02", 40, 20, 4)), date(2023, 1, 1), date(2023, 1, 3))
    # 60 for the second day, 100 for the third, of which nothing was heard.
    assert (told.substituted_amount, told.substituted_mg) == (160, 80)
    assert (told.days, told.complete_days, told.missing, told.completeness) == (3, 1, 4 + 24, Decimal(1) / 3)
    assert told.grade == "D"


def test_a_plan_without_substitution_puts_nothing_in_place() -> None:
    plain = POWER.model_copy(update={"when_missing": "none"})
    assert of_stream(plain, days(("2023-01-01", 100, 24, 0)), date(2023, 1, 1), date(2023, 1, 2)).substituted_amount == 0


def test_a_stream_nobody_heard_of_is_graded_d_and_says_so() -> None:
    told = of_stream(POWER, days(), date(2023, 1, 1), date(2023, 1, 2))
    assert (told.grade, told.complete_days, told.missing) == ("D", 0, 2)
    assert "no complete day" in told.sentence


@pytest.mark.parametrize(("day", "good"), [(date(2024, 1, 1), True), (date(2024, 1, 2), False)])
def test_a_calibration_ends_after_its_months(day: date, good: bool) -> None:
    told = of_stream(POWER, days((str(day), 100, 24, 0)), day, day)
    assert (told.calibrated, told.grade) == (good, "A" if good else "C")


def test_an_invoice_is_never_grade_a() -> None:
    paper = Stream(id="power", account="el", parameter="electricity", source="invoice")
    assert of_stream(paper, days(("2023-01-01", 1, 1, 0)), date(2023, 1, 1), date(2023, 1, 1)).grade == "B"


def plant(**year) -> Enterprise:
    return Enterprise(id="works", accounts=("el", "gas"), streams=(POWER, GAS), years=(MarketYear(year=2023, **year),))


SUPPLY = Benchmark(product="electricity supplied", output=Decimal(1000), unit="MWh", t_per_unit=Decimal("0.7861"))


def test_allocation_is_benchmark_times_output_in_whole_allowances() -> None:
    heat = Benchmark(product="heat", output=Decimal(100), unit="GJ", t_per_unit=Decimal("0.1105"), correction=Decimal("0.5"))
    assert allocated(MarketYear(year=2023, benchmarks=(SUPPLY, heat))) == 786 + 6  # 786.1 and 5.525


def test_a_shortfall_is_a_number_and_a_sentence() -> None:
    found = position(plant(verified_t=900, benchmarks=(SUPPLY,), carried_in=20, bought=30, sold=10, ccer=45, surrendered=5), 2023, 0)
    # held 786 + 20 + 30 - 10 - 5 = 821; owed 900 - 45 - 5 = 850
    assert (found.held_t, found.owed_t, found.position_t) == (821, 850, -29)
    assert "29 allowances lack" in found.sentence


def test_before_verification_the_ledger_stands_in_rounded_up() -> None:
    found = position(plant(), 2023, 1_000_000_001)
    assert (found.emitted_t, found.verified) == (2, False)
    assert "not verified yet" in found.sentence


@pytest.mark.parametrize(
    ("year", "named"),
    [
        ({"ccer": 51}, "at most 5 %"),
        ({"sold": 1}, "allowances sold"),
        ({"surrendered": 5}, "surrendered"),
        ({"bought": 2000, "surrendered": 1001}, "owed"),
    ],
)
def test_what_cannot_be_is_a_sentence(year: dict[str, int], named: str) -> None:
    with pytest.raises(PenstockError, match=named):
        position(plant(verified_t=1000, **year), 2023, 0)


numbers = st.integers(0, 10**6)


@given(numbers, numbers, numbers, numbers, numbers)
def test_nothing_is_made_or_lost_between_given_and_left(emitted: int, carried: int, bought: int, sold: int, surrendered: int) -> None:
    given_year = plant(verified_t=emitted, carried_in=carried, bought=bought, sold=sold, surrendered=surrendered)
    try:
        found = position(given_year, 2023, 0)
    except PenstockError:
        assert sold > carried + bought or surrendered > min(carried + bought - sold, emitted)
        return
    assert found.position_t == carried + bought - sold - emitted
    assert found.held_t >= 0
    assert found.owed_t >= 0


def test_streams_must_be_of_own_accounts_and_counted_once() -> None:
    with pytest.raises(ValidationError, match="does not answer for"):
        Enterprise(id="x", accounts=("other",), streams=(POWER,))
    with pytest.raises(ValidationError, match="count twice"):
        Enterprise(id="x", accounts=("el",), streams=(POWER, POWER.model_copy(update={"id": "again"})))
    with pytest.raises(ValidationError, match="instrument"):
        Stream(id="s", account="el", parameter="power")


def year_book(*rows: dict) -> pd.DataFrame:
    base = {"kind": "posting", "quantity": "energy_kwh", "gas": "CO2", "rule_id": "grid", "estimated": 0, "substituted": 0, "missing": 0}
    return pd.DataFrame([base | {"measured": 24} | row for row in rows])


def test_the_report_adds_streams_substitutes_and_accounts_without_a_stream() -> None:
    book = year_book(
        {"account_id": "el", "period": "2023-01-01", "amount": 2_000_000, "mg": 10**9},
        {"account_id": "el", "period": "2023-01-02", "amount": 1_000_000, "mg": 5 * 10**8, "measured": 12, "missing": 12},
        {"account_id": "gas", "period": "2023-01-01", "amount": 1_000_000, "quantity": "gas_m3", "mg": 2 * 10**6, "rule_id": "burn"},
        {"account_id": "gas", "period": "2023-01-02", "amount": 1_000_000, "quantity": "gas_m3", "mg": 2 * 10**6, "rule_id": "burn"},
        {"account_id": "el", "period": "2022-12-31", "amount": 7, "mg": 7},
        {"account_id": "neighbour", "period": "2023-01-01", "amount": 7, "mg": 7},
    )
    rules = [Rule(name, "CO2", 1, 2, "posting", "location", ((f"f.{name}", "0"),)) for name in ("grid", "burn")]
    works = Enterprise(id="works", accounts=("el", "gas"), streams=(POWER,))
    made = report(works, 2023, book, rules, [], {"CO2": Decimal(1)}, date(2023, 1, 2))
    row = made.streams.iloc[0]
    assert (row["amount"], row["unit"], row["factor_id"], row["factor"]) == (3000, "kWh", "f.grid", Decimal("0.5"))
    assert (row["mg"], row["substituted_mg"], row["emitted_mg"]) == (15 * 10**8, 5 * 10**8, 2 * 10**9)
    assert made.position.emitted_t == 3  # 2 t of power and 4 kg of gas, rounded up
    assert "account gas has no stream" in " ".join(made.sentences)
    assert row["uncertainty_percent"] is None  # the factor states no interval
    assert made.plan()[3][0] == "power"
    assert made.plan()[3][1].startswith("electricity bought; measured")


def test_the_uncertainty_of_activity_and_factor_is_the_root_of_squares() -> None:
    book = year_book({"account_id": "gas", "period": "2023-01-01", "amount": 1, "mg": 10**6, "rule_id": "burn"})
    rules = [Rule("burn", "CO2", 1, 1, "posting", "direct", (("f", "0"),))]
    works = Enterprise(id="works", accounts=("gas",), streams=(GAS,))
    made = report(works, 2023, book, rules, [], {"CO2": Decimal(1)}, date(2023, 1, 1))
    assert made.streams["uncertainty_percent"][0] == round((0.5**2 + 2**2) ** 0.5, 3)  # 2.062 %
    assert Fraction(str(made.streams["factor"][0])) == 1000


def test_a_year_without_entries_is_a_report_of_zeros_and_not_an_error() -> None:
    works = Enterprise(id="works", accounts=("el",), streams=(POWER,))
    made = report(
        works, 2023, year_book({"account_id": "el", "period": "2022-01-01", "amount": 1, "mg": 1}), [], [], {}, date(2023, 12, 31)
    )
    assert made.streams["mg"].tolist() == [0]
    assert made.position.emitted_t == 0


def test_a_stream_nobody_heard_of_is_not_certain() -> None:
    empty = year_book({"account_id": "other", "period": "2023-01-01", "amount": 1, "mg": 1})
    made = report(plant(), 2023, empty, [], [], {"CO2": Decimal(1)}, date(2023, 1, 2)).streams.set_index("stream")
    assert made.loc["power", ["emitted_mg", "grade"]].tolist() == [0, "D"]
    assert pd.isna(made.loc["power", "uncertainty_percent"])


@pytest.mark.parametrize("name", ["", "../up", "a\\b", "a\x1b[2J"])
def test_ids_that_name_no_file_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Enterprise(id=name, accounts=("el",))
