"""Kaya's identity and its form by sector: sums close, zeros have limits, and faults are sentences."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon.why.kaya import BY_GDP, CityDecomposition, city_decomposition, kaya
from city.problems import PenstockError


def use(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["period", "sector", "carrier", "energy_kgce", "kg_co2e"])


def years(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"period": ["2021", "2022"], **columns})


GDP = {(year, "industry"): 100.0 for year in ("2021", "2022")}


def test_a_city_that_only_grows_in_people_moves_by_population_alone():
    made = kaya(years(population=[1000, 1100], gdp=[50, 55], energy_kgce=[200, 220], kg_co2e=[400, 440]))
    assert made.drivers == pytest.approx({"population": 40, "gdp per resident": 0, "energy per gdp": 0, "carbon per energy": 0}, abs=1e-12)
    assert made.sentence.startswith(
        "From 2021 to 2022 CO2e went from 0.400 to 0.440 t (+10.0 %). The largest driver is population with +0.040 t"
    )


def test_each_driver_of_a_sector_by_hand():
    """Energy of industry halves at the same GDP and mix: -L(50, 100) ln 2 x ... = the whole change is intensity."""
    made = city_decomposition(use(("2021", "industry", "gas", 100, 200), ("2022", "industry", "gas", 50, 100)), GDP)
    assert made.drivers == pytest.approx({"activity": 0, "structure": 0, "intensity": -100, "mix": 0, "factor": 0}, abs=1e-12)


def test_the_gdp_of_a_sector_without_energy_counts_in_the_whole():
    """Industry keeps its 100 while services go from 100 to 300: twice the activity at half the share; nothing for its energy."""
    gdp = GDP | {("2021", "services"): 100.0, ("2022", "services"): 300.0}
    made = city_decomposition(use(("2021", "industry", "gas", 100, 200), ("2022", "industry", "gas", 100, 200)), gdp)
    assert made.drivers["activity"] == pytest.approx(200 * np.log(2))
    assert made.drivers["structure"] == pytest.approx(-200 * np.log(2))
    del gdp["2021", "services"]
    with pytest.raises(PenstockError, match="GDP of services in 2021: missing"):
        city_decomposition(use(("2021", "industry", "gas", 100, 200), ("2022", "industry", "gas", 100, 200)), gdp)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.floats(0, 1e8))
@settings(max_examples=200, deadline=None)
def test_what_is_printed_adds_up_to_what_is_printed(drivers, first):
    first += max(0.0, -sum(drivers))
    frame = pd.DataFrame({"driver": [f"d{i}" for i in range(len(drivers))], "kg_co2e": drivers})
    made = CityDecomposition(("2021", "2022"), (first, first + sum(drivers)), frame)
    numbers = [Decimal(text.replace(",", "")) for _, text in made.printed()]
    assert sum(numbers[:-1]) == numbers[-1]
    digit = Decimal(1) if made.printed()[0][1][-2] == "." else Decimal(1) / 100  # 0.1 t or 0.001 t, in tenths
    for shown, kg in zip(numbers, [first, *drivers, first + sum(drivers)], strict=True):
        assert abs(shown - Decimal(kg) / 1000) < digit / 10 + Decimal("1e-9")


def test_halves_that_are_rounded_apart_still_add_up():
    frame = pd.DataFrame({"driver": ["a", "b", "c"], "kg_co2e": [1.0, 0.0, 0.0]})
    assert [text for _, text in CityDecomposition(("1", "2"), (1.5, 2.5), frame).printed()] == [
        "0.002",
        "+0.001",
        "+0.000",
        "+0.000",
        "0.003",
    ]


def test_where_nothing_moved_no_driver_is_the_largest():
    made = city_decomposition(use(("2021", "industry", "gas", 100, 2e6), ("2022", "industry", "gas", 100, 2e6)), GDP)
    assert made.sentence == "From 2021 to 2022 CO2e went from 2,000.0 to 2,000.0 t (+0.0 %)."


def test_a_fuel_that_is_new_and_one_that_is_gone_count_as_mix():
    made = city_decomposition(use(("2021", "industry", "coal", 100, 270), ("2022", "industry", "gas", 100, 165)), GDP)
    assert made.drivers == pytest.approx({"activity": 0, "structure": 0, "intensity": 0, "mix": 165 - 270, "factor": 0}, abs=1e-9)
    assert made.frame[made.frame["driver"] == "mix"].set_index("carrier")["kg_co2e"].to_dict() == pytest.approx({"coal": -270, "gas": 165})


def test_self_made_power_has_energy_and_no_carbon():
    made = city_decomposition(
        use(
            ("2021", "industry", "grid", 100, 200),
            ("2022", "industry", "grid", 60, 120),
            ("2022", "industry", "own", 40, 0),
        ),
        GDP,
    )
    assert made.drivers == pytest.approx({"activity": 0, "structure": 0, "intensity": 0, "mix": -80, "factor": 0}, abs=1e-9)


def test_households_go_by_population_and_processes_by_their_change():
    made = city_decomposition(
        use(
            ("2021", "households", "gas", 100, 200),
            ("2022", "households", "gas", 110, 220),
            ("2021", "industry", "grid", 10, 20),
            ("2022", "industry", "grid", 10, 20),
            ("2021", "industry", "wastewater", 0, 7),
            ("2022", "industry", "wastewater", 0, 9),
        ),
        GDP,
        {"2021": 1000, "2022": 1100},
    )
    nothing = dict.fromkeys([*BY_GDP, "residents' intensity"], 0.0)
    assert made.drivers == pytest.approx(nothing | {"population": 20, "process": 2}, abs=1e-9)
    assert made.change_kg == 22


def test_a_waterfall_begins_and_ends_at_the_totals():
    made = city_decomposition(
        use(("2021", "industry", "gas", 100, 200), ("2022", "industry", "gas", 130, 240)), GDP | {("2022", "industry"): 120.0}
    )
    table = made.waterfall()
    assert table["step"].tolist() == ["2021", "activity", "structure", "intensity", "mix", "factor", "2022"]
    assert table["from_kg"].iloc[1:6].tolist() == pytest.approx(table["to_kg"].iloc[0:5].tolist())
    assert table["to_kg"].iloc[5] == pytest.approx(table["to_kg"].iloc[6])


@given(st.integers(2, 4), st.integers(1, 3), st.integers(0, 2**31), st.floats(0, 0.7))
@settings(max_examples=50, deadline=None)
def test_effects_close_for_any_city_and_groups_of_sectors_add_up(count, sectors, seed, gone):
    rng = np.random.default_rng(seed)
    rows, gdp = [], {}
    for year in range(2020, 2020 + count):
        for s in range(sectors):
            gdp[str(year), f"s{s}"] = 10 ** rng.uniform(0, 4)
            for carrier in ("coal", "gas", "grid"):
                energy = 0.0 if rng.random() < gone else 10 ** rng.uniform(-2, 5)
                rows.append((str(year), f"s{s}", carrier, energy, energy * rng.uniform(0, 4)))
    made = city_decomposition(use(*rows), gdp)
    assert made.residual < 1e-12
    for (year, sector), effect in made.frame.groupby(["from_period", "sector"])["kg_co2e"].sum().items():
        total = [sum(row[4] for row in rows if row[0] == at and row[1] == sector) for at in (year, str(int(year) + 1))]
        assert effect == pytest.approx(total[1] - total[0], abs=1e-12 * max(made.totals_kg) + 1e-12)


@pytest.mark.parametrize(
    ("rows", "gdp", "words"),
    [
        ([("2021", "industry", "gas", float("nan"), 1), ("2022", "industry", "gas", 1, 1)], GDP, "energy_kgce of industry/gas in 2021"),
        ([("2021", "industry", "gas", 1, 1)], GDP, "at least two different periods"),
        ([("2021", "a", "gas", 1, 1), ("2022", "a", "gas", 1, 1)], GDP, "no GDP of a and no population of 2021"),
        (
            [("2021", "industry", "gas", 1, 1), ("2022", "industry", "gas", 1, 1)],
            {("2021", "industry"): 1.0},
            "GDP of industry in 2022: missing",
        ),
        (
            [("2021", "industry", "gas", 1, -1), ("2022", "industry", "gas", 1, 1)],
            GDP,
            "kg_co2e of industry/gas in 2021: below zero or missing",
        ),
        (
            [("2021", "industry", "gas", 1, 1), ("2021", "industry", "gas", 1, 1), ("2022", "industry", "gas", 1, 1)],
            GDP,
            "twice in one period",
        ),
    ],
)
def test_what_cannot_be_decomposed_is_refused_with_a_sentence(rows, gdp, words):
    with pytest.raises(PenstockError, match=words):
        city_decomposition(use(*rows), gdp)


@pytest.mark.parametrize("name", ["population", "gdp", "energy_kgce"])
def test_carbon_over_a_factor_of_zero_is_refused(name):
    columns = {"population": [10, 11], "gdp": [50, 55], "energy_kgce": [200, 220], "kg_co2e": [400, 440]} | {name: [0, 5]}
    with pytest.raises(PenstockError, match="Kaya's identity of 2021: 400 kg CO2e with a population, GDP or energy of zero"):
        kaya(years(**columns))
