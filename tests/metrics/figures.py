"""A town that has something to tell in every figure, and how figures are read: from the registry and over HTTP."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

from prometheus_client.parser import text_string_to_metric_families

from city.causes import Cause
from city.quality import VALID, missing
from meters.spool.spool import Spool
from service import schema as t
from service.environment import Environment
from service.levels import calls
from service.metrics import collector
from service.metrics.serving import Server
from service.settings import LoadedCity, load
from service.store import open_store, readings, runs, writing
from tests.levels.test_levels import frame
from tests.town import HEAD, Town

NOW = datetime(2022, 6, 16, 0, 0, tzinfo=UTC)  # 02:00 local
SLOT = NOW - timedelta(minutes=15)


def filled(folder: Path) -> tuple[Engine, LoadedCity]:
    """A town in `folder`/town with something in every table that is told, as of NOW."""
    town = Town(folder / "town", days=0, head=f'metrics.certificates = ["end.pem"]\nbackup.into = "backups"\n{HEAD}').write()
    (folder / "town" / "end.pem").write_bytes(certificate(datetime(2022, 7, 1, tzinfo=UTC)))
    assert town.penstock("init").code == 0
    engine, env = open_store(town.database), Environment(city=town.file, home=town.folder)
    city = load(env)
    key_of = readings.register_points(engine, list(city.points.values()))
    made = frame(SLOT, SLOT, VALID, missing(Cause.NO_CONNECTION))
    made["point_id"] = [next(p.id for p in city.points.values() if p.meter == meter) for meter in ("hall", "sun")]
    made["quantity"] = [str(city.points[name].quantity) for name in made["point_id"]]
    readings.store_batch(engine, "a", made, key_of, SLOT + timedelta(seconds=30))
    with Spool(town.folder / "spool.db") as spool:
        spool.append(made)
    calls.count(engine, "/v1/plans", 200, NOW, 41)
    for process in ("poll", "work"):
        runs.beat(engine, process, NOW - timedelta(minutes=2))
    run = {"city": "town", "night": date(2022, 6, 16), "command": "night", "config_hash": "", "pid": 1, "status": "problems"}
    span = {"now_utc": NOW - timedelta(hours=1), "started_utc": NOW, "ended_utc": NOW + timedelta(minutes=5)}
    command = {"plan_id": "p", "point_id": "sun.setpoint", "quantity": "power_kw", "setpoint": 1.0, "sentence": ""}
    due = {"not_before_utc": NOW - timedelta(minutes=6), "not_after_utc": NOW + timedelta(hours=1)}
    alarm = {"kind": "burst", "subject": "x", "priority": 1, "state": "unacknowledged", "active": True, "reason": "", "follows": ""}
    notice = {"title": "", "body": {}, "attempts": 1, "error": "", "made_utc": NOW - timedelta(hours=1)}
    with writing(engine) as c:
        c.execute(insert(t.run).values(**run, **span))
        step = {"city": "town", "night": date(2022, 6, 16), "sentence": "", "problems": [], "detail": {}, "ended_utc": NOW}
        c.execute(insert(t.step).values(**step, step="plan", status="problems", seconds=12.5))
        c.execute(insert(t.zone_out).values(city="town", night=date(2022, 6, 16), step="plan", zone="old-town", problems=[]))
        c.execute(insert(t.command).values(**command, **due, command_id="one", state="approved"))
        c.execute(insert(t.alarm).values(**alarm, alarm_id=1, source="x", since_utc=NOW, district="", facts={}))
        c.execute(insert(t.notice).values(**notice, subject_key="a", channel="mail", next_utc=NOW))
        c.execute(insert(t.notice).values(**notice, subject_key="b", channel="hook"))
        letter = {"letter_id": "l", "readings": 0, "origin": "", "reason": "", "at_utc": NOW, "content": b""}
        c.execute(insert(t.dead_letter).values(**letter))
        lease = {"name": "night", "holder": "h", "token": 1, "taken_utc": NOW, "until_utc": NOW + timedelta(seconds=90)}
        c.execute(insert(t.lease).values(**lease))
    backup = folder / "town" / "backups" / "town-20220615T120000Z"
    backup.mkdir(parents=True)
    (backup / "SHA256SUMS").touch()
    (backup / "manifest.json").write_text(json.dumps({"made_at_utc": "2022-06-15T12:00:00+00:00", "city": "town"}))
    return engine, city


def certificate(end: datetime) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key, name = Ed25519PrivateKey.generate(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "central")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    return made.not_valid_before(end - timedelta(days=90)).not_valid_after(end).sign(key, None).public_bytes(Encoding.PEM)


def told(text: bytes) -> dict[tuple[str, ...], float]:
    """{(name, values of the labels): value}"""
    families = text_string_to_metric_families(text.decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def scraped(engine: Engine, city: LoadedCity, now: datetime = NOW) -> dict[tuple[str, ...], float]:
    """A scrape at `now` of a process that runs since the slot before."""
    clock = [SLOT]
    figures = collector.Figures(engine, city, lambda: clock[0])
    clock[0] = now
    return told(collector.text(collector.registry(figures)))


@contextmanager
def served(city: LoadedCity, now: datetime) -> Iterator[str]:
    server = Server(city.environment, "127.0.0.1", 0, now)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
        thread.join(20)


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
