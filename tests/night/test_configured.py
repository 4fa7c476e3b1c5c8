"""What a run keeps of the city file it was made with: who changed it, and what."""

import getpass
import hashlib
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from service import migrations
from service import schema as t
from service.environment import Environment
from service.night.configured import author, configured
from service.settings import load
from service.store import open_store, results
from tests.town import Town, night, prepared


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_a_run_keeps_who_changed_the_city_file_and_what_is_other_than_before(tmp_path: Path) -> None:
    bare = Town(tmp_path, days=0).without("tariff", "assets", "controls", "accounts", "targets", "imports")
    town = prepared(bare)
    night(town)
    git(tmp_path, "init", "-q")
    bare.changed("head", "population = 500", "population = 600").write()
    git(tmp_path, "add", "city.toml")
    git(tmp_path, "commit", "-q", "-m", "More people")
    night(town)
    night(town)
    first, second, third = results.rows(open_store(town.database), t.run, order=t.run.c.run_id)
    assert (first.config_author, first.config_changed) == (getpass.getuser(), None)
    assert second.config_author == "Ada Lovelace"
    assert '-zones = [{ id = "old-town", kind = "dma", population = 500 }]' in second.config_changed
    assert '+zones = [{ id = "old-town", kind = "dma", population = 600 }]' in second.config_changed
    assert third.config_changed == ""
    assert third.detail["deadlines_minutes"]["plan"] == 60
    versions = {row.config_hash: row.text for row in results.rows(open_store(town.database), t.config_version)}
    assert versions[second.config_hash] == town.file.read_text(encoding="utf-8")


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_run_keeps_the_very_text_that_its_hash_is_of_when_the_file_is_edited_meanwhile(tmp_path: Path, ends: str) -> None:
    town = Town(tmp_path, days=0).without("tariff", "assets", "controls", "accounts", "targets", "imports").write()
    used = town.file.read_text(encoding="utf-8").replace("\n", ends).encode()
    town.file.write_bytes(used)
    env = Environment(city=town.file, home=tmp_path)
    assert env.city_id == "town"
    town.file.write_bytes(used + b"# edited after the settings were read and before the hash was made\n")
    city = load(env)
    assert city.config_hash == hashlib.sha256(used).hexdigest()
    town.file.write_bytes(used + b"# and once more\n")
    engine = open_store(town.database, create=True)
    migrations.upgrade(engine)
    found = configured(city, engine)
    assert hashlib.sha256(found.text.encode()).hexdigest() == found.config_hash == city.config_hash


def test_a_file_that_was_edited_and_not_committed_is_its_owners(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    path = tmp_path / "city.toml"
    path.write_text("a = 1\n")
    git(tmp_path, "add", "city.toml")
    git(tmp_path, "commit", "-q", "-m", "First")
    assert author(path) == "Ada Lovelace"
    (tmp_path / "link.toml").symlink_to(path)
    assert author(tmp_path / "link.toml") == "Ada Lovelace"
    path.write_text("a = 2\n")
    assert author(path) == getpass.getuser()


@pytest.mark.parametrize(("script", "told"), [("sleep 60", None), ("printf 'Andr\\351\\n'", "Andr\ufffd"), ("cat", None), ("", None)])
def test_a_git_that_hangs_asks_is_missing_or_speaks_latin_1_costs_a_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str | None
) -> None:
    if script:
        (tmp_path / "git").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "git").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin" if script else str(tmp_path))
    monkeypatch.setattr(import_module("service.night.configured"), "GIT_S", 0.3)  # the package names the function alike
    path = tmp_path / "city.toml"
    path.write_text("a = 1\n")
    assert author(path) == (told or getpass.getuser())
