import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city.frames import READINGS, checked
from city.problems import PenstockError
from meters.spool.spool import Spool


def readings(n: int = 3, first: float = 0.0) -> pd.DataFrame:
    time_utc = pd.Timestamp("2022-06-15T10:00Z")
    value = first + np.arange(n, dtype=float)
    value[-1] = np.nan
    return checked(
        READINGS,
        pd.DataFrame(
            {
                "point_id": [f"m.{i}" for i in range(n)],
                "time_utc": time_utc,
                "quantity": "power_kw",
                "value": value,
                "quality": 1,
                "received_at_utc": time_utc,
            }
        ),
        "test",
    )


def test_a_batch_comes_back_as_it_was(tmp_path):
    with Spool(tmp_path / "spool.db") as spool:
        batch_id = spool.append(readings())
        found_id, frame = spool.oldest()
        assert found_id == batch_id
        pd.testing.assert_frame_equal(checked(READINGS, frame, "test"), readings())


def test_batches_leave_oldest_first_and_only_when_acknowledged(tmp_path):
    with Spool(tmp_path / "spool.db") as spool:
        ids = [spool.append(readings(first=i)) for i in range(3)]
        assert (spool.depth(), spool.waiting()[0]) == (3, 9)
        assert spool.oldest()[0] == spool.oldest()[0] == ids[0]
        assert spool.acknowledge(ids[0])
        assert not spool.acknowledge(ids[0])
        assert spool.oldest()[0] == ids[1]


def test_the_same_batch_twice_is_kept_once(tmp_path):
    with Spool(tmp_path / "spool.db") as spool:
        assert spool.append(readings()) == spool.append(readings())
        assert spool.depth() == 1


def test_a_locked_central_database_refuses_nothing(tmp_path):
    central = sqlite3.connect(tmp_path / "city.db")
    central.execute("CREATE TABLE t (x)")
    central.execute("BEGIN EXCLUSIVE")
    with Spool(tmp_path / "spool.db") as spool:
        spool.append(readings())
        assert spool.depth() == 1


def test_a_changed_batch_is_refused_by_its_hash(tmp_path):
    with Spool(tmp_path / "spool.db") as spool, Spool(tmp_path / "other.db") as other:
        spool.append(readings())
        other.append(readings(first=7))
        content = sqlite3.connect(tmp_path / "other.db").execute("SELECT content FROM batch").fetchone()[0]
        with sqlite3.connect(tmp_path / "spool.db") as base:
            base.execute("UPDATE batch SET content = ?", (content,))
        with pytest.raises(PenstockError, match="content was changed"):
            spool.oldest()


def test_a_file_that_is_no_spool_and_a_wrong_frame_are_sentences(tmp_path):
    (tmp_path / "spool.db").write_bytes(b"not a database" * 100)
    with pytest.raises(PenstockError, match="writable SQLite file"):
        Spool(tmp_path / "spool.db")
    with Spool(tmp_path / "good.db") as spool, pytest.raises(PenstockError, match="point_id"):
        spool.append(pd.DataFrame({"x": [1]}))


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from test_spool import readings
from meters.spool.spool import Spool
with Spool(sys.argv[1]) as spool:
    for i in range(100_000):
        spool.append(readings(first=float(i)))
        print(i, flush=True)
"""


@pytest.mark.slow
def test_nothing_that_append_returned_for_is_lost_to_kill_nine(tmp_path):
    here = str(Path(__file__).parent)
    told = -1
    for round_number in range(3):
        path = tmp_path / f"spool-{round_number}.db"
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), here], stdout=subprocess.PIPE, text=True)
        for line in writer.stdout:
            told = int(line)
            if told >= 5 * (round_number + 1):
                break
        time.sleep(0.01 * round_number)
        writer.kill()
        rest = writer.communicate()[0].split()
        told = int(rest[-1]) if rest else told
        with Spool(path) as spool:
            depth = spool.depth()
            assert told + 1 <= depth <= told + 2  # one may have been on its way
            assert spool.oldest()[1]["value"].iloc[0] == 0.0
