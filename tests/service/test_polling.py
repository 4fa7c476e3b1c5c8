"""The running poll process: it reads on, whatever the database, the disk and the other roads do."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from city.clock import QUARTER
from city.quality import VALID
from meters.polling.field import Field
from meters.spool.spool import Spool, SpoolFull
from service.acquisition import StoreOutlet, devices
from service.environment import Environment
from service.live import Live
from service.one_process import lock
from service.settings import LoadedCity, load
from service.store import open_store, readings, runs
from tests.meters.gateway import Gateway
from tests.town import HEAD, Town

START = datetime(2022, 6, 15, 10, 0, tzinfo=UTC)


@pytest.fixture
def gateway():
    with Gateway() as one:
        yield one


@pytest.fixture
def town(tmp_path: Path, gateway: Gateway) -> Town:
    """The town with its hall read every minute, and its database."""
    head = HEAD.replace('forecast = "load" }', 'forecast = "load", step_s = 60 }')
    made = Town(tmp_path, port=gateway.port, head=head, days=0).without("imports").write()
    made.penstock("init")
    return made


def city(town: Town) -> LoadedCity:
    return load(Environment(city=town.file, home=town.folder))


def clock_before(slot: datetime, seconds: float):
    """A clock that shows `slot` so many seconds after somebody first looked at it."""
    first = []

    def clock():
        first.append(time.monotonic()) if not first else None
        return slot + timedelta(seconds=time.monotonic() - first[0] - seconds)

    return clock


@contextmanager
def live(town: Town, way_out: object = None, roads: list[object] | None = None, slot: datetime = START):
    """The poll process but for its signals, a moment before `slot`; runs in a thread of the test."""
    loaded = city(town)
    links = [link.model_copy(update={"spread_s": 0.1}) for link in loaded.settings.links]
    field = Field(links, devices(loaded))
    told, ended = threading.Event(), []

    def run():
        try:
            with Live(loaded, field, way_out or StoreOutlet(loaded, open_store(town.database)), roads or [], clock) as running:
                running.run(told)
        except Exception as error:
            ended.append(error)

    clock = clock_before(slot, 0.6)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ended
    finally:
        told.set()
        thread.join(20)
        assert not thread.is_alive()


def stored(town: Town, until=lambda rows: len(rows) >= 5, seconds: float = 6.0) -> pd.DataFrame:
    engine, end = open_store(town.database), time.monotonic() + seconds
    points = list(city(town).points)
    while True:
        rows = readings.hot(engine, points, START - QUARTER, START + QUARTER)
        if until(rows) or time.monotonic() > end:
            return rows
        time.sleep(0.05)


def test_what_is_read_is_stored_within_seconds_with_its_time_and_a_heartbeat(town: Town) -> None:
    with live(town):
        rows = stored(town)
    assert set(rows["point_id"]) == {"hall.power", "hall.energy", "sun.power", "sun.energy", "sun.setpoint"}
    assert set(rows["time_utc"]) == {START}
    assert (rows["received_at_utc"] - START).dt.total_seconds().between(0, 3).all()
    assert runs.heartbeats(open_store(town.database))["poll"] == START


def test_a_locked_database_delays_no_reading_and_gets_it_later(town: Town, gateway: Gateway) -> None:
    lock = sqlite3.connect(town.folder / "penstock.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with live(town):
        end = time.monotonic() + 4
        while time.monotonic() < end and Spool(town.folder / "spool.db").depth() < 2:
            time.sleep(0.05)
        assert Spool(town.folder / "spool.db").depth() == 2  # one frame for the hall, one for the roof
        assert len({a.unit for a in gateway.asked}) == 2
        lock.execute("ROLLBACK")
        lock.close()
        assert len(stored(town, seconds=12)) == 5


def test_another_outlet_takes_the_place_of_the_database(town: Town) -> None:
    class Elsewhere:
        origin, changed = "station-7", False

        def __init__(self) -> None:
            self.taken = []

        def prepare(self, frame):
            return frame[frame["point_id"] == "hall.power"]

        def deliver(self, spool, slot_utc):
            while (waiting := spool.oldest()) is not None:
                self.taken.append(waiting[1])
                spool.acknowledge(waiting[0])
            return 0

        def execute(self, field, at_utc):
            pass

    elsewhere = Elsewhere()
    with live(town, elsewhere):
        end = time.monotonic() + 4
        while not elsewhere.taken and time.monotonic() < end:
            time.sleep(0.05)
    assert list(elsewhere.taken[0]["point_id"]) == ["hall.power"]
    assert stored(town, seconds=0).empty


def test_a_full_disk_stops_the_asking_until_there_is_room(town: Town, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spool, "has_room", lambda spool: False)
    with live(town) as ended:
        time.sleep(2.0)
    assert ended == []
    assert gateway.asked == []


def test_a_disk_that_fills_up_within_a_slot_ends_nothing(town: Town, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(spool, frame):
        raise SpoolFull(())

    monkeypatch.setattr(Spool, "append", full)
    with live(town) as ended:
        time.sleep(1.5)
    assert ended == []
    assert gateway.asked


def test_other_roads_are_asked_every_minute_and_lead_into_the_same_spool(town: Town) -> None:
    class Road:
        def __init__(self) -> None:
            self.asked, self.closed, self.safe = [], False, 0

        def readings(self, slot_utc):
            self.asked.append(slot_utc)
            if len(self.asked) > 1:
                return pd.DataFrame()
            times = pd.Series([START], dtype="datetime64[us, UTC]")
            frame = pd.DataFrame({"point_id": ["inflow.volume"], "quantity": "volume_register_m3", "value": [7.0], "quality": [VALID]})
            return frame.assign(time_utc=times, received_at_utc=times)

        def kept(self):
            self.safe += 1

        def close(self):
            self.closed = True

    road = Road()
    with live(town, roads=[road]):
        rows = stored(town, lambda rows: "inflow.volume" in set(rows["point_id"]))
    assert rows.set_index("point_id")["value"]["inflow.volume"] == 7
    assert (road.asked[0], road.safe, road.closed) == (START, 1, True)


def test_what_a_thread_did_not_foresee_ends_the_process_instead_of_being_lost(town: Town) -> None:
    class Broken(StoreOutlet):
        def deliver(self, spool, slot_utc):
            raise RuntimeError("never foreseen")

    with live(town, Broken(city(town), open_store(town.database))) as ended:
        time.sleep(2.5)
    assert [str(error) for error in ended] == ["never foreseen"]


def test_a_replay_reads_each_meter_at_its_own_step(town: Town) -> None:
    said = town.penstock("poll", "--now", "2022-06-15T10:02:30+00:00", "--until", "2022-06-15T10:16:00+00:00")
    assert said.code == 0, said.all
    rows = readings.hot(open_store(town.database), list(city(town).points), START - QUARTER, START + 2 * QUARTER)
    times = rows.groupby("point_id")["time_utc"]
    assert list(times.get_group("sun.power")) == [START, START + QUARTER]
    assert list(times.get_group("hall.power")) == [START + timedelta(minutes=i) for i in (0, *range(1, 17))]
    again = town.penstock("poll", "--now", "2022-06-15T10:02:30+00:00", "--until", "2022-06-15T10:16:00+00:00")
    assert "0 readings stored" in again.out


def test_a_slot_under_way_is_finished_and_kept_before_the_process_ends(town: Town, gateway: Gateway) -> None:
    class Keeping(StoreOutlet):
        def deliver(self, spool, slot_utc):
            return 0

    gateway.delay_s = 0.15
    with live(town, Keeping(city(town), open_store(town.database))) as ended:
        end = time.monotonic() + 4
        while not gateway.asked and time.monotonic() < end:
            time.sleep(0.01)
    assert ended == []
    with Spool(town.folder / "spool.db") as spool:
        kept = pd.concat([batch.readings() for batch in spool.waiting_batches(100)])
    assert len(kept) == 5
    assert kept["value"].notna().all()


@pytest.mark.slow
def test_the_process_ends_cleanly_when_it_is_told_to(town: Town) -> None:
    environment = {**os.environ, "PENSTOCK_CITY": str(town.file), "PENSTOCK_HOME": str(town.folder)}
    process = subprocess.Popen([sys.executable, "-m", "service.cli", "poll"], env=environment, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 15
    while not (town.folder / "spool.db").exists() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=15)
    assert process.returncode == 0, told
    assert "Traceback" not in told


def test_a_second_poll_of_the_same_city_is_refused(tmp_path: Path) -> None:
    town = Town(tmp_path, days=0).write()
    assert town.penstock("init").code == 0
    with lock(town.folder, "poll"):
        said = town.penstock("poll", "--now", "2022-06-15T10:00+02:00")
    assert (said.code, said.foreseen, "one poll at a time" in said.err) == (1, True, True)
