"""The key figures of the console after the demo's night."""

import pytest

from service.environment import Environment
from service.plans.begin import present_values
from service.settings import load
from service.store import open_store
from service.view import board, moment, tiles
from tests.commands import Penstock

pytestmark = pytest.mark.slow


def test_the_charge_of_batteries_leaves_the_heat_store_out(night: Penstock) -> None:
    env = Environment(city=night.city, home=night.home)
    city, engine = load(env), open_store(env.url)
    at = moment.moment(engine, city)
    charge = next(tile for tile in tiles.tiles(engine, city, at, board.points(engine, city, at)) if tile.key == "charge")
    values = present_values(city, engine)
    assert values["heat-plant.charge"] > 0
    assert charge.value == values["battery-01.charge"] <= charge.high
