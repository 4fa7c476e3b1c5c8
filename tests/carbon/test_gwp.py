"""Warming potentials: exact, methane by origin, and additive over any way of adding up."""

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon import factors
from carbon.gwp import gwp, potentials, weighed
from city.problems import PenstockError

WEIGHTS = gwp(factors.load(), "AR6")


@pytest.mark.parametrize(
    ("assessment", "methane", "fossil", "non_fossil", "n2o", "sf6"),
    [
        ("AR4", "25", "25", "25", "298", "22800"),  # AR4 WG1 table 2.14
        ("AR5", "28", "30", "28", "265", "23500"),  # AR5 WG1 table 8.A.1
        ("AR6", "27.9", "29.8", "27.0", "273", "25200"),  # AR6 WG1 table 7.15
        ("GHGP2024", "27.0", "29.8", "27.0", "273", None),  # GHG Protocol, GWP values v2.0: two kinds of methane; SF6 is not AR6's here
    ],
)
def test_values_of_the_assessments(shipped, assessment, methane, fossil, non_fossil, n2o, sf6):
    weights = gwp(shipped, assessment)
    names = ("CH4", "CH4-fossil", "CH4-non-fossil", "N2O", "SF6", "CO2", "CO2e")
    told = (methane, fossil, non_fossil, n2o, sf6, "1", "1")
    assert [weights.get(name) for name in names] == [Decimal(value) if value else None for value in told]
    assert weights["CH4-fossil-fugitive"] == weights["CH4-fossil"]
    assert {gas: factor.value for gas, factor in potentials(shipped, assessment).items()} == {
        g: w for g, w in weights.items() if g != "CO2e"
    }


def test_a_city_s_row_cannot_take_the_place_of_a_potential(shipped):
    methane = factors.by_id(shipped, "ipcc.AR6GWP100.CH4")
    own = methane.model_copy(update={"id": "ipcc.AR6GWP100.methane", "value": Decimal(1)})
    with pytest.raises(PenstockError, match="one potential per gas"):
        gwp((*shipped, own), "AR6")


def test_a_gas_without_a_potential_is_an_error_and_never_another_assessment_s(shipped):
    book = pd.DataFrame({"gas": ["SF6"], "mg": [1]})
    with pytest.raises(PenstockError, match="gas SF6: no warming potential"):
        weighed(book, gwp(shipped, "GHGP2024"))


def test_a_book_is_weighed_exactly():
    book = pd.DataFrame({"gas": ["CO2", "CH4", "N2O", "CO2e", "-"], "mg": [2**62, 3, 1, 5, 0]})
    assert weighed(book, WEIGHTS)["co2e_mg"].tolist() == [Decimal(2**62), Decimal("83.7"), Decimal(273), Decimal(5), Decimal(0)]


def test_an_empty_book_has_the_column_too():
    assert list(weighed(pd.DataFrame({"gas": [], "mg": []}), WEIGHTS).columns) == ["gas", "mg", "co2e_mg"]


@given(st.lists(st.tuples(st.sampled_from(["CO2", "CH4", "CH4-fossil", "N2O", "HFC134a"]), st.integers(-(2**62), 2**62)), max_size=30))
def test_weights_of_parts_add_up_to_the_weight_of_the_sum(rows):
    book = pd.DataFrame(rows, columns=["gas", "mg"]).astype({"mg": object})
    parts = sum(weighed(book, WEIGHTS)["co2e_mg"], Decimal(0))
    sums = book.groupby("gas", as_index=False)["mg"].sum()
    assert sum(weighed(sums, WEIGHTS)["co2e_mg"], Decimal(0)) == parts


def test_an_unknown_gas_or_assessment_is_a_sentence(shipped):
    with pytest.raises(PenstockError, match="gas XYZ: no warming potential"):
        weighed(pd.DataFrame({"gas": ["XYZ"], "mg": [1]}), WEIGHTS)
    with pytest.raises(PenstockError, match="one of AR4, AR5, AR6, GHGP2024"):
        gwp(shipped, "AR7")
    with pytest.raises(PenstockError, match="no values of AR6"):
        gwp([], "AR6")
