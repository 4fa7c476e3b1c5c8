"""Where the demo's network had best be open: fewer losses than today, with as many switches opened as closed."""

import pytest

from city.problems import PenstockError
from service.environment import Environment
from service.grid.open_points import told
from service.grid.side import GridSide, required
from service.settings import load
from tests.commands import ROOT


@pytest.fixture(scope="module")
def side() -> GridSide:
    return required(load(Environment(city=ROOT / "demo" / "city.toml")))


def test_a_better_position_is_told_with_what_to_turn(side: GridSide) -> None:
    now, best, opened, closed = told(side, 0.7)
    before, after = (float(line.split("lose ")[1].split(" kW")[0]) for line in (now, best))
    assert after < 0.9 * before
    assert len(opened.split(",")) == len(closed.split(","))  # the network stays a tree
    assert {name.strip() for name in closed.split("close")[1].split(",")} <= side.network.normally_open


def test_a_load_that_no_position_carries_is_refused_in_a_sentence(side: GridSide) -> None:
    with pytest.raises(PenstockError, match="no position holds its limits"):
        list(told(side, 1.5))
