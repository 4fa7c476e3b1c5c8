"""Pressure what-ifs: a day worked by hand, laws of FAVAD, and a network whose heads are known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city import quality as q
from city.frames import Block
from city.problems import PenstockError
from city.quantities import Quantity
from networks.losses.pressure import PressureZone, Prices, measured_pressure, modelled_pressure, what_if
from networks.network import Network

PRICES = Prices(per_m3=2.0, per_burst=5000.0, kwh_per_m3=0.5, kg_per_kwh=0.6)


def zone(pressure: float = 50.0, **more: object) -> PressureZone:
    return PressureZone(np.full(24, pressure), 40.0, loss_m3=100.0, consumption_m3=1000.0, bursts_per_year=10.0, **more)  # type: ignore[arg-type]


def test_half_the_pressure_saves_what_the_power_laws_say() -> None:
    found = what_if(zone(), 25.0, PRICES)
    assert found.leakage_m3 == pytest.approx(365 * 50)  # N1 = 1
    assert found.leakage_low_m3 == pytest.approx(36500 * (1 - 0.5**0.5))
    assert found.leakage_high_m3 == pytest.approx(36500 * (1 - 0.5**1.5))
    assert found.consumption_m3 == pytest.approx(365 * 1000 * 0.3 * (1 - 0.5**0.5))
    assert found.bursts == pytest.approx(10 * 1.4 * 0.5)
    assert found.kwh == pytest.approx(0.5 * (found.leakage_m3 + found.consumption_m3))
    assert found.kg_co2 == pytest.approx(0.6 * found.kwh)
    assert found.money == pytest.approx(2 * found.leakage_m3 + 5000 * found.bursts)
    assert found.lowest_m == 15.0


def test_a_setting_above_the_pressure_saves_nothing() -> None:
    found = what_if(zone(), 60.0, PRICES)
    assert (found.leakage_m3, found.consumption_m3, found.bursts, found.money) == (0, 0, 0, 0)
    assert found.lowest_m == 40.0


def test_the_valve_takes_off_what_its_inlet_has_too_much() -> None:
    # the inlet has 70 m by night and 55 m by day; at 60 m only the nights fall, by 10 m
    inlet = np.where(np.arange(24) < 12, 70.0, 55.0)
    found = what_if(zone(inlet_m=inlet), 60.0, PRICES)
    assert found.average_m == pytest.approx(45.0)
    assert found.leakage_m3 == pytest.approx(36500 * 0.1)


@given(st.floats(5, 80), st.floats(1, 80), st.floats(0.5, 1.5))
def test_less_pressure_never_costs_water(pressure: float, setting: float, n1: float) -> None:
    found = what_if(zone(pressure), setting, PRICES, n1=n1)
    assert 0 <= found.leakage_low_m3 <= found.leakage_m3 + 1e-6
    assert found.leakage_m3 <= found.leakage_high_m3 + 1e-6 <= 36500 + 1e-5
    lower = what_if(zone(pressure), setting / 2, PRICES, n1=n1)
    assert lower.leakage_m3 >= found.leakage_m3 - 1e-6


def test_a_setting_of_nothing_is_refused() -> None:
    with pytest.raises(PenstockError, match="above 0 m"):
        what_if(zone(), 0.0, PRICES)


def test_average_pressure_is_mean_head_less_mean_elevation_of_taps() -> None:
    network = Network.named("Net3")
    table = network.junctions.set_index("id")
    taps = table.index[table["base_demand_m3_per_h"] > 0][:5]
    sensor = str(taps[0])
    head = 150.0
    values = np.full((1, 48), head - table["elevation_m"][sensor], dtype=np.float32)
    block = Block(
        ("p",), datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1), Quantity.PRESSURE_M, values, np.full((1, 48), q.VALID, np.uint16)
    )
    found = measured_pressure(network, taps, {"p": sensor}, block, "UTC")
    assert found["average_m"].to_numpy() == pytest.approx(head - table["elevation_m"][taps].mean(), abs=1e-4)
    assert found["lowest_m"].to_numpy() == pytest.approx(head - table["elevation_m"][taps].max(), abs=1e-4)
    with pytest.raises(PenstockError, match="no pressure sensor"):
        measured_pressure(network, taps, {}, block, "UTC")


def test_the_model_tells_a_pressure_where_no_sensor_does() -> None:
    network = Network.named("Net3")
    found = modelled_pressure(network, network.junctions["id"])
    assert len(found) == 24
    assert found["average_m"].between(20, 80).all()
    assert (found["lowest_m"] < found["average_m"]).all()
