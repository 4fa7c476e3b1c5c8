"""Quantities carry their unit in the name, and the integers they are stored as give back what was put in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.quantities import Quantity

stored = st.integers(-(2**50), 2**50)  # within the 53 bits of a float64


@given(stored, st.sampled_from(Quantity))
def test_a_stored_integer_survives_the_way_to_its_unit_and_back(number: int, quantity: Quantity) -> None:
    assert int(quantity.to_int(quantity.to_unit(number))) == number


@given(st.floats(-1e6, 1e6), st.sampled_from(Quantity))
def test_a_value_is_stored_within_half_a_step_of_its_scale(value: float, quantity: Quantity) -> None:
    back = float(quantity.to_unit(quantity.to_int(value)))
    assert abs(back - value) <= 0.5 / quantity.scale + 1e-9


@given(st.lists(stored, min_size=1, max_size=50))
def test_sums_of_stored_integers_do_not_depend_on_their_order(numbers: list[int]) -> None:
    forward = np.array(numbers, dtype=np.int64)
    assert forward.sum() == forward[::-1].sum() == sum(numbers)


def test_a_kilowatt_hour_is_a_thousand_and_a_cubic_metre_a_million() -> None:
    assert int(Quantity.ENERGY_KWH.to_int(1.234)) == 1_234
    assert int(Quantity.VOLUME_M3.to_int(1.000001)) == 1_000_001
    assert int(Quantity.PRESSURE_M.to_int(42.195)) == 42_195


def test_not_a_number_is_stored_as_zero_because_its_quality_says_missing() -> None:
    assert Quantity.POWER_KW.to_int(np.array([np.nan, 1.5])).tolist() == [0, 1500]


@pytest.mark.parametrize("quantity", list(Quantity))
def test_every_quantity_has_a_unit_that_its_name_ends_in_where_it_has_one(quantity: Quantity) -> None:
    ending = quantity.unit.replace("/", "_per_").replace("%", "pct").lower()
    assert quantity.unit == "1" or quantity.value.endswith(f"_{ending}")


@pytest.mark.parametrize("quantity", [one for one in Quantity if one.is_register])
def test_the_differences_of_a_register_are_a_period_quantity_in_its_unit_and_scale(quantity: Quantity) -> None:
    usage = quantity.usage
    assert usage is not None
    assert usage.is_period
    assert not usage.is_register
    assert (usage.unit, usage.scale) == (quantity.unit, quantity.scale)
