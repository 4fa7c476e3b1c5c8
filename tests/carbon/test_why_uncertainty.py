"""Propagation of errors: worked answers, correlation, a Monte Carlo oracle, and sums that must not be made."""

import json
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.factors import load
from carbon.ledger.batch import Rule
from carbon.why.masses import Avoided
from carbon.why.uncertainty import Source, of_book, propagated
from city.problems import PenstockError

GOLDEN = Path(os.environ.get("PENSTOCK_DATA", "../shared/data")) / "carbon" / "golden_vectors.json"


def test_worked_answers_of_approach_1():
    if not GOLDEN.exists():
        pytest.skip(f"{GOLDEN} is not there")
    expected = json.loads(GOLDEN.read_text())["uncertainty_IPCC_A1"]
    product = propagated([(100.0, [Source("activity", "meter", 0.02), Source("factor", "factor", 0.05)])])  # eq. 3.1
    assert round(100 * product.relative, 4) == float(expected["activity 2%, factor 5%"])
    combined = propagated([(100.0, [Source("a", "meter", product.relative)]), (50.0, [Source("b", "meter", 0.10)])])  # eq. 3.2
    assert round(100 * combined.relative, 3) == float(expected["sum of 100+-5.3852% and 50+-10%"])


def test_two_meters_that_share_a_factor_share_its_error():
    """100 + 100 kg, meters 3 % each, one factor of 4 %: 2 x 9 + (8 of 200)^2, not halved by adding."""
    shared = propagated([(100.0, [Source(f"meter {i}", "meter", 0.03), Source("grid", "factor", 0.04)]) for i in (1, 2)])
    assert shared.relative * 200 == pytest.approx((3**2 + 3**2 + 8**2) ** 0.5)
    apart = propagated([(100.0, [Source(f"meter {i}", "meter", 0.03), Source(f"grid {i}", "factor", 0.04)]) for i in (1, 2)])
    assert apart.relative * 200 == pytest.approx((3**2 + 3**2 + 4**2 + 4**2) ** 0.5)
    assert shared.by_source.iloc[0].to_dict() == pytest.approx({"source": "grid", "kind": "factor", "kg": 8.0, "share": 64 / 82})


def test_a_reversal_takes_its_uncertainty_back():
    source = [Source("grid", "factor", 0.1)]
    assert propagated([(100.0, source), (-100.0, source), (50.0, source)]).relative == pytest.approx(0.1)


def test_what_nobody_states_is_told_and_not_invented():
    made = propagated([(75.0, [Source("a", "meter", 0.02)]), (25.0, [Source("b", "meter", None), Source("grid", "factor", 0.04)])])
    assert made.unstated_share == 0.25
    assert made.unstated == ("b",)
    assert made.relative * 100 == pytest.approx((1.5**2 + 1.0**2) ** 0.5)
    assert "For 25.0 % of the mass a source states no uncertainty" in made.sentence
    nothing = propagated([(25.0, [Source("b", "meter", None)])])
    assert nothing.sentence == "0.025 t; no uncertainty is stated for any part of it."


@pytest.mark.parametrize("relative", [0.02, 0.1, 0.3])
def test_intervals_agree_with_a_monte_carlo_of_the_same_sources(relative):
    """Four meters, two factors, one warming potential; 400,000 draws of normal errors. Second-order terms stay below 3 % of the width."""
    rng = np.random.default_rng(5)
    kg = np.array([400.0, 300.0, 200.0, 100.0])
    factor_of = [0, 0, 1, 1]
    made = propagated(
        (
            mass,
            [
                Source(f"m{i}", "meter", relative / 2),
                Source(f"f{factor_of[i]}", "factor", relative),
                *([Source("gwp", "gwp", relative)] if i == 3 else []),
            ],
        )
        for i, mass in enumerate(kg)
    )
    draws = 400_000
    error = rng.standard_normal((7, draws)) / 1.959963984540054
    terms = kg[:, None] * (1 + relative / 2 * error[:4]) * (1 + relative * error[4:6][factor_of])
    terms[3] *= 1 + relative * error[6]
    low, high = np.quantile(terms.sum(axis=0), [0.025, 0.975])
    assert made.shape == "normal"
    assert (made.high_kg - made.low_kg) == pytest.approx(high - low, rel=0.03)


def test_a_large_uncertainty_is_log_normal_and_never_below_zero():
    """100 kg +- 150 %: same mean and standard deviation as the draws; 95 % of them lie inside."""
    made = propagated([(100.0, [Source("n2o", "factor", 1.5)])])
    assert made.shape == "log-normal"
    assert 0 < made.low_kg < 100 < made.high_kg
    spread = np.log1p((1.5 / 1.959963984540054) ** 2)
    draws = np.random.default_rng(2).lognormal(np.log(100) - spread / 2, spread**0.5, 400_000)
    assert draws.std() == pytest.approx(150 / 1.959963984540054, rel=0.02)
    assert ((draws > made.low_kg) & (draws < made.high_kg)).mean() == pytest.approx(0.95, abs=0.002)


def test_a_difference_of_masses_may_pass_zero():
    """1000 kg and -990 kg, each +- 10 %: 10 kg +- 140.7 kg, as draws say; a log-normal would forbid half of it."""
    made = propagated([(1000.0, [Source("a", "meter", 0.1)]), (-990.0, [Source("b", "meter", 0.1)])])
    one, other = np.random.default_rng(3).standard_normal((2, 400_000)) / 1.959963984540054
    low, high = np.quantile(1000 * (1 + 0.1 * one) - 990 * (1 + 0.1 * other), [0.025, 0.975])
    assert made.shape == "normal"
    assert [made.low_kg, made.high_kg] == pytest.approx([low, high], rel=0.01)


