"""The field end to end: a simulator process, real sockets, the strict link, the poll and the control above it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from city.frames import READINGS, checked
from city.problems import PenstockError
from city.quality import VALID, Cause, cause_of, missing
from meters.field import Field
from meters.link import LinkConfig
from meters.poll import Device
from meters.quality import Limits
from meters.registers import load_model
from meters.simulator import running

START = datetime(2022, 6, 14, 22, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
METERS = [
    # meter, unit, model, behaviour
    ("feeder-01", 1, "electricity-meter", "ok"),
    ("feeder-02", 2, "electricity-meter", "swapped_words"),
    ("pv-02", 3, "sunspec-inverter", "ok"),
    ("dma-a", 4, "water-meter", "ok"),
    ("p-101", 5, "pressure-sensor", "dead"),
    ("p-102", 6, "pressure-sensor", "stuck"),
    ("p-103", 7, "pressure-sensor", "ok"),
    ("tank-1", 8, "tank-level", "ok"),
    ("ps-lake", 9, "pump-station", "ok"),
    ("battery-01", 10, "battery", "ok"),
    ("gas-boiler", 11, "gas-meter", "ok"),
    ("valves", 12, "valve-panel", "ok"),
    ("pv-01", 13, "pv-plant", "ok"),
    ("ev-depot", 14, "ev-depot", "stuck"),
]


def table(rows: int = 8) -> pd.DataFrame:
    """Hand-checkable values: row i of every column is a simple function of i."""
    i = np.arange(rows, dtype=float)
    columns = {
        "feeder-01.power": 400 + i,
        "feeder-01.energy": 1_000_000 + 100.25 * i,
        "feeder-02.power": 480.3 + i,
        "feeder-02.energy": 2_000_000 + 120 * i,
        "pv-02.power": np.where(i < 4, 12.345, 2_500.0),
        "pv-02.energy": 5_000 + 3 * i,
        "dma-a.flow": 120.5 + i,
        "dma-a.volume": 999_970 + 10 * i,
        "tank-1.level": 3 + i / 10,
        "ps-lake.power": 150.0 + 0 * i,
        "ps-lake.energy": 10_000 + 37.5 * i,
        "ps-lake.running": i % 2,
        "battery-01.power": -50.0 + 0 * i,
        "battery-01.charge": 100 + 12.5 * i,
        "battery-01.energy_in": 500 + 12.5 * i,
        "battery-01.energy_out": 400 + 0 * i,
        "gas-boiler.volume": 77_000.25 + i,
        "pv-01.power": 30 + i,
        "pv-01.energy": 3_000 + i,
        "ev-depot.power": 60 + i,
        "ev-depot.energy": 6_000 + 15 * i,
        **{f"p-10{k}.pressure": 40 + k + i / 100 for k in (1, 2, 3)},
    }
    times = pd.date_range(START, periods=rows, freq="15min", unit="us")
    return pd.DataFrame({"time_utc": times, **columns})


def devices(meters=METERS) -> list[Device]:
    return [Device(meter, "field", unit, load_model(model)) for meter, unit, model, _ in meters]


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    table().to_parquet(folder / "live.parquet")
    return written_spec(folder)


def written_spec(folder):
    listed = [{"meter": m, "unit": u, "model": d, "behaviour": b} for m, u, d, b in METERS]
    (folder / "spec.json").write_text(json.dumps({"values": "live.parquet", "devices": listed}))
    return folder / "spec.json"


@pytest.fixture(scope="module")
def port(spec):
    with running(spec, lifetime_s=120) as number:
        yield number


@pytest.fixture
def link(port):
    config = LinkConfig(id="field", url=f"tcp://127.0.0.1:{port}", timeout_s=0.3, backoff_s=1800, read_only=False, simulated=True)
    with Field([config], []) as field:
        field.set_clock(START)
    return config


@pytest.fixture
def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def by_point(frame):
    return {row.point_id: row for row in frame.itertuples()}


def test_every_point_has_one_row_and_the_values_of_the_clock(link):
    with Field([link], devices()) as field:
        for i in (0, 5):
            field.set_clock(START + i * QUARTER)
            frame = field.read_slot(START + i * QUARTER)
            assert checked(READINGS, frame, "poll").equals(frame)
            assert len(frame) == frame["point_id"].nunique() == sum(len(d.point_ids) for d in devices())
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


def test_a_device_on_an_unknown_link_and_a_point_that_does_not_exist_are_sentences(link):
    with Field([link], [Device("m", "elsewhere", 1, load_model("tank-level"))]) as field:
        with pytest.raises(PenstockError, match="elsewhere"):
            field.read_slot(START)
        with pytest.raises(PenstockError, match=r"m\.speed"):
            field.write("m.speed", 1.0, Limits(point="m.speed"), START)


def start(*arguments):
    process = subprocess.Popen([sys.executable, "-m", "meters.simulator", *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("listening on ")
    return process


@pytest.mark.slow
def test_the_simulator_ends_with_its_parent_its_lifetime_and_sigterm(spec):
    assert start("--spec", str(spec), "--lifetime", "0.1").wait(5) == 0
    told = start("--spec", str(spec))
    told.send_signal(signal.SIGTERM)
    assert told.wait(5) == 0
    script = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'meters.simulator', '--spec', sys.argv[1]],"
        " stdout=subprocess.PIPE, text=True); p.stdout.readline(); print(p.pid)"
    )
    orphan = int(subprocess.run([sys.executable, "-c", script, str(spec)], capture_output=True, text=True, check=True).stdout)
    deadline = time.monotonic() + 5
    while alive(orphan) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(orphan)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_a_clock_with_speed_runs_by_itself(spec, free_port):
    begin = START + QUARTER
    process = start("--spec", str(spec), "--port", str(free_port), "--start", begin.isoformat(), "--speed", "900")
    with Field([LinkConfig(id="field", url=f"tcp://127.0.0.1:{free_port}")], devices(METERS[:1])) as field:
        first = field.read_slot(START)["value"][0]
        time.sleep(2.2)
        later = field.read_slot(START)["value"][0]
    process.terminate()
    process.wait(5)
    assert first >= 401.0  # the row at the start of the clock, one quarter later per second
    assert later >= first + 2


@pytest.mark.slow
def test_a_faulty_specification_is_a_sentence_and_exit_code_1(tmp_path):
    table().drop(columns=["tank-1.level", "dma-a.flow"]).to_parquet(tmp_path / "live.parquet")
    spec = written_spec(tmp_path)
    done = subprocess.run([sys.executable, "-m", "meters.simulator", "--spec", str(spec)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "dma-a.flow, tank-1.level" in done.stderr
    assert "Traceback" not in done.stderr


MBPOLL = shutil.which("mbpoll")


@pytest.mark.skipif(MBPOLL is None, reason="mbpoll (Debian package) is not installed")
@pytest.mark.parametrize(
    ("unit", "register", "kind", "expected"),
    [(1, 0, "4:float", 400.0), (7, 0, "4", 4300), (8, 0, "4", 3000), (11, 0, "4:int", 7_700_025), (3, 40070, "4", 103)],
)
def test_mbpoll_reads_what_we_simulate(link, port, unit, register, kind, expected):
    command = [MBPOLL, "-m", "tcp", "-p", str(port), "-a", str(unit), "-r", str(register), "-0", "-B", "-t", kind, "-1", "127.0.0.1"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10, env=os.environ | {"LC_ALL": "C"}).stdout
    found = re.search(rf"\[{register}\]:\s+(-?[\d.e+]+)", told)
    assert found, told
    assert float(found[1]) == expected


def test_the_fixture_covers_every_behaviour():
    assert {behaviour for *_, behaviour in METERS} == {"ok", "dead", "stuck", "swapped_words"}
