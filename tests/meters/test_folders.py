"""Watched folders: whole files only, each once, and none that is not what it seems."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from city.quantities import Quantity
from meters.roads.folders import DropFolder
from meters.roads.mapping import Drop
from meters.roads.sources import take_in
from meters.spool.spool import Spool
from tests.meters.test_headend import DELTA, sample

SLOT = datetime(2022, 6, 15, tzinfo=UTC)
POINTS = {"m.power": Quantity.POWER_KW, "hall.energy": Quantity.ENERGY_KWH}
TABLE = {"mapping": {"quantity": "power_kw"}, "settle_s": 30}
XML = {"messages": {"channels": [{"meter": "E-1001", "reading_type": DELTA, "point": "hall.energy"}]}, "settle_s": 0}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watched(tmp_path: Path, clock: Clock, **keys: object) -> DropFolder:
    return DropFolder(Drop.model_validate({"folder": "in", **TABLE, **keys}), tmp_path, POINTS, clock)


def put(tmp_path: Path, name: str, text: str | bytes = "time_utc,m.power\n2022-06-15T00:00Z,1\n") -> Path:
    path = tmp_path / "in" / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[2] for path in folder.iterdir())


def test_a_file_is_taken_once_it_has_stopped_growing_and_only_then_moved(tmp_path: Path, clock: Clock) -> None:
    source = watched(tmp_path, clock)
    path = put(tmp_path, "a.csv")
    assert source.readings(SLOT).empty  # seen for the first time
    clock.now = 29
    with path.open("a") as more:
        more.write("2022-06-15T00:15Z,2\n")
    assert source.readings(SLOT).empty  # it grew: its time starts again
    clock.now = 58
    assert source.readings(SLOT).empty
    clock.now = 59
    assert source.readings(SLOT)["value"].tolist() == [1, 2]
    assert path.exists()  # nothing has said yet that the readings are safe
    assert source.readings(SLOT)["value"].tolist() == [1, 2]
    source.kept()
    assert names(tmp_path / "in" / "done") == ["a.csv"]
    assert source.readings(SLOT).empty


def test_the_same_content_under_another_name_is_not_taken_twice(tmp_path: Path, clock: Clock) -> None:
    source = watched(tmp_path, clock, settle_s=0)
    put(tmp_path, "a.csv")
    with Spool(tmp_path / "spool.db") as spool:
        assert take_in([source], spool, SLOT) == 1
        put(tmp_path, "b.csv")
        assert take_in([source], spool, SLOT) == 0
    assert names(tmp_path / "in" / "done") == ["a.csv", "b.csv"]


def test_a_crash_between_spool_and_move_repeats_the_very_same_batch(tmp_path: Path, clock: Clock) -> None:
    put_in = watched(tmp_path, clock, settle_s=0)
    put(tmp_path, "a.csv")
    with Spool(tmp_path / "spool.db") as spool:
        first = spool.append(put_in.readings(SLOT))  # and then the process is killed
        again = watched(tmp_path, clock, settle_s=0)
        assert spool.append(again.readings(SLOT)) == first
        assert spool.depth() == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "time_utc,m.power\n2022-06-15T00:00Z,n/k\n", "cells like 'n/k'"),
        ("a.csv", "time_utc,m.other\n2022-06-15T00:00Z,1\n", "point 'm.other': unknown"),
        ("a.csv", "time_utc,hall.energy\n2022-06-15T00:00Z,1\n", "power_kw; allowed: energy_kwh"),
        ("a.csv", "time_utc,m.power\n2122-06-15T00:00Z,1\n", "1 readings of the future"),
        ("a.exe", b"MZ", "a .exe file"),
        ("a.zip", b"PK", "whole ZIP file"),
        ("a.csv", b"x" * 1_000_001, "more than 1 MB"),
        ("a.parquet", b"PAR1" + bytes(range(200)) + b"PAR1", "a table in"),
    ],
)
def test_a_bad_file_is_set_aside_with_its_reason_and_holds_up_no_other(
    tmp_path: Path, clock: Clock, name: str, content: str | bytes, says: str
) -> None:
    source = watched(tmp_path, clock, settle_s=0, max_mb=1)
    put(tmp_path, name, content)
    put(tmp_path, "z-good.csv")
    assert source.readings(SLOT)["value"].tolist() == [1]
    assert names(tmp_path / "in" / "refused") == [name, f"{name}.txt"]
    (reason,) = (tmp_path / "in" / "refused").glob("*.txt")
    assert says in reason.read_text()


def test_links_hidden_and_unfinished_files_are_left_alone(tmp_path: Path, clock: Clock) -> None:
    source = watched(tmp_path, clock, settle_s=0)
    (tmp_path / "in" / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "in" / "pipe.csv")
    for name in (".hidden.csv", "a.csv.part", "b.tmp"):
        put(tmp_path, name)
    assert source.readings(SLOT).empty
    assert names(tmp_path / "in" / "refused") == []


def test_names_that_are_too_long_or_not_utf_8_are_moved_as_any_other(tmp_path: Path, clock: Clock) -> None:
    source = watched(tmp_path, clock, settle_s=0)
    text = b"time_utc,m.power\n2022-06-15T00:00Z,"
    put(tmp_path, "x" * 250 + ".csv", text + b"1\n")
    for name in (b"\xff.csv", b"\xfe.csv"):
        (tmp_path / "in" / os.fsdecode(name)).write_bytes(text + (b"n/k" if name[0] == 0xFE else b"2") + b"\n")
    with Spool(tmp_path / "spool.db") as spool:
        assert take_in([source], spool, SLOT) == 2
    assert len(list((tmp_path / "in" / "done").iterdir())) == 2
    (reason,) = (tmp_path / "in" / "refused").glob("*.txt")
    assert "\\udcfe.csv" in reason.read_text()


def test_a_file_that_nobody_foresaw_is_set_aside_too(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meters.roads.folders.read_rows", lambda *_: 1 / 0)
    source = watched(tmp_path, clock, settle_s=0)
    put(tmp_path, "a.csv")
    assert source.readings(SLOT).empty
    assert "ZeroDivisionError" in next((tmp_path / "in" / "refused").glob("*.txt")).read_text()


def test_a_large_delivery_comes_in_frames_and_moves_after_the_last(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meters.roads.folders._SLICE", 10)
    source = watched(tmp_path, clock, settle_s=0)
    rows = "".join(f"{SLOT + timedelta(minutes=15 * i):%Y-%m-%dT%H:%MZ},{i}\n" for i in range(25))
    put(tmp_path, "a.csv", "time_utc,m.power\n" + rows)
    with Spool(tmp_path / "spool.db") as spool:
        assert take_in([source], spool, SLOT) == 25
        assert spool.depth() == 3
    assert names(tmp_path / "in" / "done") == ["a.csv"]


def test_messages_of_a_head_end_come_the_same_way(tmp_path: Path, clock: Clock) -> None:
    source = DropFolder(Drop.model_validate({"folder": "in", **XML}), tmp_path, POINTS, clock)
    put(tmp_path, "m.xml", sample("intervals.xml"))
    frame = source.readings(SLOT)
    assert frame["value"].tolist()[:2] == [0.25, 0.5]
    assert set(frame["point_id"]) == {"hall.energy"}


def test_a_drop_has_one_format() -> None:
    for keys in ({}, {**TABLE, **XML}):
        with pytest.raises(ValidationError, match="either mapping"):
            Drop.model_validate({"folder": "in", **keys})
