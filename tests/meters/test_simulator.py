"""The simulator as a process: how it ends, its own clock, a faulty specification, and an outside reader."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from meters.links.link import LinkConfig
from meters.polling.field import Field
from tests.meters.bench import METERS, QUARTER, START, devices, start, table, written_spec


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
