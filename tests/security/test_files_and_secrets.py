"""What lies on the disk and on the screen: files are not for everybody, and no command shows a secret."""

import os
import stat
from pathlib import Path

import pytest

from tests.town import NOW, Town, prepared

SECRET = "gTr0ub4dor-3x-secret"
SECRETS = {f"PENSTOCK_{name}": SECRET for name in ("EDGE_TOKEN", "OIDC_SECRET", "COOKIE_SECRET", "CODE", "ACCESS_KEY")}


@pytest.fixture
def open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def test_nothing_that_a_command_writes_is_for_everybody_on_the_machine(tmp_path: Path, open_umask: object) -> None:
    """Readings tell when people are at home: also where the shell would let everybody read."""
    town = Town(tmp_path / "town", days=2)
    town.write()
    given = {path.name for path in town.folder.iterdir()}
    os.umask(0)
    for words in (
        ("init",),
        ("import",),
        ("poll", "--now", NOW),
        ("shift", "note", "x", "--who", "ada"),
        ("backup", str(tmp_path / "kept")),
    ):
        town.penstock(*words)
        os.umask(0)
    made = [path for path in town.folder.rglob("*") if path.relative_to(town.folder).parts[0] not in given] + list(
        (tmp_path / "kept").rglob("*")
    )
    assert len(made) > 5
    assert [str(path) for path in made if path.lstat().st_mode & 0o007] == []


def test_accounts_and_keys_are_for_their_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    town = prepared(Town(tmp_path / "town", days=0))
    town.file.write_text('accounts_file = "accounts.toml"\n' + town.file.read_text())
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115 - an empty password
    monkeypatch.setattr("service.access.administration.asked_password", lambda: "a long enough password")
    assert town.penstock("account", "add", "root", "--role", "admin", "--who", "root").code == 0
    assert town.penstock("account", "factor", "root", "--who", "root").code == 0
    assert town.penstock("carbon", "keygen", str(tmp_path / "town" / "ledger.pem")).code in (0, 1)
    for name in ("accounts.toml", "access.key", "ledger.pem"):
        path = town.folder / name
        if path.exists():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, name
    assert (town.folder / "access.key").exists()


@pytest.mark.parametrize(
    "words", [("status",), ("status", "--json"), ("doctor",), ("init",), ("approve", "latest", "--who", "ada"), ("audit", "list")]
)
def test_no_command_shows_a_secret_of_its_environment(tmp_path: Path, words: tuple[str, ...]) -> None:
    town = prepared(Town(tmp_path / "town", days=0))
    said = town.penstock(*words, **{name.removeprefix("PENSTOCK_"): value for name, value in SECRETS.items()}, **SECRETS)
    assert SECRET not in said.all
    for path in town.folder.glob("error-*.txt"):
        assert SECRET not in path.read_text()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://penstock:{SECRET}@127.0.0.1:1/penstock",
        f"postgresql+psycopg://penstock@127.0.0.1:1/penstock?password={SECRET}",
        f"nothing://penstock:{SECRET}@127.0.0.1:1/penstock",
        f"postgresql+psycopg://penstock:{SECRET}@[::1/penstock",
    ],
)
@pytest.mark.parametrize("command", ["status", "doctor", "init", "night"])
def test_a_database_that_does_not_answer_tells_no_password(tmp_path: Path, url: str, command: str) -> None:
    town = Town(tmp_path / "town", days=0).write()
    said = town.penstock(command, DATABASE_URL=url)
    assert said.code != 0 or command == "doctor"
    assert SECRET not in said.all
    for path in town.folder.glob("error-*.txt"):
        assert SECRET not in path.read_text()


def test_a_settings_object_that_is_printed_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    from service.environment import Environment

    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    assert SECRET not in repr(Environment())
    assert SECRET not in str(Environment().model_dump())
