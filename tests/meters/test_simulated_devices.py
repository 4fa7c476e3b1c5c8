"""What simulated devices can be made to do, seen through the field: bits, several meters on a unit, refusals, clocks and batteries."""

import json
import time
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from city.problems import PenstockError
from city.quality import VALID, Cause, cause_of
from meters.links.link import LinkConfig
from meters.maps.registers import load_model
from meters.polling.field import Field
from meters.polling.poll import Device
from meters.simulated import read_spec
from meters.simulator import running
from meters.vee.quality import Limits

START = datetime(2022, 6, 15, tzinfo=UTC)
DEVICES = [
    {"meter": "io", "unit": 1, "model": "remote-io"},
    {"meter": "first", "unit": 2, "model": "tank-level"},
    {"meter": "second", "unit": 2, "model": "tank-level", "base": 100},
    {"meter": "part", "unit": 3, "model": "electricity-meter", "refuses": ["energy"]},
    {"meter": "late", "unit": 4, "model": "tank-level", "delay_s": 0.15},
    {"meter": "dma", "unit": 5, "model": "district-meter", "serial": "W-4711", "clock_drift_s_per_day": 10, "battery_pct_per_day": 2},
    {"meter": "other", "unit": 6, "model": "district-meter", "serial": "W-9999"},
]


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("devices")
    measured = [f"{one['meter']}.{r.name}" for one in DEVICES for r in load_model(one["model"]).points if r.default is None]
    columns = {name: [3.0, 3.5] for name in measured if not name.endswith(".clock")}
    columns |= {"second.level": [4.0, 4.5]}
    pd.DataFrame({"time_utc": [START, START + timedelta(days=5)], **columns}).to_parquet(folder / "live.parquet")
    (folder / "spec.json").write_text(json.dumps({"values": "live.parquet", "devices": DEVICES}))
    with running(folder / "spec.json", lifetime_s=60) as number:
        yield number


@pytest.fixture
def field(port):
    link = LinkConfig(id="field", url=f"tcp://127.0.0.1:{port}", timeout_s=0.5, read_only=False, simulated=True, spread_s=0)
    listed = [Device(one["meter"], "field", one["unit"], load_model(one["model"]), one.get("base", 0)) for one in DEVICES[:5]]
    listed += [Device("dma", "field", 5, load_model("district-meter"), 0, "W-4711")]
    listed += [Device("other", "field", 6, load_model("district-meter"), 0, "W-4712")]
    with Field([link], listed) as made:
        made.set_clock(START)
        yield made


def read(field, at=START):
    return {row.point_id: row for row in field.read_slot(at).itertuples()}


def test_coils_and_contacts_are_read_and_a_coil_is_written_with_one_bit(field):
    assert {row.value for name, row in read(field).items() if name.startswith("io.")} == {0.0}
    outcome = field.write("io.relay002", 1.0, Limits(point="io.relay002"), START)
    assert (outcome.word, outcome.read_back) == ("written", 1.0)
    values = {name: row.value for name, row in read(field).items() if name.startswith("io.")}
    assert [name for name, value in values.items() if value] == ["io.relay002"]


def test_two_meters_share_a_unit_by_their_base(field):
    found = read(field)
    assert (found["first.level"].value, found["second.level"].value) == (3.0, 4.0)


def test_a_refused_register_costs_its_own_value_only(field):
    found = read(field)
    assert found["part.power"].quality == VALID
    assert cause_of(found["part.energy"].quality) is Cause.REFUSED


def test_a_device_that_answers_late_is_waited_for(field):
    began = time.perf_counter()
    assert read(field)["late.level"].value == 3.0
    assert time.perf_counter() - began >= 0.15


def test_clock_and_battery_go_their_own_way_and_another_serial_number_is_seen(field):
    at = START + timedelta(days=5)
    field.set_clock(at)
    found = read(field, at)
    assert found["dma.clock"].value == at.timestamp() + 50
    assert found["dma.battery"].value == pytest.approx(90)
    assert cause_of(found["other.volume"].quality) is Cause.WRONG_METER
    assert cause_of(found["dma.volume"].quality) is Cause.NONE


def test_two_devices_at_one_place_are_refused(tmp_path):
    twice = [{"meter": name, "unit": 1, "model": "tank-level"} for name in ("a", "b")]
    (tmp_path / "spec.json").write_text(json.dumps({"values": "x", "devices": twice}))
    with pytest.raises(PenstockError, match=r"units \[1\] twice"):
        read_spec(tmp_path / "spec.json")
