"""The water page besides leaks: what lies under the map, night flows, water quality."""

from datetime import date, timedelta
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from console.water import layers
from service import schema as t
from service.environment import Environment
from service.settings import load
from service.store import open_store, writing
from service.view import board, moment, water, water_map
from tests.console.test_console_pages import opened, text


@pytest.fixture
def engine(city: Path):
    return open_store(f"sqlite:///{city / 'penstock.db'}")


@pytest.fixture
def loaded(city: Path):
    return load(Environment(city=city / "city.toml", home=city))


@pytest.mark.parametrize("kind", layers.KINDS)
def test_every_layer_of_the_map_is_drawn(city: Path, kind: str) -> None:
    at = opened("water")
    at.segmented_control(key="map_layer").set_value(kind).run()
    assert not at.exception
    assert "Something unexpected" not in text(at)


def test_a_pressure_below_the_service_pressure_is_low_on_the_map(engine, loaded) -> None:
    """p-121 reads 18.5 m where 20 m are promised."""
    gauges = water_map.gauges(loaded, board.points(engine, loaded, moment.moment(engine, loaded)))
    (row,) = gauges.itertuples()
    assert (row.node, row.value, row.trusted, row.low) == ("121", 18.5, True, True)


def test_every_link_of_the_drawing_has_a_segment_and_the_valves_part_them(loaded) -> None:
    found, drawn = water_map.layers(loaded), water.drawing(loaded)
    assert set(drawn.links["id"]) == set(found.segment_of)
    assert found.segments["links"].sum() == len(drawn.links)
    assert set(found.zone_of.values()) == {"dma-a"}


def test_a_night_flow_that_rose_stands_first_and_is_marked(city: Path, engine) -> None:
    steady = {"inflow_m3": 500.0, "loss_m3": 100.0, "quality": 1}
    flows = {"dma-a": [5.0, 5.1] * 15, "dma-z": [7.0, 7.1] * 13 + [7.0] + [16.0] * 3}
    days = [date(2022, 5, 1) + timedelta(days=i) for i in range(30)]
    rows = [
        {"zone_id": zone, "day": day, "night_flow_m3_per_h": flow, **steady}
        for zone, course in flows.items()
        for day, flow in zip(days, course, strict=True)
    ]
    with writing(engine) as connection:
        connection.execute(t.water_balance.insert(), rows)
    seen = text(opened("water"))
    shown = seen[seen.index("Night flows") :]
    assert shown.index("dma-z 16.0 m3/h") < shown.index("Old town 5.10 m3/h")


def test_a_city_without_quality_stations_says_so(city: Path) -> None:
    assert "No water quality station is connected." in text(opened("water"))
