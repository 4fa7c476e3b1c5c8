"""`penstock api` on a real socket: TLS off this machine, calls counted, the database opened for reading only."""

import contextlib
import json
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, TimeoutError

from city.problems import PenstockError
from service import demo_outside, migrations
from service import schema as t
from service.api import counting, patience
from service.api.serving import Server
from service.environment import Environment
from service.levels.calls import count
from service.store import open_store
from service.store.reading_only import open_reading
from tests.api.api_town import AT, SECRET
from tests.town import Town


@contextlib.contextmanager
def served(town: Town, **more: Any) -> Iterator[Server]:
    words = {"host": "127.0.0.1", "port": 0, "certificate": None, "key": None, "now_utc": AT} | more
    server = Server(Environment(city=town.file, home=town.folder), **words)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)


def asked(url: str, context: ssl.SSLContext | None = None) -> Any:
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    opener.addheaders = [("Authorization", f"Bearer all.{SECRET}")]
    with opener.open(url, timeout=10) as answer:
        return json.load(answer)


def test_calls_over_the_wire_are_answered_and_counted(api_town: Town) -> None:
    with served(api_town) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        assert asked(f"{url}/city")["id"] == "town"
        assert len(asked(f"{url}/readings?point=hall.energy&since=2022-06-15T20:00%2B00:00")["items"]) == 10
        assert asked(f"{url}/city")["name"] == "Town"
    with open_store(api_town.database).connect() as connection:
        rows = {(row.route, row.status): row.calls for row in connection.execute(select(t.api_hour))}
    assert rows == {("/v1/city", 200): 2, ("/v1/readings", 200): 1}


def test_it_listens_beyond_this_machine_behind_tls_only(api_night: Town, api_town: Town, tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="no certificate"), served(api_night, host="0.0.0.0"):  # noqa: S104 - refused
        pass
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with served(api_town, certificate=certificate, key=key) as server:
        assert asked(f"https://127.0.0.1:{server.port}/v1/health", context) == {"status": "ok", "database": "answers"}
    with pytest.raises(PenstockError, match="PEM files"):
        Server(Environment(city=api_night.file, home=api_night.folder), "127.0.0.1", 0, tmp_path / "none.pem", key)


def test_connections_on_which_nothing_moves_are_closed(api_town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.2)
    with served(api_town) as server:
        for sent in (b"", b"GET /v1/health HTTP/1.1\r\nHost: x\r\n", b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as held:
                held.sendall(sent)
                told = b""
                with contextlib.suppress(ConnectionResetError):
                    while piece := held.recv(4096):
                        told += piece
                assert told.startswith(b"HTTP/1.1 200") == sent.endswith(b"\r\n\r\n")  # a whole head was answered before
        assert asked(f"http://127.0.0.1:{server.port}/v1/health")["status"] == "ok"


@pytest.mark.parametrize("error", [TimeoutError("no connection of the pool"), OSError("anything")])
def test_calls_that_could_not_be_counted_are_counted_later_and_once(
    error: Exception, api_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_store(api_town.database)
    calls = counting.Counting(engine)
    for _ in range(3):
        calls.count("/v1/city", 200, AT)
    calls.count("/v1/zones", 200, AT)

    def failing(*words: Any) -> None:
        if words[1] == "/v1/zones":
            raise error
        count(*words)

    monkeypatch.setattr(counting, "count", failing)
    with contextlib.suppress(OSError):
        calls.flush()
    monkeypatch.undo()
    calls.flush()
    with engine.connect() as connection:
        assert {(row.route, row.calls) for row in connection.execute(select(t.api_hour))} == {("/v1/city", 3), ("/v1/zones", 1)}


@pytest.mark.slow
@pytest.mark.postgres
def test_postgresql_refuses_a_write_on_the_connection_of_the_api(postgres_database: str) -> None:
    migrations.upgrade(open_store(postgres_database, create=True))
    with pytest.raises(DBAPIError, match="read-only"), open_reading(postgres_database).begin() as connection:
        connection.execute(text("DELETE FROM batch"))


def test_the_demo_asks_for_a_forecast_with_a_token_that_no_file_holds(api_town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_outside, "ASKED", "/v1/forecasts/hall.energy")
    before = api_town.file.read_bytes()
    path = demo_outside.call(Environment(city=api_town.file, home=api_town.folder), AT)
    told = json.loads(path.read_text())
    assert len(told["p50"]) == told["steps"] >= 192
    assert f"{told['steps']} steps of energy_kwh" in "".join(demo_outside.lines(api_town.folder))
    assert api_town.file.read_bytes() == before