def test_gases_of_one_rule_keep_their_own_factors():
    rules = [Rule("ar.fuel", gas, 1, 1, "posting", "direct", ((f"f.{gas}", "0" * 64),)) for gas in ("CO2", "CH4")]
    rows = [{"account_id": "a", "rule_id": "ar.fuel", "gas": gas, "kind": "posting", "co2e_mg": Decimal(10**8)} for gas in ("CO2", "CH4")]
    factors = [
        load()[0].model_copy(update={"id": f"f.{gas}", "uncertainty_percent": u}) for gas, u in (("CO2", Decimal(3)), ("CH4", Decimal(4)))
    ]
    made = of_book(pd.DataFrame(rows), rules, factors, {"a": Decimal(0)}, {"CH4": Decimal(0)})
    assert made.relative * 200 == pytest.approx(5)  # 3 and 4 kg, independent


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(0, 0.2), st.floats(0, 0.2)), min_size=1, max_size=6))
def test_sharing_a_source_never_narrows_an_interval(terms):
    """All masses are positive: full correlation is the upper bound, independence the lower."""
    apart = propagated((kg, [Source(f"m{i}", "meter", u), Source(f"f{i}", "factor", 0.1)]) for i, (kg, u, _) in enumerate(terms))
    shared = propagated((kg, [Source(f"m{i}", "meter", u), Source("f", "factor", 0.1)]) for i, (kg, u, _) in enumerate(terms))
    assert shared.relative >= apart.relative - 1e-12


def test_a_book_takes_its_sources_from_accounts_rules_and_gases():
    """Two accounts of 100 kg CO2 by one grid factor (4 %), one of 10 kg CO2e methane; meters 2 %, 2 % and unknown."""
    rules = [
        Rule("grid", "CO2", 1, 1, "posting", "location", (("cn.grid", "0" * 64),)),
        Rule("gas.ch4", "CH4", 1, 1, "posting", "direct", (("ipcc.ch4", "0" * 64),)),
    ]
    row = {"period": "2025", "mg": 0, "kind": "posting"}
    book = pd.DataFrame(
        [
            row | {"account_id": "a", "rule_id": "grid", "gas": "CO2", "co2e_mg": Decimal(60_000_000)},
            row | {"account_id": "a", "rule_id": "grid", "gas": "CO2", "co2e_mg": Decimal(40_000_000), "period": "2026"},
            row | {"account_id": "b", "rule_id": "grid", "gas": "CO2", "co2e_mg": Decimal(100_000_000)},
            row | {"account_id": "c", "rule_id": "gas.ch4", "gas": "CH4", "co2e_mg": Decimal(10_000_000)},
            row | {"account_id": "d", "rule_id": "grid", "gas": "CO2", "co2e_mg": Decimal(10**12), "kind": "outside"},
        ]
    )
    factors = [
        load()[0].model_copy(update={"id": name, "uncertainty_percent": u}) for name, u in (("cn.grid", Decimal(4)), ("ipcc.ch4", None))
    ]
    made = of_book(book, rules, factors, {"a": Decimal(2), "b": Decimal(2)}, {"CH4": Decimal(11)})
    assert made.kg == 210
    assert made.relative * 210 == pytest.approx((2**2 + 2**2 + 8**2 + 1.1**2) ** 0.5)
    assert made.unstated == ("factor ipcc.ch4", "meter c")
    assert made.unstated_share == pytest.approx(10 / 210)
    with pytest.raises(PenstockError, match=r"entries by rule 'gas\.ch4'"):
        of_book(book, rules[:1], factors, {}, {})


def test_one_source_cannot_have_two_uncertainties():
    with pytest.raises(PenstockError, match=r"uncertainty of 'grid': 0.04 and 0.05; allowed: one value per source"):
        propagated([(1.0, [Source("grid", "factor", 0.04)]), (1.0, [Source("grid", "factor", 0.05)])])
    with pytest.raises(PenstockError, match="zero or more"):
        propagated([(1.0, [Source("grid", "factor", -0.04)])])


@pytest.mark.parametrize("counted", [Decimal(5_000_000), 5_000_000, 5.0, np.float64(5), Decimal(0), np.array([1.0, 2.0])])
def test_avoided_mass_never_enters_an_inventory(counted):
    """The numbers that inventories are made of: exact masses, integers, floats, columns."""
    avoided = Avoided(2.0, 1.0, 3.0, "marginal.csv")
    ways = [
        lambda: counted + avoided,
        lambda: avoided + counted,
        lambda: counted - avoided,
        lambda: avoided - counted,
        lambda: sum([counted, avoided]),
        lambda: sum([avoided, counted]),
        lambda: pd.Series([counted, avoided], dtype=object).sum(),
        lambda: np.sum(np.array([counted, avoided], dtype=object)),
        lambda: pd.Series([avoided]) + counted,
    ]
    for made in ways:
        with pytest.raises(PenstockError, match=r"average factors, what is avoided with marginal ones"):
            made()


def test_avoided_masses_add_to_each_other():
    avoided = Avoided(2.0, 1.0, 3.0, "marginal.csv")
    assert sum([avoided, avoided]) == Avoided(4.0, 2.0, 6.0, "marginal.csv")
    assert avoided - avoided == Avoided(0.0, -2.0, 2.0, "marginal.csv")
