"""The field end to end: a simulator process, real sockets, the strict link, the poll and the control above it."""

import time

import pytest

from city.frames import READINGS, checked
from city.problems import PenstockError
from city.quality import VALID, Cause, cause_of, missing
from meters.links.link import LinkConfig
from meters.maps.registers import load_model
from meters.polling.field import Field
from meters.polling.poll import Device
from meters.vee.quality import Limits
from tests.meters.bench import METERS, QUARTER, START, devices, start, table


def by_point(frame):
    return {row.point_id: row for row in frame.itertuples()}


def test_every_point_has_one_row_and_the_values_of_the_clock(link):
    with Field([link], devices()) as field:
        for i in (0, 5):
            field.set_clock(START + i * QUARTER)
            frame = field.read_slot(START + i * QUARTER)
            assert checked(READINGS, frame, "poll").equals(frame)
            assert len(frame) == frame["point_id"].nunique() == sum(len(d.model.points) for d in devices())
            row = by_point(frame)
            truth = table().iloc[i]
            for point in ("feeder-01.power", "feeder-01.energy", "dma-a.flow", "tank-1.level", "p-103.pressure", "battery-01.charge"):
                assert row[point].value == pytest.approx(truth[point], abs=0.005)
                assert row[point].quality == VALID
            assert set(frame["time_utc"]) == {START + i * QUARTER}


def test_the_misbehaving_units_are_seen_for_what_they_are(link):
    with Field([link], devices()) as field:
        seen = []
        for i in range(5):
            field.set_clock(START + i * QUARTER)
            seen.append(by_point(field.read_slot(START + i * QUARTER)))
    assert [row["p-101.pressure"].quality for row in seen] == [
        missing(cause) for cause in (Cause.TIMEOUT, Cause.UNIT_BACKOFF, Cause.TIMEOUT, Cause.UNIT_BACKOFF, Cause.UNIT_BACKOFF)
    ]  # a pause of two quarters, then of four
    assert {row["p-102.pressure"].value for row in seen} == {42.0}
    assert len({row["p-103.pressure"].value for row in seen}) == 5
    for name in ("feeder-02.power", "feeder-02.energy"):
        assert all(cause_of(row[name].quality) is Cause.OUT_OF_MAP for row in seen)


def test_an_inverter_that_changes_its_scale_factor_is_read_right(link):
    with Field([link], devices()) as field:
        values = []
        for i in (0, 7):
            field.set_clock(START + i * QUARTER)
            values.append(by_point(field.read_slot(START + i * QUARTER))["pv-02.power"].value)
    assert values == pytest.approx([12.345, 2500.0])  # W_SF 0 and 2


def test_a_totaliser_rolls_over_in_the_field(link):
    with Field([link], devices()) as field:
        field.set_clock(START + 4 * QUARTER)
        assert by_point(field.read_slot(START))["dma-a.volume"].value == 10.0  # 999,970 + 40 m3 on eight digits of 0.01


def test_a_slot_with_a_dead_unit_is_fast_once_its_timeout_is_paid(link):
    with Field([link.model_copy(update={"timeout_s": 1.0})], devices()) as field:
        field.read_slot(START)
        began = time.perf_counter()
        field.read_slot(START + QUARTER)
        assert time.perf_counter() - began < 0.8


@pytest.mark.slow
def test_a_link_that_is_down_is_said_at_once_for_every_point_and_the_next_slot_reconnects(spec, free_port):
    config = LinkConfig(id="field", url=f"tcp://127.0.0.1:{free_port}", timeout_s=2.0)
    with Field([config], devices(METERS[:4])) as field:
        began = time.perf_counter()
        frame = field.read_slot(START)
        assert time.perf_counter() - began < 1.5
        assert set(frame["quality"]) == {missing(Cause.NO_CONNECTION)}
        process = start("--spec", str(spec), "--port", str(free_port))
        assert by_point(field.read_slot(START + QUARTER))["feeder-01.power"].quality == VALID
        process.terminate()
        process.wait(5)
        process = start("--spec", str(spec), "--port", str(free_port))
        assert by_point(field.read_slot(START + QUARTER))["feeder-01.power"].quality == VALID  # closed and back between two slots
        process.terminate()
        process.wait(5)
        began = time.perf_counter()
        frame = field.read_slot(START + 2 * QUARTER)
        assert time.perf_counter() - began < 1.5
        assert set(frame["quality"]) == {missing(Cause.NO_CONNECTION)}


