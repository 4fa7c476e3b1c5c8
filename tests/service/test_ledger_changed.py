"""What changes under a ledger: accounts, their ids and sites, the zone, the key; nothing is counted twice or posted in halves."""

import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from city.clock import civil_day, local_date, parse_utc
from city.problems import PenstockError
from city.quality import Flag
from service import closing, posting, statement_source
from service.night import Night, ledger
from service.one_process import lock
from service.store import due, meter_days, open_store, readings, writing
from service.store import ledger as stored
from tests.service.ledger_town import ACCOUNTS, NEXT, NIGHT, ZONE, book, night, opened, revised, sums, town
from tests.service.test_ledger_closed import SIGNED
from tests.town import Town

WHEN = ("--who", "ada", "--now", "2022-06-18T08:00+02:00")


def said_otherwise(made: Town, old: str, new: str) -> None:
    text = made.file.read_text()
    assert old in text
    made.file.write_text(text.replace(old, new))


def wh(made: Town) -> int:
    return sum(amount for (name, _), (amount, _) in sums(book(made)).items() if name.startswith("el-hall"))


def test_a_late_reading_after_an_account_got_another_id_counts_no_kwh_twice(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    before, mg = wh(made), sum(mg for _, mg in sums(book(made)).values())
    said_otherwise(made, 'id = "el-hall"', 'id = "el-hall-east"')
    revised(made, "hall.energy", "2022-06-14", 1_000)
    night(made, NEXT)
    assert wh(made) == before + 1_000
    said = made.penstock("carbon", "restate", "2022-06", "--reason", "the account has another id", *WHEN)
    assert said.code == 0, said.all
    assert wh(made) == before + 1_000
    assert {name for name, _ in sums(book(made))} == {"el-hall-east", "sun", "supply"}
    then = book(made).as_known(parse_utc(NIGHT))
    assert sum(mg for _, mg in sums(then).values()) == mg
    assert made.penstock("verify", "--recompute").code == 0


def test_accounts_that_come_go_and_move_are_taken_in_by_a_restatement_and_stay_as_they_were_then(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    then = sums(book(made))
    said_otherwise(made, 'sites = [{ id = "here"', 'sites = [{ id = "there", sector = "services" }, { id = "here"')
    supply = ACCOUNTS[ACCOUNTS.index('[[accounts]]\nid = "supply"') :]
    said_otherwise(made, supply, "")
    for part in ("el-hall", "sun"):
        text = made.file.read_text()
        at = text.index(f'id = "{part}"\nkind')
        made.file.write_text(text[:at] + text[at:].replace('site = "here"', 'site = "there"', 1))
    said = made.penstock("carbon", "restate", "2022-06", "--reason", "moved", *WHEN)
    assert said.code == 0, said.all
    now = book(made)
    places = now.book(by=("account_id", "site"), zone=ZONE, period=None)
    assert {row.site for row in places.itertuples() if row.amount} == {"there"}
    assert "supply" not in {name for name, _ in sums(now)}
    assert sums(now.as_known(parse_utc(NIGHT))) == then
    said_otherwise(made, "[carbon]", supply + "[carbon]")
    assert made.penstock("carbon", "restate", "2022-06", "--reason", "the water is counted again", *WHEN).code == 0
    assert sums(book(made)) == then
    assert made.penstock("verify", "--recompute").code == 0


def estimated(made: Town, day: str, part: slice, flags: Flag, now: str = NIGHT) -> None:
    """A further version of a day of the hall, in which some quarters were estimated, or read after all."""
    with opened(made) as (city, engine):
        span = civil_day(parse_utc(f"{day}T12:00Z").date(), ZONE)
        before = meter_days.block(engine, [city.points["hall.energy"]], *span)
        quality = before.quality.copy()
        quality[0, part] = int(flags)
        with writing(engine) as connection:
            keys = readings.keys_of(connection, ["hall.energy"])
            meter_days.revise(connection, replace(before, quality=quality), [span], keys, "night", parse_utc(now), "gap")


@pytest.mark.parametrize("rows", [50, 500_000])
def test_a_gap_across_midnight_is_posted_alike_by_one_night_by_several_and_by_the_recompute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    made, derived = town(tmp_path), Flag.ESTIMATED_LIKE_DAY | Flag.DERIVED
    estimated(made, "2022-06-13", slice(-2, None), derived)
    estimated(made, "2022-06-14", slice(0, 2), derived)
    monkeypatch.setattr(posting, "ROWS", rows)  # a batch a day, or one of all days
    night(made)
    monkeypatch.setattr(posting, "ROWS", 100)
    assert made.penstock("verify", "--recompute").code == 0
    estimated(made, "2022-06-14", slice(0, 2), Flag.VALID, NEXT)
    night(made, NEXT)
    said = made.penstock("verify", "--recompute")
    assert said.code == 0, said.out


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
    (made.folder / "ledger").chmod(0o500)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
        said = made.penstock("carbon", "restate", "2022-06", "--reason", "late", *WHEN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)
        (made.folder / "ledger").chmod(0o700)
    assert (said.code, said.foreseen, "ledger files" in said.err) == (1, True, True), said.all
    assert len(book(made).batches) == 1
    assert len(due.noted(open_store(made.database))) == 1
    assert list((made.folder / "ledger").glob(".*")) == []
    night(made, NEXT)
    assert len(book(made).batches) == 2


def test_nothing_is_signed_while_a_night_runs(tmp_path: Path) -> None:
    made = town(tmp_path, days=46)
    night(made)
    with lock(made.folder):
        said = made.penstock("carbon", "close", "2022-05", *SIGNED)
    assert (said.code, said.foreseen, "one night at a time" in said.err) == (1, True, True), said.all
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


def test_sums_of_many_batches_of_different_accounts_are_those_of_each_batch(tmp_path: Path) -> None:
    made = town(tmp_path)
    for number in range(4):  # more different lists of lines than stay in memory
        night(made) if number == 0 else made.penstock("carbon", "restate", "2022-06", "--reason", "another id", *WHEN)
        said_otherwise(made, f'id = "supply{"-x" * number}"', f'id = "supply{"-x" * (number + 1)}"')
    found = book(made)
    assert len(found.batches) == 4
    amounts: dict[str, int] = {}
    for one in found.batches:
        for line, amount, counts in zip(*(one.columns[name].tolist() for name in ("line", "amount", "counts")), strict=True):
            amounts[one.lines[line].account_id] = amounts.get(one.lines[line].account_id, 0) + amount * counts
    rows = found.book(by=("account_id",), zone=ZONE, period=None).groupby("account_id")["amount"].sum()
    assert rows.to_dict() == amounts
    assert sum(abs(amount) for name, amount in amounts.items() if name in ("supply", "supply-x", "supply-x-x")) == 0


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


def test_a_plant_that_gave_nothing_after_all_gives_its_kwh_back_to_the_grid(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    before = sums(book(made))
    with opened(made) as (city, engine):
        span = civil_day(parse_utc("2022-06-14T12:00Z").date(), ZONE)
        read = meter_days.block(engine, [city.points["sun.energy"]], *span)
        with writing(engine) as connection:
            keys = readings.keys_of(connection, ["sun.energy"])
            meter_days.revise(connection, replace(read, values=read.values * 0), [span], keys, "night", parse_utc(NIGHT), "no sun")
    night(made, NEXT)
    after, hours = sums(book(made)), book(made).book(by=("account_id",), zone=ZONE, period="D")
    assert after["el-hall", "direct"][0] < before["el-hall", "direct"][0]
    assert (
        sum(after["el-hall", basis][0] for basis in ("direct", "location"))
        == wh(made)
        == sum(before["el-hall", basis][0] for basis in ("direct", "location"))
    )
    of_day = hours[(hours["basis"] == "direct") & (hours["period"] == "2022-06-14")]
    assert of_day["amount"].tolist() in ([], [0])
    assert made.penstock("verify", "--recompute").code == 0


def test_an_edit_while_the_night_computes_is_taken_in_by_the_next_one(tmp_path: Path) -> None:
    made = town(tmp_path)
    with opened(made) as (city, engine):
        output = ledger.compute(Night(city, engine, local_date(parse_utc(NIGHT), ZONE), parse_utc(NIGHT), {}))
        revised(made, "hall.energy", "2022-06-14", 1_000)
        with writing(engine) as connection:
            output.write(connection)
    before = wh(made)
    night(made, NEXT)
    assert wh(made) == before + 1_000
    assert made.penstock("verify", "--recompute").code == 0


def test_what_was_taken_back_wholly_stands_in_no_statement_and_in_no_sign_off(tmp_path: Path) -> None:
    made = town(tmp_path, days=46)
    night(made)
    said_otherwise(made, 'id = "el-hall"', 'id = "el-east"')
    said_otherwise(made, 'region = "CN-ZJ"\nadds', 'region = "CN-SH"\nadds')
    with opened(made) as (city, engine):
        before = closing.sums(stored.open_ledger(engine, city.folder), city, "2022-05")
    made.penstock("carbon", "restate", "2022", "--reason", "the hall's account is that of the east", *WHEN)
    with opened(made) as (city, engine):
        found = statement_source.source(engine, city, "2022-05", "en")
        assert set(found.book["account_id"]) == {"el-east", "sun", "supply"}
        assert not any("CN-ZJ" in rule for rule in found.book["rule_id"])
        changed = closing.sums(stored.open_ledger(engine, city.folder), city, "2022-05")
    said_otherwise(made, 'region = "CN-SH"\nadds', 'region = "CN-ZJ"\nadds')
    made.penstock("carbon", "restate", "2022", "--reason", "it stands in Zhejiang after all", *WHEN)
    with opened(made) as (city, engine):
        assert closing.sums(stored.open_ledger(engine, city.folder), city, "2022-05") == before != changed
