"""The figures as Prometheus reads them, from a store in which every table has something to tell."""

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, insert, select

pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

from prometheus_client.parser import text_string_to_metric_families

from city.causes import Cause
from city.quality import VALID, missing
from meters.spool.spool import Spool
from service import releases
from service import schema as t
from service.environment import Environment
from service.levels import calls
from service.metrics import collector, health
from service.metrics.kinds import COUNTER, METRICS, table
from service.metrics.serving import Server, beside
from service.settings import LoadedCity, load
from service.store import open_store, readings, runs, writing
from tests.commands import free_port
from tests.levels.test_levels import frame
from tests.town import HEAD, Town

ROOT = Path(__file__).parents[2]
NOW = datetime(2022, 6, 16, 0, 0, tzinfo=UTC)  # 02:00 local
SLOT = NOW - timedelta(minutes=15)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, LoadedCity]:
    """Something in every table that is told; tests must not write to it."""
    folder = tmp_path_factory.mktemp("metrics")
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


def test_every_metric_of_the_table_is_told_and_says_what_the_rows_say(full: tuple[Engine, LoadedCity]) -> None:
    found = scraped(*full)
    assert {key[0] for key in found} == {metric.name for metric in METRICS}
    assert {k: v for k, v in found.items() if k[0] == "penstock_part_up" and not v} == {}
    expected = {
        ("heartbeat_age_seconds", "poll"): 120,
        ("lease_held", "night"): 1,
        ("readings_stored_total", "true"): 2,
        ("readings_newest_age_seconds",): 900,
        ("readings_newest_slot", "true"): 1,
        ("readings_newest_slot", "false"): 1,
        ("link_up", "field"): 1,  # one of its meters was reached
        ("spool_readings", "spool"): 2,
        ("night_done",): 1,
        ("night_deadline_timestamp_seconds",): datetime(2022, 6, 16, 4, 0, tzinfo=UTC).timestamp(),
        ("night_end_timestamp_seconds",): (NOW - timedelta(minutes=55)).timestamp(),
        ("night_seconds",): 300,
        ("night_step_seconds", "plan"): 12.5,
        ("night_step_status", "problems", "plan"): 1,  # labels in the order of their names
        ("night_zones_out", "plan"): 1,
        ("commands", "approved"): 1,
        ("commands_overdue",): 1,
        ("alarms", "1", "unacknowledged"): 1,
        ("notices_waiting", "mail"): 1,
        ("notices_given_up", "hook"): 1,
        ("api_calls_total", "/v1/plans", "200"): 41,
        ("level_ratio", "nights_on_time", "30d"): 1,
        ("level_target_ratio", "availability"): 0.9999,
        ("backup_age_seconds",): 12 * 3600,
        ("certificate_expiry_timestamp_seconds", "end.pem"): datetime(2022, 7, 1, tzinfo=UTC).timestamp(),
    }
    assert {key: found.get((f"penstock_{key[0]}", *key[1:])) for key in expected} == expected


def test_a_counter_goes_on_over_the_hours_and_a_late_reading_still_counts(full: tuple[Engine, LoadedCity], store: Engine) -> None:
    _, city = full
    clock = [NOW]
    figures = collector.Figures(store, city, lambda: clock[0])
    seen = []
    for hour in range(0, 60, 3):
        clock[0] = NOW + timedelta(hours=hour)
        calls.count(store, "/v1/plans", 200, clock[0], 10)
        calls.count(store, "/v1/plans", 200, max(NOW, clock[0] - timedelta(hours=20)), 1)
        figures.age()
        seen.append(told(collector.text(collector.registry(figures)))["penstock_api_calls_total", "/v1/plans", "200"])
    assert seen == [11 * n for n in range(1, 21)]


def test_names_follow_the_conventions() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"penstock(_[a-z]+)+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == COUNTER)
        assert not re.search(r"_(ms|minutes|hours|mb|percent|count)$", metric.name)


def test_alert_rules_use_only_metrics_and_labels_that_are_told() -> None:
    (group,) = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text(encoding="utf-8"))["groups"]
    labels = {metric.name: set(metric.labels) for metric in METRICS}
    for rule in group["rules"]:
        used = re.findall(r"(penstock_\w+)(?:{([^}]*)})?", rule["expr"])
        assert used
        for name, selector in used:
            assert name in labels, rule["alert"]
            assert set(re.findall(r"(\w+)\s*[=!]", selector)) <= labels[name], rule["alert"]
        named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert named <= set.union(*(labels[name] for name, _ in used)), rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_table_of_the_docs_is_that_of_the_code() -> None:
    assert table() in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


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


def test_a_night_that_hangs_was_heard_of_and_is_not_well(full: tuple[Engine, LoadedCity], store: Engine) -> None:
    _, city = full
    run = {"city": "town", "night": date(2022, 6, 16), "command": "night", "config_hash": "", "pid": 1, "status": "running"}
    step = {"city": "town", "night": date(2022, 6, 16), "sentence": "", "problems": [], "detail": {}, "ended_utc": NOW}
    with writing(store) as connection:
        connection.execute(insert(t.run).values(**run, now_utc=NOW, started_utc=NOW))
        connection.execute(insert(t.step).values(**step, step="validate", status="done", seconds=1.0))

    def told_at(now: datetime) -> tuple[bool, str]:
        (one,) = (check for check in health.ready(store, city, now)[1] if check["name"] == "night")
        return one["ok"], one["observed"]

    with writing(store) as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (releases.REVISIONS[releases.RELEASE],))
    assert told_at(NOW + timedelta(hours=3)) == (True, "heard of in time")
    assert told_at(NOW + timedelta(hours=5)) == (False, "started, but that of this civil day has not ended by 06:00")


def test_a_part_that_fails_in_any_way_leaves_its_own_figures_out_only(
    full: tuple[Engine, LoadedCity], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(collector.PARTS, "backup", lambda _asked: [][1])
    found = scraped(*full)
    assert (found["penstock_part_up", "backup"], found["penstock_part_up", "night"], found["penstock_store_up",]) == (0, 1, 1)


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


def test_a_part_that_fails_costs_the_others_nothing(full: tuple[Engine, LoadedCity]) -> None:
    engine, city = full
    path = city.beside / "end.pem"
    kept = path.read_bytes()
    path.unlink()
    try:
        found = scraped(engine, city)
    finally:
        path.write_bytes(kept)
    assert found["penstock_part_up", "certificates"] == 0
    assert found["penstock_part_up", "night"] == found["penstock_store_up",] == 1
    with engine.connect() as connection:
        assert connection.execute(select(t.lease.c.name)).scalar() == "night"
