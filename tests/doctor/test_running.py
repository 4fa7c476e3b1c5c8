"""What runs, or should: leases, backups, notices and the scheduler, each made wrong for real."""

import json
import os
import socket
from datetime import date, datetime, timedelta

from sqlalchemy import Engine, insert

from service import schema as t
from service.doctor import running
from service.lease import holder
from service.store import writing
from tests.doctor.test_doctor import NOW, patient, refused
from tests.town import Town


def hold(store: Engine, name: str, until: datetime) -> None:
    row = {"name": "night", "token": 1, "taken_utc": NOW}
    with writing(store) as connection:
        connection.execute(t.lease.delete())
        connection.execute(insert(t.lease).values(**row, holder=name, until_utc=until))


def test_a_lease_of_a_process_that_is_gone_is_told_and_one_that_lives_is_not(town: Town) -> None:
    one = patient(town)
    hold(one.engine, holder(), NOW + timedelta(minutes=1))
    assert running.leases(one).startswith(f"night held by process {os.getpid()}")
    hold(one.engine, holder(), NOW - timedelta(minutes=1))
    assert "which did not renew it" in refused(lambda: running.leases(one))
    host, boot, space, _, _ = holder().split("|")
    hold(one.engine, "|".join((host, boot, space, "1", "0")), NOW + timedelta(minutes=1))
    assert "process 1 on" in refused(lambda: running.leases(one))


def test_a_city_of_a_week_without_a_backup_and_a_backup_that_is_too_old_are_told(town: Town) -> None:
    one = patient(town, head='backup.into = "backups"')
    assert running.backup(one).startswith("none yet")
    run = {"city": "town", "night": date(2026, 1, 1), "command": "night", "config_hash": "", "pid": 1, "status": "done"}
    with writing(one.engine) as connection:
        connection.execute(insert(t.run).values(**run, now_utc=NOW, started_utc=NOW - timedelta(days=8), ended_utc=NOW))
    assert "none; the city has run since" in refused(lambda: running.backup(one))
    folder = town.folder / "backups" / "one"
    folder.mkdir(parents=True)
    (folder / "SHA256SUMS").touch()
    for hours in (1, 27):
        (folder / "manifest.json").write_text(json.dumps({"made_at_utc": (NOW - timedelta(hours=hours)).isoformat(), "city": "town"}))
        if hours == 1:
            assert "1 h old" in running.backup(one)
    assert "27 h old" in refused(lambda: running.backup(one))


def test_a_channel_without_its_secret_and_a_notice_given_up_are_told(town: Town) -> None:
    one = patient(town, head='notify = [{ id = "hook", kind = "webhook", url = "http://127.0.0.1:1/x" }]')
    with writing(one.engine) as connection:
        notice = {"subject_key": "a", "channel": "hook", "made_utc": NOW, "title": "", "body": {}, "attempts": 9}
        connection.execute(insert(t.notice).values(**notice, error="refused"))
    assert one.city is not None
    lines = refused(lambda: running.notices(one.city, one)).splitlines()
    assert "notify hook: no secret" in lines[0]
    assert "1 notices were given up, the newest over hook: refused" in lines[1]


def test_a_scheduler_that_is_away_is_told(town: Town) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    one = patient(town, head=f'night.workers = "tcp://127.0.0.1:{port}"')
    assert one.city is not None
    assert "does not answer" in refused(lambda: running.cluster(one.city, one))
