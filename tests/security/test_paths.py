"""Names that lead out of their folder: of imports, drops, archives, cities, statements, backups, device models, reports."""

import hashlib
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from city.problems import PenstockError
from meters.roads.drop import read_drop
from meters.roads.folders import DropFolder
from meters.roads.mapping import Drop, Mapping
from tests.town import Town, prepared

POWER = Mapping(quantity="power_kw")  # type: ignore[arg-type]
OUT = ["../secret.csv", "/etc/passwd", "a/../../secret.csv", "..\\secret.csv", "C:\\secret.csv", "....//secret.csv\x00.csv"]


@pytest.mark.parametrize("name", OUT[:3])
def test_an_import_outside_of_the_data_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.csv").write_text("time,hall.energy\n2022-06-15T00:00Z,1\n")
    town = prepared(Town(tmp_path / "town", days=0))
    town.file.write_text(town.file.read_text().replace('path = "power.csv"', f'path = "{name}"'))
    said = town.penstock("import")
    assert (said.code, said.foreseen) == (1, True), said.all
    assert "root:" not in said.all


@pytest.mark.parametrize("name", OUT)
def test_a_member_of_an_archive_that_leads_out_is_refused_and_nothing_is_unpacked(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        info = zipfile.ZipInfo("x.csv")
        info.filename = name.replace("\x00", "")
        archive.writestr(info, "time_utc,m.power\n2022-06-15T00:00Z,1\n")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    if name.startswith("...."):
        assert read_drop(tmp_path / "x.zip", POWER), "dots that are a name are one; it is read in memory and written nowhere"
    else:
        with pytest.raises(PenstockError):
            read_drop(tmp_path / "x.zip", POWER)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_links_pipes_and_folders_in_a_watched_folder_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("time_utc,m.power\n2022-06-15T00:00Z,1\n")
    watched = DropFolder(Drop(folder="in", mapping=POWER, settle_s=0), tmp_path, {})
    os.symlink(tmp_path / "secret.csv", tmp_path / "in" / "link.csv")
    os.mkfifo(tmp_path / "in" / "pipe.csv")
    (tmp_path / "in" / "folder.csv").mkdir()
    assert watched.readings(datetime.now(UTC)).empty
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["done", "folder.csv", "link.csv", "pipe.csv", "refused"]
    assert (tmp_path / "secret.csv").exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "/srv/x", "."])
def test_a_city_id_that_is_a_path_names_no_folder(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    town = Town(tmp_path / "town", days=0).write()
    town.file.write_text(town.file.read_text().replace('id = "town"', f'id = "{name}"'))
    said = town.penstock("init")
    assert said.foreseen
    assert not (tmp_path.parent / "x").exists()
    assert not (tmp_path / "var").exists() or name == "."


@pytest.mark.parametrize("model", ["../../etc/passwd", "/etc/passwd", "..%2fx", "a\x00b"])
def test_a_device_model_is_a_name_and_no_path(tmp_path: Path, model: str) -> None:
    town = Town(tmp_path / "town", days=0).write()
    escaped = model.replace("\x00", "\\u0000")
    town.file.write_text(town.file.read_text().replace('model = "pv-plant"', f'model = "{escaped}"'))
    said = town.penstock("init")
    said = town.penstock("status") if said.code == 0 else said
    assert said.code != 0
    assert said.foreseen, said.all
    assert "root:" not in said.all


@pytest.mark.parametrize("place", ["../../../etc/passwd#1:1", "/etc/passwd.xlsx#A!B1", "..#A1", "\x00.csv#1:1", "#"])
def test_a_statement_s_cell_is_looked_up_in_statements_alone(tmp_path: Path, place: str) -> None:
    said = prepared(Town(tmp_path / "town", days=0)).penstock("explain", place)
    assert (said.code, said.foreseen) == (1, True), said.all
    assert "root:" not in said.all


@pytest.mark.parametrize(
    "words", [("--period", "../../x"), ("--period", "2022-06/../../x"), ("--kind", "../x"), ("--format", "../x"), ("--language", "../x")]
)
def test_no_option_of_a_report_names_a_folder(tmp_path: Path, words: tuple[str, str]) -> None:
    town = prepared(Town(tmp_path / "town", days=0))
    before = sorted(path.name for path in tmp_path.iterdir())
    said = town.penstock("report", *words)
    assert (said.code, said.foreseen) == (1, True), said.all
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_backup_whose_list_names_files_outside_is_refused_and_nothing_is_overwritten(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path / "town", days=0))
    assert town.penstock("backup", str(tmp_path / "kept")).code == 0
    (tmp_path / "precious").write_text("mine")
    sums = tmp_path / "kept" / "SHA256SUMS"
    sums.write_text(sums.read_text() + f"{hashlib.sha256(b'mine').hexdigest()}  ../precious\n")
    said = town.penstock("restore", str(tmp_path / "kept"), "--replace")
    assert (said.code, said.foreseen) == (1, True), said.all
    assert "../precious" in said.err
    assert (tmp_path / "precious").read_text() == "mine"
