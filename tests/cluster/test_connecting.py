"""Who may hand out work, to whom, and what a key of the work tells."""

import ssl
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr, ValidationError

from city.problems import PenstockError
from service.city_settings import Night
from service.cluster import addresses, alike, own
from service.cluster.connecting import require_shared
from service.environment import Environment
from service.forecasts.series import opened, place_of
from service.store import open_store
from tests.cluster.processes import Cluster
from tests.town import Town


@pytest.mark.parametrize("address", ["tls://10.1.2.3:8786", "tls://scheduler.city:8786", "tcp://127.0.0.1:8786", "tcp://localhost:1"])
def test_a_scheduler_is_reached_by_tls_or_on_this_machine(address: str) -> None:
    assert Night(workers=address).workers == address


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("tcp://10.1.2.3:8786", "not encrypted"),
        ("http://here:1", "no scheduler"),
        ("tls://user@here:1", "no scheduler"),
        ("two", "no scheduler"),
    ],
)
def test_work_never_goes_over_a_network_in_the_clear(address: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Night(workers=address)


def test_a_number_of_processes_is_bounded() -> None:
    assert Night(workers=2).workers == 2
    with pytest.raises(ValidationError, match="0 processes"):
        Night(workers=0)


def test_tls_without_certificates_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="PENSTOCK_CLUSTER_CA"):
        addresses.security(Environment(), "tls://scheduler.city:8786")
    assert addresses.security(Environment(), "tcp://127.0.0.1:1") is None


def test_a_file_database_cannot_be_shared(town: Town) -> None:
    with pytest.raises(PenstockError, match="PostgreSQL"):
        require_shared(open_store(town.database), "tls://scheduler.city:8786")


def test_the_key_of_a_task_holds_no_password(tmp_path: Path) -> None:
    town = Town(tmp_path, days=0).write()
    url = SecretStr("postgresql+psycopg://penstock:hunter2@db/city")
    place = place_of(Environment(city=town.file, home=town.folder, database_url=url))
    assert "hunter2" not in repr(place)


def test_a_worker_with_another_city_file_refuses_the_work(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    place = place_of(Environment(city=town.file, home=town.folder))
    town.file.write_text(town.file.read_text() + "\n# edited\n")
    monkeypatch.setattr(own, "_environment", Environment(city=town.file, home=town.folder))
    with pytest.raises(PenstockError, match="is not that of the night"):
        opened(place)


def test_what_differs_in_a_worker_is_named() -> None:
    mine = {"city file": "a", "code": "b", "vector instructions": "c"}
    assert alike.unlike(mine, dict(mine)) == ""
    assert alike.unlike(mine, mine | {"code": "x", "vector instructions": "y"}) == "code, vector instructions"
    assert own.get() is None
    assert "penstock cluster worker" in alike.unlike(mine, alike.portrait_here())


def test_another_c_library_processor_or_line_of_the_service_is_not_alike(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = alike.computing()
    assert alike.unlike(mine, alike.computing()) == ""
    assert all(mine.values())
    monkeypatch.setattr(alike.platform, "libc_ver", lambda: ("musl", "1.2"))
    monkeypatch.setattr(alike, "_processor", lambda: "GenuineIntel 6 85")
    copy = tmp_path / "service" / "cluster"
    copy.mkdir(parents=True)
    monkeypatch.setattr(alike, "__file__", str(copy / "alike.py"))
    alike.code.cache_clear()
    assert alike.unlike(mine, alike.computing()) == "code, processor, C library"
    alike.code.cache_clear()


@pytest.mark.slow
def test_over_tls_both_sides_show_certificates(town: Town, tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    ours = _files(tmp_path / "ours", authority, authority)
    with Cluster(town, "postgresql+psycopg://nobody@127.0.0.1:1/none", **ours) as cluster:
        assert cluster.address.startswith("tls://127.0.0.1")
        town.file.write_text(town.file.read_text() + f'\n[night]\nworkers = "{cluster.address}"\n')
        assert "no worker" in town.penstock("cluster", "workers", **_variables(ours)).out
        theirs = _files(tmp_path / "theirs", authority, stranger)  # trusts ours, but who signed its own is unknown here
        said = town.penstock("cluster", "workers", **_variables(theirs))
        assert said.code == 1
        assert "does not answer" in said.err
    assert ssl.HAS_TLSv1_2


def _files(folder: Path, trusted: trustme.CA, signer: trustme.CA) -> dict[str, str]:
    folder.mkdir()
    made = signer.issue_cert("127.0.0.1")
    trusted.cert_pem.write_to_path(folder / "ca.pem")
    made.cert_chain_pems[0].write_to_path(folder / "own.pem")
    made.private_key_pem.write_to_path(folder / "own.key")
    return {"ca": str(folder / "ca.pem"), "certificate": str(folder / "own.pem"), "key": str(folder / "own.key")}


def _variables(files: dict[str, str]) -> dict[str, str]:
    return {f"CLUSTER_{name.upper()}": path for name, path in files.items()}
