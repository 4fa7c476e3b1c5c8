"""What city.toml names is in the backup: a city comes back on a bare machine with networks, tables and prices, not with secrets."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import wntr

from city.named_files import Names
from city.problems import PenstockError
from service import migrations
from service.doctor.examining import examined
from service.environment import Environment
from service.faults import keys_of, models
from service.grid.side import grid_side
from service.keeping import beside
from service.keeping.backup import back_up
from service.keeping.restoring import restore
from service.settings import Settings, load
from service.store import cold, open_store, present_tables
from service.water import water_city
from tests.town import Town

NOW = datetime(2022, 6, 16, tzinfo=UTC)
CSV = "time_utc,import_price_per_kwh\n2022-06-16T00:00Z,0.5\n"


def prepared(city: Path, home: Path) -> Environment:
    env = Environment(city=city, home=home)
    home.mkdir(parents=True)
    migrations.upgrade(open_store(env.url, create=True))
    return env


@pytest.fixture
def demo(demo_city: Path, tmp_path: Path) -> Environment:
    """The demo with its network in a file of its own, prices, a bought volume, and accounts."""
    folder = tmp_path / "city"
    shutil.copytree(demo_city.parent, folder)
    (folder / "pipes").mkdir()
    shutil.copy(Path(wntr.__file__).parent / "library" / "networks" / "Net3.inp", folder / "pipes" / "town.inp")
    text = (folder / "city.toml").read_text(encoding="utf-8")
    text = text.replace('network = "Net3"', 'network = "pipes/town.inp"').replace(
        "[tariff]\n", '[tariff]\nprice_file = "prices/spot.csv"\n'
    )
    (folder / "city.toml").write_text(text, encoding="utf-8")
    made = prepared(folder / "city.toml", tmp_path / "home")
    (tmp_path / "home" / "prices").mkdir()
    (tmp_path / "home" / "prices" / "spot.csv").write_text(CSV, encoding="utf-8")
    return made


def bare(kept: Path, folder: Path) -> Environment:
    """Another machine: the city file of the backup alone, in a folder of its own."""
    folder.mkdir()
    shutil.copy(kept / "city" / "city.toml", folder / "city.toml")
    return Environment(city=folder / "city.toml", home=folder / "home")


def test_the_demo_comes_back_whole_on_a_bare_machine(demo: Environment, tmp_path: Path) -> None:
    said = back_up(demo, tmp_path / "kept", NOW)
    assert "not in it" not in said
    new = bare(tmp_path / "kept", tmp_path / "new")
    with pytest.raises(PenstockError):
        load(new)  # its device files are not there
    assert "files of the city put back" in restore(new, tmp_path / "kept", NOW)
    found = {one.name: one for one in examined(new, NOW, fast=True) if one.group == "configuration"}
    assert found["city file"].problems == ()
    assert found["factors"].problems == ()
    there, here = load(demo), load(new)
    water = water_city(here)
    assert water is not None
    assert water.network.name == water_city(there).network.name  # type: ignore[union-attr]
    assert len(water.valves) > 0
    assert grid_side(here) is not None
    assert (tmp_path / "new" / "home" / "prices" / "spot.csv").read_text(encoding="utf-8") == CSV
    assert not (tmp_path / "new" / "accounts.toml").exists()
    assert "put back" not in restore(new, tmp_path / "kept", NOW, replace=True)  # all of it is there


def test_the_manifest_has_the_hash_of_each_of_them(demo: Environment, tmp_path: Path) -> None:
    back_up(demo, tmp_path / "kept", NOW)
    found = json.loads((tmp_path / "kept" / "manifest.json").read_text())["files_of_the_city"]
    assert {"city/pipes/town.inp", "city/valves.csv", "city/grid/buses.csv", "city/devices/heat-plant.toml", "data/prices/spot.csv"} <= set(
        found
    )
    assert all(cold.sync(tmp_path / "kept" / name)[0] == digest for name, digest in found.items())
    assert not list((tmp_path / "kept").rglob("accounts.toml"))


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = Town(tmp_path / "town", days=0).write()
    (made.folder / "days.csv").write_text("date,type,name\n2022-06-17,holiday,Fair\n", encoding="utf-8")
    (made.folder / "own.pem").write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    with made.file.open("a", encoding="utf-8") as file:
        file.write('[calendar]\nfile = "days.csv"\n[metrics]\ncertificates = ["own.pem"]\n')
    return made


def test_a_file_that_differs_is_replaced_when_that_is_asked_for_and_kept(town: Town, tmp_path: Path) -> None:
    env = prepared(town.file, tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)
    days = town.folder / "days.csv"
    former = days.read_text(encoding="utf-8")
    days.write_text(former + "2022-06-18,holiday,Fair\n", encoding="utf-8")
    new = Environment(city=town.file, home=tmp_path / "new")
    with pytest.raises(PenstockError, match=r"days\.csv: differs from the backup's.*--replace"):
        restore(new, tmp_path / "kept", NOW)
    assert not present_tables(open_store(new.url, create=True))
    restore(new, tmp_path / "kept", NOW, replace=True)
    assert days.read_text(encoding="utf-8") == former
    assert "2022-06-18" in (town.folder / "days.csv.replaced").read_text(encoding="utf-8")


def rewritten(kept: Path, change: dict[str, object]) -> None:
    """A backup with another manifest, and the sum that fits it."""
    path, sums = kept / "manifest.json", kept / "SHA256SUMS"
    manifest = json.loads(path.read_text()) | change
    path.write_text(json.dumps({key: value for key, value in manifest.items() if value is not None}))
    lines = [line for line in sums.read_text().splitlines() if "manifest.json" not in line]
    sums.write_text("\n".join([*lines, f"{cold.sync(path)[0]}  manifest.json"]) + "\n")


@pytest.mark.parametrize(
    "name", ["city/../../stolen.csv", "/etc/hosts", "city//etc/hosts", "data/../days.csv", "cold/days.csv", "city/away/days.csv"]
)
def test_a_manifest_that_names_a_path_elsewhere_is_refused_before_anything_is_touched(town: Town, tmp_path: Path, name: str) -> None:
    back_up(prepared(town.file, tmp_path / "home"), tmp_path / "kept", NOW)
    rewritten(tmp_path / "kept", {"files_of_the_city": {name: "0" * 64}})
    new = bare(tmp_path / "kept", tmp_path / "new")
    (tmp_path / "outside").mkdir()
    (tmp_path / "new" / "away").symlink_to(tmp_path / "outside")
    with pytest.raises(PenstockError, match="in its manifest"):
        restore(new, tmp_path / "kept", NOW, replace=True)
    assert not (tmp_path / "new" / "home" / "penstock.db").exists()
    assert not list((tmp_path / "outside").iterdir())


def test_a_backup_of_before_these_files_comes_back(town: Town, tmp_path: Path) -> None:
    back_up(prepared(town.file, tmp_path / "home"), tmp_path / "kept", NOW)
    rewritten(tmp_path / "kept", {"files_of_the_city": None, "left_out": None})
    assert "put back" not in restore(bare(tmp_path / "kept", tmp_path / "new"), tmp_path / "kept", NOW)


def test_what_cannot_come_along_is_told_and_the_backup_is_made(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (town.folder / "own.pem").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", encoding="utf-8")
    (town.folder / "days.csv").write_text("date,type,name\n" + "x" * 3_000_000, encoding="utf-8")
    town.file.write_text(town.file.read_text(encoding="utf-8").replace('"own.pem"', '"own.pem", "../ca.pem", "gone.pem"'), encoding="utf-8")
    monkeypatch.setattr(beside, "MOST_BYTES", 2_000_000)
    said = back_up(prepared(town.file, tmp_path / "home"), tmp_path / "kept", NOW)
    assert "own.pem (holds a private key)" in said
    assert "days.csv (3.0 MB, where 2.0 of the 2 MB for such files are free)" in said
    assert "../ca.pem (metrics.certificates: lies outside the city's folder)" in said
    assert "gone.pem (metrics.certificates: is not there)" in said
    assert [path.name for path in (tmp_path / "kept" / "city").rglob("*") if path.is_file()] == ["city.toml"]


def texts(model: type, above: str = "") -> Iterator[tuple[str, str, bool]]:
    for key, field in keys_of(model).items():
        yield f"{above}{key}", field.description or "", any(isinstance(mark, Names) for mark in field.metadata)
        for inner in models(field.annotation):
            yield from texts(inner, f"{above}{key}.")


def test_every_key_that_is_a_path_says_whether_a_backup_holds_it() -> None:
    """A new key whose description speaks of a file must be marked, so that nobody forgets the backup."""
    words = ("beside city.toml", "data folder", "(PEM", "PEM files", "private key", "_file")
    known = {"city.id", "meters.model"}  # the one names the data folder; device files are copied by their folder
    forgotten = {key for key, told, mark in texts(Settings) if not mark and any(word in f"{key} {told}" for word in words)}
    assert forgotten == known
