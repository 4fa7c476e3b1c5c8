"""Delivery: what is due goes out, one notice at a time, each within its time; for the sender of `penstock work` and the end of a night."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError, Problem, fault
from service.environment import Environment
from service.notices import mail, outbox, telling, webhook
from service.notices.outbox import Waiting
from service.notices.settings import Email, Notify
from service.notices.words import words
from service.settings import LoadedCity

log = structlog.get_logger()


@dataclass
class Told:
    """What came of a pass."""

    sent: int = 0
    waiting: int = 0
    problems: list[Problem] = field(default_factory=list)


def secrets(env: Environment) -> Mapping[str, str]:
    """{channel: its secret}. Raises `PenstockError` when PENSTOCK_NOTIFY_SECRETS is no JSON object of texts."""
    try:
        found = json.loads(env.notify_secrets.get_secret_value()) if env.notify_secrets else {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise fault("PENSTOCK_NOTIFY_SECRETS", "no JSON object of texts", 'JSON such as {"control-room": "..."}', "Correct it.")
    return found


def send(city: LoadedCity, channel: Notify, notice: Waiting) -> str:
    """Send a notice over a channel, once. Returns a remark, mostly empty. Raises `PenstockError` when it was not taken."""
    secret = secrets(city.environment).get(channel.id, "")
    if isinstance(channel, Email):
        return mail.send(channel, secret, notice, city.beside)
    webhook.post(channel, secret, f"msg_{notice.stable_id}", payload(notice), city.beside)
    return ""


def _sent(city: LoadedCity, channel: Notify, notice: Waiting) -> str:
    """As `send`; what nobody foresaw is a delivery that failed, too: else it would be tried for good, and never told."""
    try:
        return send(city, channel, notice)
    except PenstockError:
        raise
    except Exception as error:
        log.exception("delivery failed", channel=channel.id)
        raise fault(f"notify {channel.id}", f"failed: {type(error).__name__}", "a delivery", "Look at its settings and the log.") from None


def payload(notice: Waiting) -> bytes:
    """The body of a webhook: type, timestamp and data, as Standard Webhooks asks; the same notice gives the same bytes."""
    data = {"title": notice.title, "facts": dict(map(tuple, notice.body["facts"])), "lines": notice.body["lines"], **notice.body["data"]}
    made: dict[str, Any] = {"type": f"penstock.{notice.body['type']}", "timestamp": notice.made_utc.isoformat(), "data": data}
    return json.dumps(made, ensure_ascii=False).encode()


def deliver(engine: Engine, city: LoadedCity, now_utc: datetime, *, most: int, seconds: float) -> Told:
    """Deliver at most so many notices that are due, within about so many seconds. A channel that fails is left alone for the rest."""
    channels: dict[str, Notify] = {channel.id: channel for channel in city.settings.notify}
    made, began_utc, began, resting = Told(), now_utc, time.monotonic(), list[str]()
    while channels and made.sent + len(made.problems) < most and (spent := time.monotonic() - began) < seconds:
        now_utc = began_utc + timedelta(seconds=spent)  # a claim of the beginning would have run out for others in a long pass
        notice = outbox.claim(engine, now_utc, resting)
        if notice is None:
            break
        channel = channels.get(notice.channel)
        try:
            if channel is None:
                raise fault(f"notify {notice.channel}", "no such channel any more", ", ".join(channels), "Nothing is to be done.")
            remark = _sent(city, channel, notice)
        except PenstockError as error:
            resting.append(notice.channel)
            over = outbox.failed(engine, notice, now_utc, str(error.problems[0]), final=channel is None)
            made.waiting += not over
            made.problems += error.problems
            log.warning(
                "notice not delivered", channel=notice.channel, attempt=notice.attempts, given_up=over, problem=str(error.problems[0])
            )
            continue
        outbox.delivered(engine, notice, now_utc, remark)
        made.sent += 1
    return made


def turn(engine: Engine, city: LoadedCity, now_utc: datetime, most: int) -> int:
    """What `service.notices.sending` does each time around: write what is new, send at most so many notices. Returns how many were sent.

    Nothing but a database that is away ends it.
    """
    try:
        telling.tell(engine, city, now_utc)
        return deliver(engine, city, now_utc, most=most, seconds=60).sent
    except PenstockError as error:
        log.error("notices", problem=str(error.problems[0]))
    except DBAPIError:
        raise  # whoever calls knows how to wait for it
    except Exception:
        log.exception("notices failed")
    return 0


def try_out(city: LoadedCity, channel_id: str, now_utc: datetime) -> str:
    """Send a test over a channel, past the outbox. Returns what to say. Raises `PenstockError` when it was not taken."""
    channel = next((one for one in city.settings.notify if one.id == channel_id), None)
    if channel is None:
        known = ", ".join(one.id for one in city.settings.notify) or "none defined"
        raise fault(f"notify '{channel_id}'", "unknown", f"one of {known}", "Check the name, or add a [[notify]].")
    say, settings = words(channel.language), city.settings.city
    name = (settings.name_zh if channel.language == "zh" else "") or settings.name
    title = say("test", city=name, channel=channel.id)
    body = {"type": "test", "facts": [], "lines": [say("test_line")], "foot": say("foot_test"), "data": {"city": settings.id}}
    key = outbox.stable_id(f"test {settings.id} {channel.id} {now_utc.isoformat()}")
    remark = send(city, channel, Waiting(0, key, channel.id, title, body, now_utc, 1))
    return f"{channel.id}: the server took the test" + (f"; {remark}" if remark else "")
