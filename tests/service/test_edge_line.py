"""The line between a station and the central: over real TLS on loopback, what is refused and what survives."""

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from sqlalchemy import select

from city.problems import PenstockError
from meters.spool.packing import Batch
from meters.spool.spool import Spool
from service import schema as t
from service.delivery import Refused
from service.edge.forwarding import Forwarder
from service.edge.settings import Edge
from service.settings import load
from tests.service.central import SLOT, TOKEN, Central, slot

CONFIG = "0" * 64


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    made = Central.made(tmp_path_factory.mktemp("line") / "central")
    process = made.start()
    yield made
    process.terminate()
    process.wait(timeout=20)


def forwarder(at: Central, folder: Path, **keys: object) -> Forwarder:
    env = at.station(folder, **keys)
    (folder / "home").mkdir(exist_ok=True)
    return Forwarder(env, load(env))


def ask(central: Central, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One bare request, with the names of headers written with underscores."""
    line = http.client.HTTPSConnection(
        "localhost", central.port, timeout=10, context=ssl.create_default_context(cafile=str(central.folder / "ca.pem"))
    )
    line.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    reply = line.getresponse()
    return reply.status, dict(reply.getheaders()), reply.read()


def post(central: Central, batch: Batch, name: str = "north", token: str = "", path: str = "batches", **headers: str) -> tuple[int, bytes]:
    told = {"Authorization": f"Bearer {name}.{token or TOKEN[name]}", "Penstock_Config": CONFIG, **headers}
    status, _, answer = ask(central, "POST", f"/v1/{path}/{batch.batch_id}", batch.kept, **told)
    return status, answer


def wait_for(found: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_a_station_spools_is_stored_at_the_central_once_and_in_order(central: Central, tmp_path: Path) -> None:
    station = forwarder(central, tmp_path)
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        for i in range(5):
            spool.append(slot(i))
        assert station.forward(spool) == 5
        assert spool.depth() == 0
        spool.append(slot(4))  # as after a power cut between the answer and the note of it
        station.forward(spool)
    wait_for(lambda: len(central.stored()) == 5)
    expected = [("m-north.power", SLOT + timedelta(minutes=15 * i), 1000 * i) for i in range(5)]
    assert central.stored() == expected
    with central.engine.connect() as connection:
        assert {row.origin for row in connection.execute(select(t.batch_origin))} == {station.origin}


@pytest.mark.parametrize(("name", "token"), [("north", "x" * 43), ("north", TOKEN["south"]), ("west", "n" * 43), ("north", " ")])
def test_a_wrong_token_is_told_nothing_but_that(central: Central, name: str, token: str) -> None:
    status, answer = post(central, Batch.of(slot(90)), name, token)
    assert (status, json.loads(answer)) == (401, {"error": "unknown station or token"})
    assert ask(central, "GET", "/v1/config")[0] == 401


def test_a_replayed_batch_is_answered_and_stored_once(central: Central) -> None:
    batch = Batch.of(slot(200))
    assert [post(central, batch)[0] for _ in range(3)] == [200, 200, 200]
    wait_for(lambda: any(row[1] == SLOT + timedelta(minutes=15 * 200) for row in central.stored()))
    assert post(central, batch)[0] == 200
    time.sleep(1.5)  # one round of the delivery
    assert len([row for row in central.stored() if row[1] == SLOT + timedelta(minutes=15 * 200)]) == 1


def test_tampered_torn_and_foreign_content_is_refused_with_a_sentence(central: Central) -> None:
    batch = Batch.of(slot(300))
    other = Batch.of(slot(301))
    before = len(central.stored())
    status, answer = post(central, Batch(batch.batch_id, other.kept))
    assert status == 422
    assert b"content was changed" in answer
    assert post(central, Batch(batch.batch_id, batch.kept[:50]))[0] == 422
    assert post(central, Batch(batch.batch_id, b""))[0] == 422
    status, answer = post(central, Batch.of(slot(302, "m-south.power")))
    assert status == 422
    assert b"not this station's: m-south.power" in answer
    bomb = (1 << 62).to_bytes(8, "big") + batch.kept[8:]
    assert post(central, Batch(batch.batch_id, bomb))[0] == 422
    time.sleep(1.2)
    assert len(central.stored()) == before


def test_sizes_names_and_paths_that_no_station_sends(central: Central) -> None:
    batch = Batch.of(slot(310))
    assert post(central, Batch("../../etc", batch.kept))[0] in (400, 404)
    assert post(central, Batch("A" * 64, batch.kept))[0] == 400
    assert post(central, batch, Penstock_Config="no hash")[0] == 400
    line = {"Authorization": f"Bearer north.{TOKEN['north']}", "Penstock_Config": CONFIG, "Content_Length": str(17 << 20)}
    assert ask(central, "POST", f"/v1/batches/{batch.batch_id}", b"", **line)[0] == 413
    assert ask(central, "GET", "/docs")[0] == 404
    assert ask(central, "DELETE", "/v1/config")[0] == 405
    assert "server" not in {name.lower() for name in ask(central, "GET", "/")[1]}


def test_a_batch_too_large_to_send_is_halved(central: Central, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    station = forwarder(central, tmp_path)
    monkeypatch.setattr("service.edge.central.MAX_BODY", 2500)
    before = len(central.stored())
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        spool.append(slot(400, n=300))
        assert len(spool.waiting_batches()[0].kept) > 2500
        assert station.forward(spool) == 300
        assert spool.depth() == 0
    wait_for(lambda: len(central.stored()) == before + 300)


def test_one_foreign_point_in_a_batch_costs_that_reading_only(central: Central, tmp_path: Path) -> None:
    import pandas as pd

    station = forwarder(central, tmp_path)
    before = len(central.stored())
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        spool.append(pd.concat([slot(500, n=7), slot(500, "m-south.power"), slot(501, n=2)], ignore_index=True))
        spool.append(slot(510))
        assert station.forward(spool) == 10
        assert spool.depth() == 0
    wait_for(lambda: len(central.stored()) == before + 10)

    def letter() -> str:
        with central.engine.connect() as connection:
            return str(connection.execute(select(t.dead_letter.c.reason).where(t.dead_letter.c.readings == 1)).scalar())

    wait_for(lambda: "not this station's: m-south.power" in letter())


def test_a_central_of_another_authority_is_not_told_the_token(central: Central, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    station = forwarder(central, folder)
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        spool.append(slot(1))
        assert station.forward(spool) == 0
        assert spool.depth() == 1
        assert "CERTIFICATE_VERIFY_FAILED" in str(station.alarms(spool, SLOT)[-1])


def test_a_certificate_for_another_name_is_not_the_central(central: Central, tmp_path: Path) -> None:
    station = forwarder(central, tmp_path, central=f"https://127.0.0.1:{central.port}")  # its certificate says localhost
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        spool.append(slot(1))
        assert station.forward(spool) == 0
        assert "CERTIFICATE_VERIFY_FAILED" in str(station.alarms(spool, SLOT)[-1])


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.1:1", "localhost:1", "https://u:p@localhost", "https://localhost/x"])
def test_plain_http_is_refused_by_the_settings(url: str) -> None:
    with pytest.raises(ValueError, match="plain http"):
        Edge(central=url, station="north", ca_file="ca.pem")


def test_a_station_without_a_token_or_certificate_is_a_sentence(central: Central, tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="PENSTOCK_EDGE_TOKEN"):
        forwarder(central, tmp_path, token="short")
    with pytest.raises(PenstockError, match="PEM files beside"):
        forwarder(central, tmp_path, ca_file="none.pem")


def test_the_log_of_the_central_holds_no_token_and_its_answers_no_traceback(central: Central) -> None:
    status, answer = post(central, Batch.of(slot(600)), token="y" * 43)
    assert status == 401
    log = (central.folder / "log.txt").read_text(encoding="utf-8")
    assert "request denied" in log
    assert not any(token in log for token in (*TOKEN.values(), "y" * 43))
    assert "Traceback" not in log + answer.decode()


def test_refused_is_what_a_batch_of_another_station_is_to_its_sender(central: Central, tmp_path: Path) -> None:
    station = forwarder(central, tmp_path)
    with pytest.raises(Refused, match="not this station's"):
        station._central.take([Batch.of(slot(1, "m-south.power"), station.origin)])
