"""Old audit lines go, and the chain of the rest says so; nobody can take young ones away unseen."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select

from service import schema as t
from service.auditing import cutting, listing, outside, verifying
from service.retention.removing import remove
from service.settings import LoadedCity
from service.store import operations, writing
from tests.retention.test_retention import NOW, RULES, at, lines, town


@pytest.fixture
def audited(tmp_path: Path) -> tuple[LoadedCity, Engine]:
    return town(tmp_path / "town", RULES + '[carbon]\noutside_roots = ["roots.txt"]\n')


def problems(city: LoadedCity, engine: Engine) -> list[str]:
    return [str(one) for one in verifying.check(engine, city)[1]]


def test_old_audit_lines_go_and_the_rest_is_one_chain_that_says_so(audited: tuple[LoadedCity, Engine]) -> None:
    city, engine = audited
    lines(engine, 9, 8, 7, 3, 1)
    assert outside.publish(engine, city, "night", at(1)) == []
    removed = {one.kind: one.count for one in remove(city, engine, NOW, "test")}
    assert removed["audit lines"] == 3
    told, wrong = verifying.check(engine, city)
    assert (wrong, "it begins behind line 3: older lines went by [retention]" in told) == ([], True)
    remove(city, engine, NOW.replace(year=2025), "test")  # the line of three years ago is old now, too
    assert problems(city, engine) == []
    assert outside.publish(engine, city, "night", NOW) == []
    assert problems(city, engine) == []


def test_the_last_line_stays_however_old(audited: tuple[LoadedCity, Engine]) -> None:
    city, engine = audited
    lines(engine, 9, 8)
    remove(city, engine, NOW, "test")
    with engine.connect() as connection:
        assert list(connection.execute(select(t.audit.c.audit_id).order_by(t.audit.c.audit_id)).scalars()) == [2, 3]
    assert problems(city, engine) == []


def test_a_line_cut_off_by_hand_behind_the_cut_is_missed_and_so_is_a_cut_of_young_lines(audited: tuple[LoadedCity, Engine]) -> None:
    city, engine = audited
    lines(engine, 9, 8, 7, 3, 2, 1)
    remove(city, engine, NOW, "test")
    with engine.begin() as connection:
        connection.execute(delete(t.audit).where(t.audit.c.audit_id == 4))
    assert any("audit line 4: missing" in one for one in problems(city, engine))
    with writing(engine) as connection:  # by somebody who can write the store and seal
        cutting.cut(connection, at(365), NOW, "eve")
    assert any("lines older than 5 years" in one for one in problems(city, engine))


def test_a_head_kept_outside_of_a_young_line_shows_that_it_went(audited: tuple[LoadedCity, Engine]) -> None:
    city, engine = audited
    lines(engine, 9, 8, 1)
    assert outside.publish(engine, city, "night", at(300)) == []  # of line 3, and of the line that begins the file
    with writing(engine) as connection:
        row = connection.execute(select(t.audit).where(t.audit.c.audit_id == 4)).one()
        connection.execute(delete(t.audit).where(t.audit.c.audit_id <= 3))
        forged = f"3 lines before {at(365 * 6).isoformat()}: the rest of the chain begins behind line 3"
        operations.record(connection, NOW, "eve", cutting.ACTION, "lines 1 to 3", forged, row.previous)
    assert any("audit line 3: not in the store" in one for one in problems(city, engine))


def test_an_export_that_begins_behind_a_cut_is_sound_by_the_file_beside_it_and_a_cut_by_a_forged_time_is_not(
    audited: tuple[LoadedCity, Engine], tmp_path: Path
) -> None:
    city, engine = audited
    lines(engine, 9, 8, 7)
    assert outside.publish(engine, city, "night", at(365 * 6.5)) == []  # heads of lines that go, too
    lines(engine, 3, 1)
    remove(city, engine, NOW, "test")
    heads = (tmp_path / "town" / "audit-roots.txt", "it begins behind line 4")

    def checked(name: str) -> tuple[int, str]:
        listing.write(engine, tmp_path / name / "audit.jsonl")
        words = [sys.executable, "-I", str(tmp_path / name / "verify_audit.py"), str(tmp_path / name / "audit.jsonl"), str(heads[0])]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    for name in ("cut", "forged"):
        (tmp_path / name).mkdir()
    code, said = checked("cut")
    assert (code, heads[1] in said) == (0, True), said
    ahead = datetime.now(UTC) + timedelta(days=365 * 30)
    remove(city, engine, ahead, "eve")  # the command with `--now` in the far future: ages count to the clock
    assert problems(city, engine) == []
    with writing(engine) as connection:
        cutting.cut(connection, ahead - timedelta(days=365 * 6), ahead, "eve")
    assert any("lines older than 5 years" in one for one in problems(city, engine))
    code, said = checked("forged")
    assert (code, "younger than five years" in said) == (1, True), said
