"""Mail to a real server over TLS: what arrives, what does not, and what cannot be slipped in."""

import time

import pytest
import trustme
from sqlalchemy import Engine

from city.problems import PenstockError
from service.notices import delivering
from service.notices.telling import tell
from tests.notices.conftest import NOW, night
from tests.notices.receivers import Mail


def channel(mail: Mail, tls: str = "starttls", more: str = 'user = "penstock"\nca_file = "ca.pem"') -> str:
    to = '["ops@town.example", "duty@town.example"]'
    where = f'host = "127.0.0.1"\nport = {mail.port}\ntls = "{tls}"\ntimeout_s = 1'
    return f'id = "mail"\nkind = "email"\n{where}\nsender = "penstock@town.example"\nto = {to}\n{more}\n'


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_night_arrives_as_text_and_html_over_tls(tls: str, engine: Engine, city, tmp_path) -> None:
    mail = Mail(tmp_path)
    town = city(channel(mail, tls))
    night(engine, "failed")
    tell(engine, town, NOW)
    with mail.up(tls):
        assert delivering.deliver(engine, town, NOW, most=9, seconds=9).problems == []
    (told,) = mail.taken
    assert told["To"] == "ops@town.example, duty@town.example"
    assert told["Auto-Submitted"] == "auto-generated"
    assert {part.get_content_type() for part in told.iter_parts()} == {"text/plain", "text/html"}
    assert "FAILED" in told["Subject"]
    assert "nights/2022-06-16/" in told.get_body(("plain",)).get_content()


def test_no_name_can_slip_a_header_or_html_into_a_mail(engine: Engine, city, tmp_path) -> None:
    mail = Mail(tmp_path)
    town = city(channel(mail) + 'language = "en"\n')
    assert town.settings.city.name == "Town\r\nBcc: all@evil.example"
    with mail.up():
        delivering.try_out(town, "mail", NOW)
    (told,) = mail.taken
    assert told["Bcc"] is None
    assert told["Subject"] == "Town Bcc: all@evil.example: test of channel mail"
    usual = {"Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "Content-Language", "MIME-Version", "Content-Type"}
    assert set(told.keys()) == usual


def test_html_of_a_notice_escapes_what_stands_in_it() -> None:
    from service.notices import mail
    from service.notices.outbox import Waiting

    bad = "<script>alert(1)</script>"
    body = {"facts": [[bad, bad]], "lines": [bad], "foot": bad, "type": "test", "data": {}}
    made = mail.html(Waiting(1, "0" * 32, "mail", bad, body, NOW, 1), "en")
    assert "<script" not in made
    assert made.count("&lt;script&gt;") == 5


def test_a_second_delivery_can_be_told_from_another_mail(city, tmp_path) -> None:
    mail = Mail(tmp_path)
    town = city(channel(mail))
    with mail.up():
        for _ in range(2):  # as after a crash between sending and recording
            delivering.try_out(town, "mail", NOW)
    first, second = mail.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert mail.raw[0] == mail.raw[1]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("certificate", "certificate is not to be trusted"),
        ("password", "answers 535"),
        ("recipients", "refuses every recipient"),
        ("mail", "answers 451"),
        ("slow", "is not done after 1 s"),
        ("tls", "STARTTLS extension not supported"),
    ],
)
def test_what_a_mail_server_objects_to_is_a_sentence_without_the_password(spoil: str, told: str, city, tmp_path) -> None:
    mail = Mail(tmp_path)
    secrets = {"mail": "wrong"} if spoil == "password" else None
    if spoil == "certificate":
        trustme.CA().cert_pem.write_to_path(str(mail.ca_file))
    mail.refuse = {"ops@town.example", "duty@town.example"} if spoil == "recipients" else set()
    mail.broken, mail.silent_s = spoil == "mail", 1.5 if spoil == "slow" else 0.0
    town = city(channel(mail), secrets=secrets)
    with mail.up("none" if spoil == "tls" else "starttls"):
        began = time.monotonic()
        with pytest.raises(PenstockError, match=told) as raised:
            delivering.try_out(town, "mail", NOW)
        assert time.monotonic() - began < 1.5
    assert "secret-of-the-account" not in str(raised.value)
    assert mail.taken == [] or spoil == "slow"


def test_one_refused_recipient_does_not_cost_the_other_the_mail(city, tmp_path) -> None:
    mail = Mail(tmp_path)
    mail.refuse = {"duty@town.example"}
    with mail.up():
        assert delivering.try_out(city(channel(mail)), "mail", NOW).endswith("refused: duty@town.example")
    assert len(mail.taken) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('tls = "starttls"', 'tls = "none"\nhost = "mail.example"'),
        ('"ops@town.example"', '"ops@town.example\\r\\nBcc: a@b.example"'),
        ('"ops@town.example"', '"Ops <ops@town.example>"'),
        ('sender = "penstock@town.example"', 'sender = "penstock"'),
        ('id = "mail"', 'id = "Mail room"'),
    ],
)
def test_a_channel_that_could_leak_or_be_abused_is_refused(old: str, new: str, city, tmp_path) -> None:
    text = channel(Mail(tmp_path)).replace(old, new)
    if "mail.example" in new:
        text = text.replace('host = "127.0.0.1"\n', "")
    with pytest.raises(PenstockError, match="notify"):
        city(text)
