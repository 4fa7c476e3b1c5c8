"""The line to a VTN: a real server on loopback, polled and reported to; and every way it may misbehave is one sentence."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from city.problems import PenstockError
from service.openadr import client as client_module
from service.openadr.client import Client
from service.openadr.settings import Vtn as VtnSettings
from service.response import events
from tests.service.response_town import MORNING, openadr, opened, response_town
from tests.service.vtn import Vtn, serving
from tests.town import Said, Town

ROOT = Path(__file__).resolve().parents[2]
NOW = ("--now", "2022-06-15T09:00+02:00")


@pytest.fixture(scope="module")
def running() -> Iterator[Vtn]:
    with serving(Vtn()) as vtn:
        yield vtn


@pytest.fixture
def vtn(running: Vtn) -> Vtn:
    running.reset()
    return running


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PAUSE_S", 0.01)


def line(vtn: Vtn, tmp_path: Path, secret: str = "", **more: Any) -> Client:
    given = {"id": "dso", "url": f"http://127.0.0.1:{vtn.port}/openadr3/3.1.0", "ven_name": "town", "client_id": "c", "timeout_s": 0.5}
    return Client(VtnSettings(**(given | more)), secret or vtn.secret, tmp_path, pause_s=0.01)


def response(town: Town, vtn: Vtn, *words: str) -> Said:
    return town.penstock("response", *words, VTN_SECRETS=json.dumps({"dso": vtn.secret}))


def mine(event_id: str = "e-1", **more: Any) -> dict[str, Any]:
    return openadr(event_id, **({"programID": "p-1"} | more))


def test_events_are_polled_changed_cancelled_settled_and_reported_once(vtn: Vtn, tmp_path: Path) -> None:
    town = response_town(tmp_path / "town", vtn_port=vtn.port)
    vtn.events += [mine(), mine("e-2", programID="another")]
    assert response(town, vtn, "poll", *NOW).out.splitlines() == [
        "1  announced: peak, hall, 2022-06-15 12:00 to 2022-06-15 14:00, 9 kW less; OpenADR event e-1",
        "dso: 1 events of peak",
    ]
    assert "nothing changed" in response(town, vtn, "poll", *NOW).out
    said = response(town, vtn, "report", "--now", MORNING)
    assert said.out == "no report is due\n"
    assert response(town, vtn, "settle", "--who", "ada", "--now", MORNING).code == 0
    assert response(town, vtn, "report", "--now", MORNING).out == "dso: took the report of event 1, version 1\n"
    assert response(town, vtn, "report", "--now", MORNING).out == "no report is due\n"
    (report,) = vtn.reports
    assert (report["eventID"], report["clientName"], "programID" in report) == ("e-1", "town", False)
    assert len(report["resources"][0]["intervals"]) == 8
    vtn.events.clear()
    engine, _ = opened(town)
    assert response(town, vtn, "poll", *NOW).out.splitlines()[0] == "event 1 of hall is cancelled"
    assert events.records(engine)[0].state == "cancelled"
    response(town, vtn, "poll", *NOW)
    assert len(events.records(engine)) == 1


def test_many_events_come_page_by_page_and_one_that_is_none_keeps_no_other_out(vtn: Vtn, tmp_path: Path) -> None:
    vtn.events += [mine(f"e-{i}") for i in range(120)] + [{"programID": "p-1"}]
    found, faults = line(vtn, tmp_path).events("p-1")
    assert len(found) == 120
    assert "intervals: Field required" in str(faults[0])
    assert [one for one in vtn.asked if one.startswith("GET")] == [f"GET events?programID=p-1&skip={50 * i}&limit=50" for i in range(3)]


def test_nothing_is_cancelled_while_an_event_cannot_be_read(vtn: Vtn, tmp_path: Path) -> None:
    town = response_town(tmp_path / "town", days=0, vtn_port=vtn.port)
    vtn.events.append(mine())
    response(town, vtn, "poll", *NOW)
    vtn.events[:] = [mine() | {"intervals": "broken"}]
    said = response(town, vtn, "poll", *NOW)
    assert said.code == 2
    assert "event of dso, intervals" in said.err
    engine, _ = opened(town)
    assert [one.state for one in events.records(engine)] == ["announced"]


def test_a_token_that_is_taken_no_more_is_renewed_once(vtn: Vtn, tmp_path: Path) -> None:
    asking = line(vtn, tmp_path)
    asking.events("p-1")
    vtn.tokens.append("another")  # the server forgot ours
    asking.events("p-1")
    assert len([one for one in vtn.asked if "token" in one]) == 2


def test_a_server_that_stumbles_is_asked_again(vtn: Vtn, tmp_path: Path) -> None:
    vtn.instead["events"] = [PlainTextResponse("later", 503), PlainTextResponse("slow down", 429)]
    assert line(vtn, tmp_path).events("p-1") == ([], [])
    assert len([one for one in vtn.asked if "events" in one]) == 3


@pytest.mark.parametrize(
    ("path", "answers", "said"),
    [
        ("events", [PlainTextResponse("broken", 500)] * 3, "answers 500: broken; allowed: an answer in time"),
        ("events", [PlainTextResponse("<html>")], "no JSON"),
        ("events", [JSONResponse({"not": "a list"})], "a dict; allowed: a list of events"),
        ("events", [Response("[NaN]", media_type="application/json")], "NaN is no number"),
        ("events", [Response("[" * 50_000, media_type="application/json")], "nested too deeply"),
        ("events", [Response(b" " * (5 << 20))], "sends more than 4 MB"),
        ("events", [JSONResponse({}, 403)], "answers 403: {}; allowed: a client that may do this"),
        ("events", [JSONResponse({}, 401)] * 2, "answers 401"),
        ("events", [Response(status_code=302, headers={"location": "http://127.0.0.1/"})], "answers 302"),
        ("events", [2.0, 2.0, 2.0], "does not answer within 0.5 s"),
        ("token", [JSONResponse({"token": "x"})], "no access_token"),
        ("token", [JSONResponse({"access_token": "a\r\nb"})], "no access_token"),
        ("token", [PlainTextResponse("s3cret is wrong", 400)], "answers 400: *** is wrong"),
        ("token", [PlainTextResponse("cannot read s3cret", 500)] * 3, "answers 500: cannot read ***"),
        ("events", [PlainTextResponse("token-0 has no rights", 403)], "answers 403: *** has no rights"),
    ],
)
def test_a_server_that_misbehaves_is_one_sentence(vtn: Vtn, tmp_path: Path, path: str, answers: list[Any], said: str) -> None:
    vtn.instead[path] = list(answers)
    with pytest.raises(PenstockError) as caught:
        line(vtn, tmp_path).events("p-1")
    assert len(caught.value.problems) == 1
    assert said in str(caught.value)
    assert vtn.secret not in str(caught.value)


@pytest.mark.parametrize("url", ["https://vtn.example:99999/x", "https://vtn.example:port/x", "https://[::1/x"])
def test_an_address_with_an_impossible_port_or_host_is_refused(vtn: Vtn, tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        line(vtn, tmp_path, url=url)


@pytest.mark.parametrize("url", ["https://a..b/x", "http://127.0.0.1/citt\u00e0"])
def test_an_address_that_cannot_be_sent_is_a_sentence(vtn: Vtn, tmp_path: Path, url: str) -> None:
    with pytest.raises(PenstockError, match="cannot be asked"):
        line(vtn, tmp_path, url=url).greet()


def test_a_wrong_or_missing_secret_is_a_sentence(vtn: Vtn, tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match=r"the token: answers 401.*Check client_id and the secret"):
        line(vtn, tmp_path, "wrong").events("p-1")
    with pytest.raises(PenstockError, match="vtn dso: no client secret"):
        Client(VtnSettings(id="dso", url="https://vtn.example", ven_name="t", client_id="c"), "", tmp_path)
    town = response_town(tmp_path / "town", days=0, vtn_port=vtn.port)
    assert "PENSTOCK_VTN_SECRETS: no JSON object" in town.penstock("response", "poll", VTN_SECRETS="s3cret").err
    assert "no client secret" in town.penstock("response", "poll").err


def test_a_server_that_drips_is_left_in_time(tmp_path: Path) -> None:
    """One byte every 0.2 s would keep each single read in time: the whole answer is not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not stop.wait(0.2):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        threading.Thread(target=drip, daemon=True).start()
        asking = line(Vtn(port=server.getsockname()[1]), tmp_path, "x")
        with pytest.raises(PenstockError, match=r"is not done after 0\.5 s"):
            asking.events("p-1")
        stop.set()


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match=r"vtn dso, .*Connection refused"):
        line(Vtn(), tmp_path).events("p-1")


