"""Figures and health over HTTP: what a probe gets, beside another server too, and of a database that cannot be read."""

import json
import threading
import time
import urllib.error
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.environment import Environment
from service.metrics import health
from service.metrics.serving import beside
from service.settings import LoadedCity, load
from tests.commands import Penstock, free_port
from tests.metrics.figures import NOW, ask, served, told
from tests.town import Town


def test_a_probe_gets_figures_and_health_over_http_and_503_once_poll_is_silent(full: tuple[Engine, LoadedCity]) -> None:
    _, city = full
    with served(city, NOW) as url:
        assert 'penstock_link_up{link="field"} 1.0' in ask(f"{url}/metrics")[1]
        assert json.loads(ask(f"{url}/health/live")[1])["live"] is True
        assert ask(f"{url}/health/ready")[0] == 200
    checks = {check["name"]: check for check in health.ready(full[0], city, NOW)[1]}
    assert checks["poll"] == {"name": "poll", "needed": True, "ok": True, "observed": "heard of in time"}
    assert checks["database"]["ok"]
    with served(city, NOW + timedelta(hours=1)) as url:
        code, text = ask(f"{url}/health/ready")
    silent = {check["name"]: check for check in json.loads(text)["checks"]}["poll"]
    assert (code, silent["ok"], silent["observed"]) == (503, False, "last heard of 2022-06-15 23:58 UTC")


def test_a_database_that_hangs_makes_every_probe_wait_once_and_holds_one_thread(
    full: tuple[Engine, LoadedCity], monkeypatch: pytest.MonkeyPatch
) -> None:
    over, asked = threading.Event(), []

    def hangs(*_given: object) -> tuple[bool, list[health.Check]]:
        asked.append(threading.get_ident())
        over.wait(20)
        return True, []

    monkeypatch.setattr(health, "ready", hangs)
    monkeypatch.setattr(health, "PATIENCE_S", 0.05)
    readiness = health.Readiness(*full, lambda: NOW)
    assert [readiness()[0] for _ in range(3)] == [False] * 3
    assert readiness()[1][0]["observed"] == "no answer within 0.05 s"
    assert len(asked) == 1
    over.set()
    monkeypatch.setattr(health, "PATIENCE_S", 20.0)
    assert readiness() == (True, [])


def test_figures_are_served_beside_another_server_for_as_long_as_it_runs(full: tuple[Engine, LoadedCity]) -> None:
    port = free_port()
    with beside(full[1].environment, port, NOW):
        assert ask(f"http://127.0.0.1:{port}/health/live")[0] == 200
    with pytest.raises(urllib.error.URLError):
        ask(f"http://127.0.0.1:{port}/health/live")


def test_a_database_that_cannot_be_read_is_told_and_not_a_silence(tmp_path: Path) -> None:
    town = Town(tmp_path / "lost", days=0).write()
    (town.folder / "penstock.db").write_bytes(b"no database at all" * 100)
    lost = load(Environment(city=town.file, home=town.folder))
    with served(lost, NOW) as url:
        code, text = ask(f"{url}/metrics")
        assert (code, told(text.encode())["penstock_store_up",]) == (200, 0)
        code, text = ask(f"{url}/health/ready")
    database = json.loads(text)["checks"][0]
    assert (code, database["name"], database["ok"]) == (503, "database", False)
    assert "not a database" in database["observed"]


@pytest.mark.slow
def test_the_api_serves_figures_on_a_port_of_their_own_and_not_on_its_own(full: tuple[Engine, LoadedCity]) -> None:
    env, ports = full[1].environment, (free_port(), free_port())
    process = Penstock(env.city_file, env.folder).start("api", "--port", str(ports[0]), "--metrics-port", str(ports[1]))
    try:
        until = time.monotonic() + 60
        while True:
            try:
                assert "penstock_store_up 1.0" in ask(f"http://127.0.0.1:{ports[1]}/metrics")[1]
                break
            except urllib.error.URLError:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until
                time.sleep(0.2)
        assert ask(f"http://127.0.0.1:{ports[0]}/metrics")[0] in (401, 404)
    finally:
        process.terminate()
        process.communicate(timeout=30)
