"""What keeps the ledger honest: files, signatures, roots outside; whatever is changed behind its back is found, and where."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from carbon.ledger.batch import Batch, Header
from carbon.ledger.chain import append
from carbon.ledger.files import file_of
from carbon.ledger.mass import masses
from service import schema as t
from service.store import ledger as stored
from service.store import open_store
from tests.service.ledger_town import NEXT, book, night, revised, sums, town
from tests.town import Town


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, str]:
    """Two nights, signed, with roots in roots.txt beside the town; and the public key."""
    folder = tmp_path_factory.mktemp("kept")
    made = town(folder / "town", days=3, carbon='outside_roots = ["roots.txt"]')
    said = made.penstock("carbon", "keygen", str(folder / "town" / "ledger.key"))
    assert said.code == 0, said.all
    key = str(folder / "town" / "ledger.key")
    night(made, LEDGER_KEY=key)
    revised(made, "hall.energy", "2022-06-14", 1000)
    night(made, NEXT, LEDGER_KEY=key)
    return made, said.out.split()[2].rstrip(";")


def copied(kept: tuple[Town, str], folder: Path) -> Town:
    return Town(Path(shutil.copytree(kept[0].folder, folder / "town")), parts=kept[0].parts)


def sql(made: Town, *statements: str) -> None:
    with sqlite3.connect(made.folder / "penstock.db") as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_sound_ledger_verifies_against_key_root_and_what_is_kept_outside(kept: tuple[Town, str]) -> None:
    made, key = kept
    root = book(made).batches[0].header.root  # of an earlier statement
    said = made.penstock("verify", "--key", key, "--root", root, "--outside", str(made.folder / "roots.txt"), "--recompute")
    assert said.code == 0, said.all
    assert "2 of 2 roots signed" in said.out
    assert "2 roots in" in said.out
    assert said.out.endswith("sound\n")


def test_a_changed_byte_is_found_with_batch_and_column(kept: tuple[Town, str], tmp_path: Path) -> None:
    made = copied(kept, tmp_path)
    (one, _) = book(made).batches
    path = file_of(made.folder / "ledger", one.header.merkle)
    content = bytearray(path.read_bytes())
    at = content.index(b"mg.npy") + 400
    content[at] ^= 1
    path.write_bytes(content)
    said = made.penstock("verify")
    assert said.code == 1
    assert "ledger batch 0, column mg, rows 0" in said.out


def test_a_missing_file_is_found_by_verify_and_doctor_and_stops_a_backup(kept: tuple[Town, str], tmp_path: Path) -> None:
    made = copied(kept, tmp_path)
    (_, last) = book(made).batches
    file_of(made.folder / "ledger", last.header.merkle).unlink()
    assert "ledger batch 1" in made.penstock("verify").out
    assert "FAULT ledger: ledger batch 1" in made.penstock("doctor").out
    said = made.penstock("backup", str(tmp_path / "backup"))
    assert (said.code, said.foreseen) == (1, True)
    assert "ledger_batch lists" in said.err


def test_a_tail_cut_off_is_found_by_the_roots_outside(kept: tuple[Town, str], tmp_path: Path) -> None:
    made = copied(kept, tmp_path)
    sql(made, "DELETE FROM ledger_batch WHERE number = 1")
    said = made.penstock("verify")
    assert said.code == 1
    assert "ledger batch 1: not in the store" in said.out


def rewritten(made: Town) -> None:
    """100 stored units less of each larger entry and its reversal, and the chain is sealed again, as somebody with the database would."""
    before: Header | None = None
    for one in book(made).batches:
        columns = {name: column.copy() for name, column in one.columns.items()}
        columns["amount"][columns["amount"] > 100] -= 100
        columns["amount"][columns["amount"] < -100] += 100
        columns["mg"] = masses(columns["amount"], columns["rule"], one.rules)
        batch = Batch(one.lines, one.rules, columns, one.header.known_at_utc, one.header.reason)
        before = append(batch, made.folder / "ledger", before)
        sealed = {"merkle": before.merkle, "previous": before.previous, "root": before.root, "signature": None, "public_key": None}
        with open_store(made.database).begin() as connection:
            connection.execute(t.ledger_batch.update().where(t.ledger_batch.c.number == before.number).values(sealed))


def test_a_consistent_rewrite_looks_sound_from_inside_and_is_found_from_outside(kept: tuple[Town, str], tmp_path: Path) -> None:
    made = copied(kept, tmp_path)
    root = book(made).root
    rewritten(made)
    outside = (made.folder / "roots.txt").read_bytes()
    (made.folder / "roots.txt").unlink()
    made.file.write_text(made.file.read_text().replace('outside_roots = ["roots.txt"]', ""))
    said = made.penstock("verify")
    assert said.code == 0
    assert "nothing from outside the store was compared" in said.out
    (tmp_path / "copy.txt").write_bytes(outside)
    for words in (("--root", root), ("--key", kept[1]), ("--outside", str(tmp_path / "copy.txt"))):
        assert made.penstock("verify", *words).code == 1
    recomputed = made.penstock("verify", "--recompute")
    assert recomputed.code == 1
    assert "account 'el-hall', 2022-06-13 to 2022-06-15" in recomputed.out


def test_a_signature_of_another_root_is_found(kept: tuple[Town, str], tmp_path: Path) -> None:
    made = copied(kept, tmp_path)
    sql(made, "UPDATE ledger_batch SET signature = (SELECT signature FROM ledger_batch WHERE number = 0) WHERE number = 1")
    assert "ledger batch 1: its signature is not of its root" in made.penstock("verify").out


def test_without_a_key_the_root_is_unsigned_and_status_and_doctor_say_so(tmp_path: Path) -> None:
    made = town(tmp_path, days=2)
    said, _ = night(made)
    assert said.problems == []
    assert "UNSIGNED" in made.penstock("status").out
    assert "unsigned: set PENSTOCK_LEDGER_KEY" in made.penstock("doctor").out


@pytest.mark.parametrize(("content", "mode", "told"), [("nonsense", 0o600, "no key in it"), ("0" * 64, 0o644, "others may read it")])
def test_a_wrong_key_is_a_problem_of_the_night_that_posts_unsigned(tmp_path: Path, content: str, mode: int, told: str) -> None:
    made = town(tmp_path / "town", days=2)
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(mode)
    said, _ = night(made, LEDGER_KEY=str(path))
    assert told in str(said.problems[0])
    assert stored.heads(open_store(made.database))[0].signature is None


def test_a_key_is_written_for_its_owner_alone_and_never_over_another(tmp_path: Path) -> None:
    made = town(tmp_path / "town", days=2)
    assert made.penstock("carbon", "keygen", str(tmp_path / "key")).code == 0
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    before = (tmp_path / "key").read_text()
    assert made.penstock("carbon", "keygen", str(tmp_path / "key")).code == 1
    assert (tmp_path / "key").read_text() == before


def test_roots_that_could_not_be_kept_outside_follow_and_a_torn_line_is_completed(tmp_path: Path) -> None:
    made = town(tmp_path / "town", days=3, carbon=f'outside_roots = ["{tmp_path / "share" / "roots.txt"}"]')
    _, after = night(made)
    assert after is not None
    assert "what it lacks is appended by the next night" in str(after.problems[0])
    (tmp_path / "share").mkdir()
    revised(made, "hall.energy", "2022-06-14", 1000)
    _, after = night(made, NEXT)
    assert after is not None
    assert (after.problems, after.sentence) == ([], "2 roots kept outside")
    path = tmp_path / "share" / "roots.txt"
    whole = path.read_text()
    path.write_text(whole[:-30])
    assert night(made, NEXT)[1] is not None
    assert path.read_text() == whole


def test_a_backup_holds_the_files_and_a_restored_ledger_verifies(kept: tuple[Town, str], tmp_path: Path) -> None:
    made = copied(kept, tmp_path)
    before = sums(book(made))
    assert made.penstock("backup", str(tmp_path / "backup")).code == 0
    assert len(list((tmp_path / "backup" / "ledger").iterdir())) == 2
    shutil.rmtree(made.folder / "ledger")
    assert made.penstock("restore", str(tmp_path / "backup"), "--replace").code == 0
    assert made.penstock("verify", "--key", kept[1]).code == 0
    assert sums(book(made)) == before
