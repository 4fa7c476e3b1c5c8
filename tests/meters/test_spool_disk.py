"""What the spool does when the disk is full, torn or small. A real full disk: a small file system of memory, where root may mount one."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city.problems import PenstockError
from meters.spool.fill import Capacity, capacity, look
from meters.spool.packing import Batch
from meters.spool.recovery import recover
from meters.spool.spool import Spool, SpoolFull

MB = 1 << 20


def readings(n: int, seed: int) -> pd.DataFrame:
    time = pd.Series([pd.Timestamp("2022-06-15T10:00Z") + timedelta(minutes=15 * seed)] * n).astype("datetime64[us, UTC]")
    value = np.random.default_rng(seed).random(n)  # 8 bytes each that no compression makes smaller
    frame = pd.DataFrame({"point_id": [f"m.{i}" for i in range(n)], "quantity": "power_kw", "value": value, "quality": 1})
    return frame.assign(time_utc=time, received_at_utc=time)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("a file system of its own can be mounted by root only")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("mounting a file system is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(spool: Spool) -> list[str]:
    kept: list[str] = []

    def for_ever() -> None:
        for i in range(1000):
            kept.append(spool.append(readings(20_000, i)))

    with pytest.raises(SpoolFull, match="goes on by itself"):
        for_ever()
    return kept


def test_a_full_disk_keeps_what_was_kept_and_refuses_the_rest_with_a_sentence(small_disk: Path) -> None:
    with Spool(small_disk / "spool.db", MB) as spool:
        kept = fill_up(spool)
        assert len(kept) > 5
        assert not spool.has_room()
        assert not spool.reserve.held
        assert "disk full" in str(spool.fill().alarms(datetime.now(UTC))[0])
    with Spool(small_disk / "spool.db", MB) as spool:  # a restart finds the disk as full, and all that was kept
        assert [batch.batch_id for batch in spool.waiting_batches(10**9)] == kept
        assert spool.oldest()[0] == kept[0]


def test_on_a_full_disk_batches_can_be_acknowledged_and_then_it_goes_on(small_disk: Path) -> None:
    with Spool(small_disk / "spool.db", MB) as spool:
        kept = fill_up(spool)
        (small_disk / "other").write_bytes(b"x" * (MB // 2))  # somebody else takes half of what the reserve gave back
        for batch_id in kept:
            assert spool.acknowledge(batch_id) == 1
        assert (spool.depth(), spool.has_room(), spool.reserve.held) == (0, True, True)
        spool.append(readings(20_000, 7))
        assert spool.depth() == 1


def test_a_torn_batch_hides_no_other(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        ids = [spool.append(readings(3, i)) for i in range(3)]
        with sqlite3.connect(tmp_path / "spool.db") as base:
            base.execute("UPDATE batch SET content = substr(content, 1, 40) WHERE batch_id = ?", (ids[0],))
        found = spool.waiting_batches(9)
        assert [batch.batch_id for batch in found] == ids
        assert len(found[1].readings()) == 3


def test_a_batch_that_lies_about_its_length_costs_no_memory() -> None:
    kept = Batch.of(readings(3, 0)).kept
    with pytest.raises(Exception, match="bytes are stated"):
        Batch("0" * 64, (1 << 60).to_bytes(8, "big") + kept[8:]).readings()


def test_order_is_that_of_appending_even_when_the_clock_jumps_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        ids = [spool.append(readings(1, i)) for i in range(3)]
        with sqlite3.connect(tmp_path / "spool.db") as base:  # as if the second had been kept in 1970 and the third in 2099
            base.execute("UPDATE batch SET appended_at_utc = '1970-01-01T00:00:00+00:00' WHERE batch_id = ?", (ids[1],))
            base.execute("UPDATE batch SET appended_at_utc = '2099-01-01T00:00:00+00:00' WHERE batch_id = ?", (ids[2],))
        assert [batch.batch_id for batch in spool.waiting_batches(9)] == ids
        assert abs((datetime.now(UTC) - spool.waiting()[1]).total_seconds()) < 60  # the age of the one that leaves next


def test_a_spool_of_the_first_release_is_taken_over(tmp_path: Path) -> None:
    batch = Batch.of(readings(2, 1))
    with sqlite3.connect(tmp_path / "spool.db") as base:
        base.execute(
            "CREATE TABLE batch (sequence INTEGER PRIMARY KEY AUTOINCREMENT, batch_id TEXT NOT NULL UNIQUE,"
            " readings INTEGER NOT NULL, appended_at_utc TEXT NOT NULL, content BLOB NOT NULL)"
        )
        row = (batch.batch_id, 2, "2022-06-15T10:00:00+00:00", batch.kept)
        base.execute("INSERT INTO batch (batch_id, readings, appended_at_utc, content) VALUES (?, ?, ?, ?)", row)
    with Spool(tmp_path / "spool.db") as spool:
        assert spool.waiting_batches() == [batch]


def test_what_waits_for_more_than_an_hour_is_an_alarm(tmp_path: Path) -> None:
    assert look(tmp_path / "spool.db") is None
    with Spool(tmp_path / "spool.db") as spool:
        spool.append(readings(5, 1))
        now = datetime.now(UTC)
        assert look(tmp_path / "spool.db").alarms(now) == []
        late = look(tmp_path / "spool.db").alarms(now + timedelta(hours=2))
        assert "5 readings in 1 batches wait, the oldest for 2.0 h" in str(late[0])


def test_capacity_is_room_over_what_a_day_takes() -> None:
    day = Capacity(readings_per_day=1000, bytes_per_reading=12, free_bytes=24_000)
    assert day.hours == 48
    assert day.problem() is None
    short = Capacity(readings_per_day=1000, bytes_per_reading=12, free_bytes=6_000)
    assert short.hours == 12
    assert "room for 12.0 h of readings; allowed: 24 h or more" in str(short.problem())


@pytest.mark.parametrize("n", [10, 1000])
def test_the_capacity_told_is_what_the_file_really_takes(tmp_path: Path, n: int) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        kept = sum(len(Batch.of(readings(n, i)).kept) for i in range(60)) // 60
        before = spool.fill().used_bytes
        for i in range(60):
            spool.append(readings(n, i))
        taken = spool.fill().used_bytes - before
    told = capacity([(n, 96, kept)], 10**9).bytes_per_reading * n * 60
    assert 0.85 <= taken / told <= 1.15


def test_of_a_damaged_file_every_whole_batch_is_recovered(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    with Spool(damaged) as spool:
        ids = [spool.append(readings(3000, i)) for i in range(20)]
    pages = damaged.stat().st_size // 4096
    with damaged.open("r+b") as file:  # a page in the middle is rubbish
        file.seek(4096 * (pages // 2))
        file.write(b"\xa5" * 4096)
    with Spool(tmp_path / "spool.db") as spool:
        kept, lost = recover(damaged, spool)
        assert (kept, lost) == (19, 1)
        found = [batch.batch_id for batch in spool.waiting_batches(10**6)]
        assert [name for name in ids if name in found] == found
        assert recover(damaged, spool) == (19, 1)  # a second time adds nothing
        assert spool.depth() == 19
    (tmp_path / "none.db").write_bytes(b"no database at all" * 500)
    with Spool(tmp_path / "spool.db") as spool, pytest.raises(PenstockError, match="read in part"):
        recover(tmp_path / "none.db", spool)
