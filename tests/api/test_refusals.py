"""What the API does not answer: with a status and a sentence, never a traceback, whatever is asked."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from service.api import cursors
from service.api.application import MOST_TARGET
from service.api.groups import OPERATIONS
from service.api.parameters import of_request
from service.store import open_store, writing
from tests.api.api_town import SECRET, Client
from tests.town import Town

ODD = ["", "0", "-1", "1e9", "NaN", "null", "\x00", "\u202e", "'; DROP TABLE reading;--", "../../etc/passwd", "a" * 300, "W10", "%00"]
ODD += ["2022-06-15", "2022-06-15T20:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00-14:00", "2022-06-15T20:00", "\u0661", "\ud7ff"]
NAMES = sorted({parameter.name for operation in OPERATIONS for parameter in operation.parameters} | {"nothing"})
VALUES = st.one_of(st.sampled_from(ODD), st.text(max_size=40), st.datetimes().map(lambda at: at.isoformat() + "Z"), st.integers().map(str))


@given(
    operation=st.sampled_from(OPERATIONS),
    query=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=5),
    path=st.one_of(st.sampled_from(["hall.energy", "plan-20220616-0", "2022-06"]), VALUES),
    method=st.sampled_from(["GET", "HEAD"]),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_nothing_that_is_asked_is_an_error_nobody_foresaw(
    operation: Any, query: list[tuple[str, str]], path: str, method: str, client: Client
) -> None:
    names = {p.name: path for p in operation.parameters if p.place == "path"}
    pairs = "&".join(f"{name}={_quoted(value)}" for name, value in query)
    answer = client.raw(operation.path.format(**names), pairs, {"authorization": f"Bearer all.{SECRET}"}, method)
    assert answer.status in (200, 400, 404, 414)
    assert b"Traceback" not in answer.body
    if answer.status != 200 and method == "GET":
        told = answer.told
        assert all(told[word] for word in ("title", "detail", "subject", "observed", "allowed", "remedy"))


def _quoted(value: str) -> str:
    return "".join(f"%{byte:02x}" for byte in value.encode("utf-8", "surrogatepass"))


@given(cursor=st.binary(max_size=60))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_cursor_that_is_made_up_is_an_error_nobody_foresaw(cursor: bytes, client: Client) -> None:
    import base64

    made = base64.urlsafe_b64encode(cursor).decode()
    assert client.get("/v1/readings", point="hall.energy", cursor=made).status in (200, 400)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/readings", [2**61, "x"]),
        ("/v1/readings", [-(2**61), "x"]),
        ("/v1/plans", [2**61, "x"]),
        ("/v1/alarms", [2**63]),
        ("/v1/zones", ["\ud800"]),
        ("/v1/forecasts", ["\x00"]),
        ("/v1/nights", ["0000-00-00", "x"]),
    ],
)
def test_a_cursor_that_somebody_made_for_this_question_is_refused(path: str, key: list[Any], client: Client) -> None:
    (operation,) = (one for one in OPERATIONS if one.path == path)
    query = {"point": "hall.energy"} if path == "/v1/readings" else {}
    made = cursors.written(operation.name, of_request(operation.parameters, query.items(), {}), key)
    answer = client.get(path, **query, cursor=made)
    assert (answer.status, answer.told["subject"]) == (400, "parameter 'cursor'")


@pytest.mark.parametrize(
    ("query", "subject", "said"),
    [
        ({}, "parameter 'point'", "missing"),
        ({"point": "hall.energy", "pont": "x"}, "parameter 'pont'", "unknown"),
        ({"point": "hall.energy", "since": "2022-06-15T20:00"}, "parameter 'since'", "2022-06-15T20:00"),
        ({"point": "hall.energy", "since": "yesterday"}, "parameter 'since'", "yesterday"),
        ({"point": "hall.energy", "limit": 100_000}, "parameter 'limit'", "100000"),
        ({"point": "hall.energy", "limit": [1, 2]}, "parameter 'limit'", "given 2 times"),
        ({"point": [f"p{i}" for i in range(51)]}, "parameter 'point'", "given 51 times"),
        ({"point": "hall.energy", "since": "2020-01-01T00:00Z"}, "parameters 'since' and 'until'", "from 2020-01-01"),
        ({"point": "hall.energy", "until": "2022-06-01T00:00Z", "since": "2022-06-02T00:00Z"}, "parameters 'since' and 'until'", "from"),
        ({"point": "hall.energy", "cursor": "bm9uc2Vuc2U"}, "parameter 'cursor'", "cannot be read"),
    ],
)
def test_what_cannot_be_answered_is_told_with_what_would_be_right(query: dict[str, Any], subject: str, said: str, client: Client) -> None:
    answer = client.get("/v1/readings", **query)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    told = answer.told
    assert told["subject"] == subject
    assert said in told["observed"]
    assert told["allowed"]
    assert told["remedy"]


def test_every_fault_of_a_request_is_told_at_once(client: Client) -> None:
    told = client.get("/v1/readings", since="then", limit=0).told
    assert {problem["subject"] for problem in told["problems"]} == {"parameter 'point'", "parameter 'since'", "parameter 'limit'"}


def test_a_cursor_of_another_question_is_refused(client: Client) -> None:
    cursor = client.get("/v1/readings", point="hall.energy", limit=1).told["next"]
    answer = client.get("/v1/readings", point="sun.energy", cursor=cursor)
    assert (answer.status, answer.told["observed"]) == (400, "is of another question")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "ODD"])
def test_nothing_can_be_sent(method: str, client: Client) -> None:
    answer = client.get("/v1/readings", method=method, point="hall.energy")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.calls[-1] == ("/v1/readings", 405)
    assert client.get("/v1/city", headers={"content-length": "7"}).status == 413


def test_a_target_that_is_too_long_is_refused(client: Client) -> None:
    assert client.get("/v1/city", nothing="x" * MOST_TARGET).status == 414


def test_a_name_of_a_statement_never_becomes_a_path(client: Client) -> None:
    outside = client.city.folder / "reports" / "2022-06" / "secret.json"
    outside.symlink_to(client.city.folder / "city.toml")
    try:
        for period, name in (
            ("2022-06", "secret.json"),
            ("..", "city.toml"),
            ("2022-06", "../../city.toml"),
            ("2022-06", "..~..~city.toml"),
        ):
            assert client.get(f"/v1/statements/{period}/{name}").status == 404
    finally:
        outside.unlink()


def test_a_statement_is_the_bytes_that_were_written_under_their_hash(client: Client) -> None:
    import base64
    import hashlib

    listed = {item["name"]: item for item in client.pages("/v1/statements", limit=3)}
    for name in ("inventory.json", "inventory.pdf"):
        written = (client.city.folder / "reports" / listed[name]["period"] / name).read_bytes()
        answer = client.get(listed[name]["path"])
        digest = hashlib.sha256(written)
        assert answer.body == written
        assert listed[name]["sha256"] == digest.hexdigest()
        assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
        assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"


def test_every_answer_has_the_headers_that_keep_browsers_in_place(client: Client) -> None:
    for path in ("/v1/city", "/v1/nothing", "/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "private, no-cache"
        assert "server" not in headers


def test_the_database_itself_refuses_a_write_on_the_connection_of_the_api(client: Client) -> None:
    with pytest.raises(DBAPIError, match="readonly"), client.engine.begin() as connection:
        connection.execute(text("DELETE FROM reading"))


def test_a_database_that_is_away_is_503_and_an_unforeseen_error_500_with_one_sentence(
    api_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(api_town)

    def broken(*_: Any) -> None:
        raise DBAPIError("SELECT", None, OSError("gone"))

    event.listen(client.engine, "before_cursor_execute", broken)
    answer = client.get("/v1/latest")
    assert (answer.status, answer.headers["retry-after"], answer.told["subject"]) == (503, "10", "database")

    def stumbling(*_: Any) -> None:
        raise ZeroDivisionError("inside")

    event.remove(client.engine, "before_cursor_execute", broken)
    event.listen(client.engine, "before_cursor_execute", stumbling)
    answer = client.get("/v1/latest")
    assert answer.status == 500
    assert b"inside" not in answer.body
    assert b"ZeroDivisionError" not in answer.body
    (kept,) = api_town.folder.glob("error-*.txt")
    assert "inside" in kept.read_text()


def test_what_is_stored_is_told_as_text_and_breaks_no_json(api_town: Town) -> None:
    odd = '"},{<script>alert(1)</script>\u2028=1+1'
    with writing(open_store(api_town.database)) as connection:
        connection.execute(text("UPDATE target_progress SET sentence = :odd"), {"odd": odd})
    answer = Client(api_town).get("/v1/targets")
    assert json.loads(answer.body)["items"][0]["sentence"] == odd
    assert answer.headers["content-type"] == "application/json"