def test_a_budget_that_is_used_up_is_an_overrun_not_a_late_slot(link, port):
    with Field([link.model_copy(update={"budget_s": 1e-9})], devices()) as field:
        causes = [cause_of(int(quality)) for quality in field.read_slot(START)["quality"]]
    assert set(causes) == {Cause.OVERRUN}


@pytest.mark.parametrize(
    ("point", "setpoint", "rules", "word", "says"),
    [
        ("battery-01.setpoint", -12.5, {"minimum": -50, "maximum": 50}, "written", "read back"),
        ("valves.v007", 0.0, {}, "written", "read back"),
        ("battery-01.setpoint", 7.77777, {}, "written", "read back"),  # held as 7.778
        ("battery-01.setpoint", 80.0, {"minimum": -50, "maximum": 50}, "refused", "above 50"),
        ("battery-01.setpoint", 60_000.0, {}, "refused", "register map"),
        ("battery-01.setpoint", float("nan"), {}, "refused", "no number"),
        ("feeder-01.power", 1.0, {}, "refused", "not writable"),
        ("ev-depot.setpoint", 5.0, {}, "mismatch", "holds 0"),
    ],
)
def test_a_write_ends_in_one_of_four_words(link, point, setpoint, rules, word, says):
    with Field([link], devices()) as field:
        outcome = field.write(point, setpoint, Limits(point=point, **rules), START)
    assert (outcome.word, says in outcome.reason) == (word, True), outcome
    assert outcome.sent == (word != "refused")


def test_what_was_written_is_polled_until_it_is_written_again(link):
    with Field([link], devices()) as field:
        field.write("pv-01.setpoint", 12.345, Limits(point="pv-01.setpoint"), START)
        for i in range(3):
            field.set_clock(START + i * QUARTER)
            assert by_point(field.read_slot(START + i * QUARTER))["pv-01.setpoint"].value == 12.345


def test_a_dead_unit_leaves_a_write_unknown(link):
    meters = [("p-101", 5, "battery", "dead")]
    with Field([link], devices(meters)) as field:
        outcome = field.write("p-101.setpoint", 1.0, Limits(point="p-101.setpoint"), START)
    assert outcome.word == "unknown"
    assert outcome.sent


def test_links_are_read_only_unless_told_otherwise_and_only_a_simulator_has_a_clock(link, port):
    config = LinkConfig(id="field", url=link.url)
    with Field([config], devices()) as field:
        outcome = field.write("battery-01.setpoint", 1.0, Limits(point="battery-01.setpoint"), START)
        assert (outcome.word, outcome.reason, outcome.sent) == ("refused", "the link is read-only", False)
        field.set_clock(START)  # nothing to set, nothing sent


def test_two_writes_within_the_interval_are_one_write(link):
    rules = Limits(point="battery-01.setpoint", write_interval_s=60)
    with Field([link], devices()) as field:
        assert field.write("battery-01.setpoint", 1.0, rules, START).word == "written"
        again = field.write("battery-01.setpoint", 2.0, rules, START + QUARTER / 30)
        assert (again.word, "30 s ago" in again.reason) == ("refused", True)
        assert field.write("battery-01.setpoint", 2.0, rules, START + QUARTER).word == "written"


def test_a_field_that_cannot_be_is_told_with_every_fault(link):
    gas = load_model("gas-meter")
    with pytest.raises(PenstockError) as told:
        Field([link], [Device("m", "elsewhere", 1, load_model("tank-level")), Device("m", "field", 2, gas, base=65535)])
    last = 65535 + max(register.end for register in gas.registers) - 1
    observed = [problem.observed for problem in told.value.problems]
    assert observed == ["link elsewhere", "points named twice", f"base 65535 leads to register {last}"]


def test_a_point_that_does_not_exist_is_a_sentence(link):
    with Field([link], devices()) as field, pytest.raises(PenstockError, match=r"m\.speed"):
        field.write("m.speed", 1.0, Limits(point="m.speed"), START)


def test_a_simulator_that_is_not_there_is_a_sentence(free_port):
    config = LinkConfig(id="field", url=f"tcp://127.0.0.1:{free_port}", simulated=True)
    with Field([config], []) as field, pytest.raises(PenstockError, match="simulator of link field: no_connection"):
        field.set_clock(START)
