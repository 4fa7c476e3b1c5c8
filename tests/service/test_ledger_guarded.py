"""What keeps a ledger whole from outside: the time zone, the disk, the lock, the key, the roots kept outside, a second machine."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from city.clock import civil_day, parse_utc
from city.problems import PenstockError
from service.books import posting
from service.one_process import lock
from service.store import due, open_store, writing
from tests.service.ledger_town import NEXT, NIGHT, ZONE, book, night, opened, revised, town
from tests.service.test_ledger_changed import WHEN, said_otherwise
from tests.service.test_ledger_closed import SIGNED


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_a_ledger_keeps_its_time_zone(tmp_path: Path, zone: str) -> None:
    made = town(tmp_path)
    night(made)
    said_otherwise(made, 'time_zone = "Europe/Rome"', f'time_zone = "{zone}"')
    said = made.penstock("carbon", "restate", "2022-06", "--reason", "elsewhere", *WHEN)
    assert (said.code, said.foreseen, "a ledger keeps its zone" in said.err) == (1, True, True)
    assert len(book(made).batches) == 1


def test_a_full_disk_is_a_sentence_and_posts_nothing(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    revised(made, "hall.energy", "2022-06-14", 1_000)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("carbon.ledger.files.os.fsync", full)
        said = made.penstock("carbon", "restate", "2022-06", "--reason", "late", *WHEN)
    assert (said.code, said.foreseen, "ledger files" in said.err) == (1, True, True), said.all
    assert len(book(made).batches) == 1
    assert len(due.noted(open_store(made.database))) == 1
    assert list((made.folder / "ledger").glob(".*")) == []
    night(made, NEXT)
    assert len(book(made).batches) == 2


def test_nothing_is_signed_while_a_night_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.turn.WAITS", (0.2, 0.2))
    made = town(tmp_path, days=46)
    night(made)
    with lock(made.folder):
        said = made.penstock("carbon", "close", "2022-05", *SIGNED)
    assert (said.code, said.foreseen, "(night) has readings and ledger since" in said.err) == (1, True, True), said.all
    assert made.penstock("carbon", "close", "2022-05", *SIGNED).code == 0


def test_a_key_that_was_changed_is_given_beside_the_new_one(tmp_path: Path) -> None:
    made = town(tmp_path / "town", days=3)
    keys = []
    for number, now in enumerate((NIGHT, NEXT)):
        file = str(tmp_path / f"key-{number}")
        keys.append(made.penstock("carbon", "keygen", file).out.split()[2].rstrip(";"))
        revised(made, "hall.energy", "2022-06-14", 1_000)
        night(made, now, LEDGER_KEY=file)
    both = ("--key", keys[0].upper(), "--key", keys[1])
    assert made.penstock("verify", *both).code == 0
    for key in keys:
        assert made.penstock("verify", "--key", key).code == 1


@pytest.mark.parametrize("spoilt", ["2022 \u00e9\n".encode(), b"nonsense\n", b"a " + b"9" * 5000 + b" c d e\n", b"\x00" * 40])
def test_a_file_of_roots_that_is_none_costs_neither_the_batch_nor_a_crash(tmp_path: Path, spoilt: bytes) -> None:
    made = town(tmp_path, days=3, carbon='outside_roots = ["roots.txt"]')
    (tmp_path / "roots.txt").write_bytes(spoilt)
    _, after = night(made)
    assert after is not None
    assert "roots outside" in str(after.problems[0])
    revised(made, "hall.energy", "2022-06-14", 1_000)
    said = made.penstock("carbon", "restate", "2022-06", "--reason", "late", *WHEN)
    assert (said.code, said.foreseen, "roots outside" in said.out) == (0, True, True), said.all
    assert (tmp_path / "roots.txt").read_bytes() == spoilt
    assert "nothing from outside" not in made.penstock("verify").out


def test_a_file_of_roots_that_came_through_windows_is_gone_on_with(tmp_path: Path) -> None:
    made = town(tmp_path, days=3, carbon='outside_roots = ["roots.txt"]')
    night(made)
    path = tmp_path / "roots.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    revised(made, "hall.energy", "2022-06-14", 1_000)
    _, after = night(made, NEXT)
    assert after is not None
    assert after.problems == []
    assert "2 of 2 roots in" in made.penstock("verify").out


def test_nothing_is_signed_or_restated_over_a_file_that_is_not_as_it_was_sealed(tmp_path: Path) -> None:
    made = town(tmp_path, days=46)
    night(made)
    (path,) = (made.folder / "ledger").glob("*.zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"mg.npy") + 400] ^= 1
    path.write_bytes(content)
    said = made.penstock("carbon", "close", "2022-05", *SIGNED)
    assert (said.code, "column mg" in said.err) == (1, True), said.all
    revised(made, "hall.energy", "2022-05-14", 1_000)
    said = made.penstock("carbon", "restate", "2022-05", "--reason", "late", *WHEN)
    assert (said.code, "column mg" in said.err) == (1, True), said.all
    assert len(book(made).batches) == 1


def test_a_night_elsewhere_that_was_faster_is_a_sentence_and_the_chain_does_not_fork(tmp_path: Path) -> None:
    made = town(tmp_path)
    with opened(made) as (city, engine):
        slow = posting.Posting(engine, city, parse_utc(NIGHT))
        slow.post([civil_day(parse_utc("2022-06-12T12:00Z").date(), ZONE)])
        night(made)
        with pytest.raises(PenstockError, match="batch 0 was posted meanwhile"), writing(engine) as connection:
            slow.list(connection, None)
    assert len(book(made).batches) == 1


def test_a_copy_that_cannot_be_written_can_be_verified(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    with sqlite3.connect(made.folder / "penstock.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        said = made.penstock("verify")
    assert (said.code, said.foreseen, "could not be kept" in said.out) == (0, True, True), said.all
