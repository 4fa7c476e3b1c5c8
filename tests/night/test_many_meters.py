"""What a night of many meters must not do: compare each with each, ask meter by meter, or hold a city at once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import event

from benchmarks import _night_city
from service.environment import Environment
from service.forecasts import series
from service.hierarchy import wanted
from service.night.ledger import compute as ledger
from service.night.step import Night
from service.night.validate import compute as validate
from service.settings import LoadedCity, load
from service.store import open_store, readings, writing
from service.sums import topmost

ROOT = Path(__file__).resolve().parents[2]
PEAK_MB = 1_100


def _city(home: Path, points: int) -> LoadedCity:
    _night_city.write_city(home, points, 1, quick=True)
    return load(Environment(city=home / "city.toml", home=home))


def _instructions(work: Callable[[], object]) -> int:
    """Instructions of the interpreter that `work` takes: what seconds mean on a machine that does nothing else."""
    count = 0

    def trace(frame: FrameType, what: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += what == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def _read(home: Path, points: int) -> int:
    _night_city.write_city(home, points, 1)
    environment = Environment(city=home / "city.toml", home=home)
    _ = environment.raw  # the parser of the standard library is not ours

    def work() -> None:
        city = load(environment)
        _ = city.sums, city.coordinates_deg, series.groups(city), wanted(city), topmost(city, city.meter)

    return _instructions(work)


def test_reading_the_city_file_does_the_same_for_every_meter_whatever_their_number(tmp_path: Path) -> None:
    _read(tmp_path / "first", 20)  # pays for what is kept from then on
    few, more, most = (_read(tmp_path / str(n), n) for n in (200, 400, 800))
    assert most - more <= 2.05 * (more - few)


@contextmanager
def _counted(engine: Any) -> Iterator[list[str]]:
    told: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        told.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield told
    event.remove(engine, "before_cursor_execute", note)


def _statements(home: Path, points: int) -> int:
    """SQL statements of the steps `validate` and `ledger` on two days of a city."""
    city, url = _city(home, points), f"sqlite:///{home / 'penstock.db'}"
    _night_city.prepare(home, url, points, seed=1, past=1)
    engine = open_store(url)
    now = datetime.fromisoformat(_night_city.NOW)
    given = Night(city, engine, now.date(), now, readings.register_points(engine, list(city.points.values())))
    with _counted(engine) as told:
        for step in (validate, ledger):
            output = step(given)
            assert output.result.status != "failed"
            with writing(engine) as connection:
                output.write(connection)
    return len(told)


def test_twice_the_meters_take_no_more_than_twice_the_statements(tmp_path: Path) -> None:
    few, many, twice = (_statements(tmp_path / str(n), n) for n in (50, 1_000, 2_000))
    assert few <= many <= few + 40  # per 500 meters, not per meter
    assert twice - many <= 2 * max(many - few, 10)


STEP = """
import json, sys
from datetime import datetime
from pathlib import Path
from benchmarks import _night_city
from service.environment import Environment
from service.night.forecast import compute
from service.night.step import Night
from service.settings import load
from service.store import open_store, readings, writing
home, now = Path(sys.argv[1]), datetime.fromisoformat(_night_city.NOW)
city, engine = load(Environment(city=home / "city.toml", home=home)), open_store(f"sqlite:///{home / 'penstock.db'}")
given = Night(city, engine, now.date(), now, readings.register_points(engine, list(city.points.values())))
made = compute(given)
with writing(engine) as connection:
    made.write(connection)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # ru_maxrss would be that of who started it
print(json.dumps({"status": made.result.status, "series": made.result.detail["series"], "peak_mb": int(peak.split()[1]) / 1024}))
"""


@pytest.mark.slow
def test_the_forecasts_of_2000_meters_take_less_memory_than_their_paths_would(tmp_path: Path) -> None:
    """98 paths of 2,000 series over 204 steps are 320 MB, and were held several times while they were drawn."""
    _city(tmp_path, 2_000)
    _night_city.prepare(tmp_path, f"sqlite:///{tmp_path / 'penstock.db'}", 2_000, seed=1, past=14)
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}  # each thread has buffers of its own
    done = subprocess.run([sys.executable, "-c", STEP, str(tmp_path)], cwd=ROOT, env=alone, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["status"] != "failed"
    assert told["series"] == 2_000
    assert told["peak_mb"] <= PEAK_MB
