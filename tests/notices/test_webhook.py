"""Webhooks to a real server: signed, bounded in time and size, never redirected."""

import json
import ssl
import time

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from city.problems import PenstockError
from service.notices import delivering, signing
from service.notices.telling import tell
from tests.notices.conftest import KEY, NOW, night
from tests.notices.receivers import Web
from tests.notices.test_outbox import hook


def test_a_night_arrives_signed_and_whole(engine: Engine, city) -> None:
    web = Web()
    town = city(hook(web))
    run = night(engine, "problems")
    tell(engine, town, NOW)
    with web.up():
        assert delivering.deliver(engine, town, NOW, most=9, seconds=9).sent == 1
    ((headers, body),) = web.taken
    assert headers["path"] == "/hook?team=night"
    assert signing.verified(headers, body, KEY.encode(), time.time())
    told = json.loads(body)
    assert (told["type"], told["data"]["run"], told["data"]["status"]) == ("penstock.night.problems", run, "problems")
    assert told["timestamp"] == NOW.isoformat()


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks: key, id, time and body as given there, signature as computed there."""
    key = signing.key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "hook")
    made = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', key)
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(max_size=60), st.integers(-400, 400), st.sampled_from(["", "id", "time", "body", "key"]))
def test_nothing_changed_or_late_passes(body: bytes, lag_s: int, changed: str) -> None:
    key, sent = b"k" * 24, 1_700_000_000
    told = signing.headers("msg_1", sent, body, key)
    if changed == "id":
        told["webhook-id"] = "msg_2"
    elif changed == "time":
        told["webhook-timestamp"] = str(sent + 1)
    other = (body + b" " if changed == "body" else body, b"l" * 24 if changed == "key" else key)
    assert signing.verified(told, *other, sent + lag_s) is (changed == "" and abs(lag_s) <= 300)


@pytest.mark.parametrize("secret", ["", "short", "whsec_!!", "whsec_AAAA"])
def test_a_key_that_is_none_is_told_before_anything_is_sent(secret: str, city) -> None:
    town = city(hook(Web()), secrets={"hook": secret})
    with pytest.raises(PenstockError, match="PENSTOCK_NOTIFY_SECRETS"):
        delivering.try_out(town, "hook", NOW)


@pytest.mark.parametrize("status", [301, 307, 400, 410, 429, 500, 503])
def test_what_is_not_taken_is_told_with_its_status(status: int, city) -> None:
    web = Web()
    web.next = [status]
    with web.up(), pytest.raises(PenstockError, match=f"answers {status}"):
        delivering.try_out(city(hook(web)), "hook", NOW)
    assert web.taken == []  # a redirect was not followed


DRIPPED = [b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 100, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"a" * 99]


@pytest.mark.parametrize("answer", [1.5, *DRIPPED])
def test_a_server_that_is_silent_or_drips_is_left_when_the_time_is_over(answer: float | bytes, city) -> None:
    web = Web()
    web.next = [answer]
    town = city(hook(web))
    with web.up():
        began = time.monotonic()
        with pytest.raises(PenstockError, match=r"is not done after 0\.5 s"):
            delivering.try_out(town, "hook", NOW)
        assert time.monotonic() - began < 1.2


def test_a_certificate_of_somebody_else_is_not_trusted(city, tmp_path) -> None:
    web, authority, other = Web(), trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    channel = hook(web).replace("http:", "https:") + 'ca_file = "ca.pem"\n'
    with web.up(context):
        other.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        with pytest.raises(PenstockError, match="certificate is not to be trusted"):
            delivering.try_out(city(channel), "hook", NOW)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        assert "took the test" in delivering.try_out(city(channel), "hook", NOW)
    assert len(web.taken) == 1


BAD = ["http://mail.example/x", "ftp://127.0.0.1/", "https://u:p@h.example/", "https:///x", "https://h.example/a b", "https://h/\\r\\nX: 1"]


@pytest.mark.parametrize("url", BAD)
def test_an_address_that_is_none_or_in_the_clear_is_refused(url: str, city) -> None:
    with pytest.raises(PenstockError, match="https://host/path"):
        city(f'id = "hook"\nkind = "webhook"\nurl = "{url}"\n')
