"""`penstock case` and `penstock shift` from the command line."""

from pathlib import Path

import pytest

from tests.town import Town

AT = "2022-06-15T14:30+02:00"
PEOPLE = {"ada": "operator", "cat": "operator", "bob": "engineer", "vic": "viewer"}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = Town(tmp_path / "town", days=0).write()
    made.file.write_text('accounts_file = "accounts.toml"\n' + made.file.read_text(encoding="utf-8"), encoding="utf-8")
    hashed = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$K0jPzVQ4H5k0cJgYF7q8sQ"
    lines = [f'[[accounts]]\nname = "{name}"\nrole = "{role}"\nhash = "{hashed}"\n' for name, role in PEOPLE.items()]
    (made.folder / "accounts.toml").write_text("\n".join(lines), encoding="utf-8")
    assert made.penstock("init").code == 0
    return made


def said(town: Town, who: str, *words: str, code: int = 0) -> str:
    told = town.penstock(*words, "--who", who, "--now", AT)
    assert told.code == code, told.all
    return told.all


def test_a_case_from_the_command_line(town: Town) -> None:
    assert said(town, "ada", "case", "open", "meter", "hall", "Reads half", "--priority", "3") == "case 1\n"
    assert "allowed: ada, cat, bob" in said(town, "ada", "case", "assign", "1", "vic", code=1)
    assert said(town, "ada", "case", "assign", "1", "bob") == "case 1: assigned, bob\n"
    assert said(town, "ada", "case", "work", "1", "--note", "new fuse") == "case 1: worked, bob\n"
    assert "account with role engineer" in said(town, "ada", "case", "check", "1", code=1)
    assert said(town, "bob", "case", "check", "1") == "case 1: checked, bob\n"
    assert said(town, "ada", "case", "close", "1") == "case 1: closed, bob\n"
    assert said(town, "ada", "case", "rate", "1", "5", "--false-alarm") == "case 1: rated, bob\n"
    listed = town.penstock("case", "list", "--all", "--now", AT).out
    assert "case 1  rated, bob since 2022-06-15 14:30 CEST  meter hall: Reads half" in listed
    assert "meter: 0 open, 0 overdue, 1 ended; median 0.0 h to assigned" in listed
    assert "100 % of 1 rated were nothing" in listed
    assert "no case is open" in town.penstock("case", "list", "--now", AT).out


def test_what_is_late_is_said(town: Town) -> None:
    said(town, "ada", "case", "open", "leak", "old-town", "A wet street", "--priority", "1")
    listed = town.penstock("case", "list", "--now", "2022-06-15T17:00+02:00").out
    assert "case 1  found since 2022-06-15 14:30 CEST; OVERDUE by 2.0 h  leak old-town: A wet street" in listed


def test_a_case_goes_back_and_is_cancelled_with_a_reason(town: Town) -> None:
    for name in ("hall", "sun"):
        said(town, "ada", "case", "open", "meter", name, "dark")
    said(town, "ada", "case", "assign", "1", "ada")
    said(town, "ada", "case", "work", "1")
    assert "nothing said" in said(town, "bob", "case", "reopen", "1", code=1)
    assert said(town, "bob", "case", "reopen", "1", "--note", "still dark") == "case 1: assigned, ada\n"
    assert said(town, "ada", "case", "cancel", "2", "--same-as", "1", "--note", "one fuse") == "case 2: cancelled\n"


def test_a_shift_is_handed_over_with_what_changed(town: Town) -> None:
    said(town, "ada", "case", "open", "meter", "hall", "Reads half")
    said(town, "ada", "shift", "note", "Pump 2 is out", "--about", "ps-lake")
    said(town, "ada", "shift", "note", "Pump 3 is out", "--about", "ps-lake", "--corrects", "1")
    told = said(town, "cat", "shift", "since")
    assert told.startswith(
        "since 2022-06-15 06:00 CEST: 1 changes, 2 notes\ncases (1)\n  06-15 14:30  case found  1: meter hall: found (ada)"
    )
    assert "(corrected by note 2): ps-lake: Pump 2 is out" in told
    assert said(town, "cat", "shift", "since", "--csv").splitlines()[1].startswith("2022-06-15T12:30:00+00:00,cases,case_found,1,ada,")
    assert said(town, "ada", "shift", "hand-over", "quiet") == "hand-over 1 waits to be signed\n"
    assert said(town, "cat", "shift", "hand-over", "--sign", "1") == "cat takes over from ada\n"
    assert "0 characters" in said(town, "cat", "shift", "hand-over", code=1)
    assert "signed in as viewer" in said(town, "vic", "shift", "note", "hm", code=1)


def test_a_number_that_no_row_can_have_is_refused_in_a_sentence(town: Town) -> None:
    for words in (("case", "work", "9" * 20), ("shift", "hand-over", "--sign", "9" * 20), ("shift", "note", "x", "--corrects", "9" * 20)):
        assert "less than or equal to 2147483647" in said(town, "ada", *words, code=1)
