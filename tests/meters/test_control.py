"""Writing in steps and to coils, against the simulator: what is held is read first, and the write goes no further than allowed."""

import pytest

from meters.maps.registers import load_model
from meters.polling.field import Field
from meters.polling.poll import Device
from meters.vee.quality import Limits
from tests.meters.bench import QUARTER, START, devices

POINT = "battery-01.setpoint"


def test_a_step_limit_goes_to_the_setpoint_in_several_writes(link):
    rules = Limits(point=POINT, minimum=-50, maximum=50, write_step=20, write_tolerance=0.01)
    with Field([link], devices()) as field:
        field.write(POINT, 0.0, Limits(point=POINT), START)
        made = [field.write(POINT, -45.0, rules, START + i * QUARTER) for i in range(4)]
    assert [one.setpoint for one in made] == pytest.approx([-20, -40, -45, -45])
    assert {one.word for one in made} == {"written"}


def test_no_step_is_made_from_a_value_that_cannot_be_read(link):
    dead = [Device("p-101", "field", 5, load_model("battery"))]
    with Field([link], dead) as field:
        outcome = field.write("p-101.setpoint", 1.0, Limits(point="p-101.setpoint", write_step=1), START)
    assert (outcome.word, outcome.sent) == ("refused", False)
    assert "cannot be read" in outcome.reason


def test_a_meter_with_a_base_is_written_where_it_lies(link):
    """The battery's map begins at 0; moved by its own length it must not touch the one that is there."""
    moved = [*devices(), Device("ghost", "field", 10, load_model("battery"), base=1000)]
    with Field([link], moved) as field:
        outcome = field.write("ghost.setpoint", 1.0, Limits(point="ghost.setpoint"), START)
    assert (outcome.word, "device" in outcome.reason) == ("refused", True)