@pytest.mark.parametrize(
    "url", ["http://vtn.example/x", "ftp://127.0.0.1", "https://user:word@vtn.example", "vtn.example", "https://x/?a=1"]
)
def test_a_token_is_sent_over_tls_or_to_this_machine_only(url: str) -> None:
    with pytest.raises(ValueError, match="https://host/path"):
        VtnSettings(id="dso", url=url, ven_name="t", client_id="c")


def test_a_certificate_that_is_not_trusted_is_a_sentence(tmp_path: Path) -> None:
    import ssl

    import trustme

    authority, stranger = trustme.CA(), trustme.CA()
    stranger.cert_pem.write_to_path(tmp_path / "other.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def shake() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    with context.wrap_socket(connection, server_side=True) as secure:
                        heard = b""
                        while b"client_secret" not in heard:
                            heard += secure.recv(65536)
                        secure.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"access_token": "abc"')
                except OSError:
                    if server.fileno() < 0:
                        return

        threading.Thread(target=shake, daemon=True).start()
        url = f"https://localhost:{server.getsockname()[1]}"
        with pytest.raises(PenstockError, match="certificate is not to be trusted"):
            line(Vtn(), tmp_path, "x", url=url, ca_file="other.pem").events("p-1")
        with pytest.raises(PenstockError, match="no JSON"):  # trusted, and heard
            line(Vtn(), tmp_path, "x", url=url, ca_file="ca.pem").events("p-1")
    with pytest.raises(PenstockError, match=r"ca_file none\.pem"):
        line(Vtn(), tmp_path, "x", url=url, ca_file="none.pem")


def test_the_console_never_speaks_to_a_vtn() -> None:
    for path in [ROOT / "app.py", *sorted((ROOT / "console").rglob("*.py"))]:
        text = path.read_text(encoding="utf-8")
        assert "openadr.client" not in text, path
        assert "exchange" not in text or "service.response" not in text, path


def test_doctor_asks_each_server_for_a_token(vtn: Vtn, tmp_path: Path) -> None:
    town = response_town(tmp_path / "town", days=0, vtn_port=vtn.port)
    assert "ok    vtn dso: http://127.0.0.1" in town.penstock("doctor", VTN_SECRETS=json.dumps({"dso": vtn.secret})).out
    assert "FAULT vtn dso: vtn dso: no client secret" in town.penstock("doctor").out


def test_an_older_server_gets_targets_and_reports_as_it_knows_them(vtn: Vtn, tmp_path: Path) -> None:
    town = response_town(tmp_path / "town", vtn_port=vtn.port)
    older = town.changed("response", 'ven_name = "town"', 'ven_name = "town"\nversion = "3.0.1"').write()
    vtn.events.append(mine(targets=[{"type": "VEN_NAME", "values": ["town"]}]))
    response(older, vtn, "poll", *NOW)
    response(older, vtn, "settle", "--who", "ada", "--now", MORNING)
    response(older, vtn, "report", "--now", MORNING)
    assert vtn.reports[0]["programID"] == "p-1"
