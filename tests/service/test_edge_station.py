"""A station on its own: the line down, the central killed, the configuration pinned, the clock checked."""

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from city.problems import PenstockError
from city.quality import VALID, Cause, cause_of, missing, usable
from meters.maps.registers import SHIPPED
from meters.spool.spool import Spool
from service.edge.clock import ClockWatch
from service.edge.forwarding import Forwarder
from service.edge.part import bundle, digest, toml
from service.edge.pinning import Pinned
from service.environment import Environment
from service.polling import poll_span
from service.settings import load
from tests.service.central import CITY, SLOT, Central, slot


@pytest.fixture
def made(tmp_path: Path) -> Central:
    return Central.made(tmp_path / "central")


@pytest.fixture
def central(made: Central) -> Iterator[Central]:
    with made.running():
        yield made


def forwarder(central: Central, folder: Path, **keys: object) -> Forwarder:
    env = central.station(folder, **keys)
    (folder / "home").mkdir(exist_ok=True)
    return Forwarder(env, load(env))


def until(found: object, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def day(start: int = 0) -> list[tuple[str, datetime, int]]:
    return [("m-north.power", SLOT + timedelta(minutes=15 * i), 1000 * i) for i in range(start, start + 96)]


@pytest.mark.slow
def test_a_line_that_is_down_for_a_day_costs_nothing_but_delay(made: Central, tmp_path: Path) -> None:
    with made.running():
        station = forwarder(made, tmp_path / "station")
        port = made.port
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        with made.running(port):
            spool.append(slot(0))
            assert station.forward(spool) == 1
        for i in range(1, 96):  # a day of slots, each tried in vain
            spool.append(slot(i))
            assert station.forward(spool) == 0
        assert spool.depth() == 95
        assert "central" in str(station.alarms(spool, datetime.now(UTC))[-1])
        with made.running(made.port):
            assert station.forward(spool) == 95
            assert (spool.depth(), station.alarms(spool, datetime.now(UTC))) == (0, [])
            until(lambda: len(made.stored()) == 96)
    assert made.stored() == day()


def test_penstock_poll_at_a_station_needs_no_database_and_no_meters_of_its_own(central: Central, tmp_path: Path) -> None:
    env = central.station(tmp_path / "station")
    assert poll_span(env, SLOT, SLOT + timedelta(minutes=15), replay=False) == "done"
    until(lambda: len(central.stored()) == 4)  # two slots of m-north's two points, whose line is dead: known, and without value
    assert {(point, value) for point, _, value in central.stored()} == {("m-north.energy", None), ("m-north.power", None)}


def test_polling_begins_anew_when_another_configuration_has_come(central: Central, tmp_path: Path) -> None:
    station = forwarder(central, tmp_path / "station")
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        assert not station.changed
        station.deliver(spool, SLOT)
        assert station.changed
        same = forwarder(central, tmp_path / "station")
        same.deliver(spool, SLOT)
        assert not same.changed


@pytest.mark.slow
def test_a_central_killed_again_and_again_loses_and_doubles_nothing(made: Central, tmp_path: Path) -> None:
    process = made.start()
    port = made.port
    station = forwarder(made, tmp_path / "station")
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        for i in range(96):
            spool.append(slot(i))
        for _ in range(3):
            station.forward(spool, seconds=0.1)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(20)
            process = made.start(port)
        try:
            while spool.depth():
                station.forward(spool)
            until(lambda: len(made.stored()) == 96)
        finally:
            process.terminate()
            process.wait(20)
    assert made.stored() == day()


def test_a_central_whose_database_is_away_takes_readings_still(central: Central, tmp_path: Path) -> None:
    import sqlite3

    station = forwarder(central, tmp_path / "station")
    lock = sqlite3.connect(central.folder / "home" / "penstock.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        for i in range(3):
            spool.append(slot(i))
        assert station.forward(spool) == 3
    lock.execute("ROLLBACK")
    lock.close()
    until(lambda: len(central.stored()) == 3)


def test_a_station_pulls_its_part_of_the_configuration_and_pins_it(central: Central, tmp_path: Path) -> None:
    station = forwarder(central, tmp_path / "station")
    assert not station.city.settings.links  # its own file says only where the central is
    assert station.pull()
    assert not station.city.settings.links  # what is pulled counts from the next start on
    station = forwarder(central, tmp_path / "station")
    assert [link.id for link in station.city.settings.links] == ["north-line"]
    assert set(station.city.meter) == {"m-north"}
    assert station.city.settings.limits[0].maximum == 500
    assert station.city.settings.stations == ()  # no hash of a token leaves the central
    whole = load(Environment(city=central.folder / "city.toml", home=tmp_path / "x"))
    assert station.origin == f"north/{digest(bundle(whole, whole.settings.stations[0]))}"
    again = forwarder(central, tmp_path / "station")  # after a restart, without asking
    assert again.origin == station.origin
    assert not again.pull()


def test_the_city_s_own_register_maps_come_with_the_configuration(made: Central, tmp_path: Path) -> None:
    (made.folder / "devices").mkdir()
    shipped = (SHIPPED / "electricity-meter.toml").read_text(encoding="utf-8")
    (made.folder / "devices" / "ours.toml").write_text(shipped, encoding="utf-8")
    city = made.folder / "city.toml"
    city.write_text(city.read_text(encoding="utf-8").replace('"electricity-meter"', '"ours"', 1), encoding="utf-8")
    with made.running():
        forwarder(made, tmp_path / "station").pull()
    assert set(forwarder(made, tmp_path / "station").city.models) == {"ours"}


def test_a_broken_configuration_is_refused_and_the_one_before_stays(central: Central, tmp_path: Path) -> None:
    station = forwarder(central, tmp_path / "station")
    assert station.pull()
    pinned = Pinned(Environment(city=tmp_path / "station" / "city.toml", home=tmp_path / "station" / "home"))
    name = pinned.name
    good = json.loads((tmp_path / "station" / "home" / "config" / f"{name}.json").read_text())["city.toml"]
    for text, sentence in [
        (good.replace("unit = 1", "unit = 999"), "unit"),
        (good.replace('model = "electricity-meter"', 'model = "unheard-of"'), "not found; allowed: one of"),
        (CITY, "has no link to read"),
        ("[city", "TOML"),
    ]:
        with pytest.raises(PenstockError, match=sentence):
            pinned.pin(json.dumps({"city.toml": text}).encode())
        assert pinned.name == name
    for files in ({"../city.toml": good}, {"city.toml": good, "devices/../../x.toml": "x"}, {"city.toml": 5}, [1]):
        with pytest.raises(PenstockError, match="allowed: a bundle as the central makes it"):
            pinned.pin(json.dumps(files).encode())
    assert pinned.load().settings.links[0].id == "north-line"
    (tmp_path / "station" / "home" / "config" / f"{name}.json").write_text("{}")
    with pytest.raises(PenstockError, match="was changed on this machine"):
        pinned.load()


def test_readings_taken_under_an_earlier_configuration_are_taken_still(made: Central, tmp_path: Path) -> None:
    with made.running():
        forwarder(made, tmp_path / "station").pull()
        station = forwarder(made, tmp_path / "station")
    city = made.folder / "city.toml"  # the meter is renamed while the line is down
    city.write_text(city.read_text(encoding="utf-8").replace("m-north", "m-new"), encoding="utf-8")
    with made.running(made.port), Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        spool.append(slot(0))
        assert station.forward(spool) == 1
        assert station.pull()
        assert set(forwarder(made, tmp_path / "station").city.meter) == {"m-new"}


def test_a_station_must_show_a_certificate_where_the_central_asks_for_one(made: Central, tmp_path: Path) -> None:
    folder = tmp_path / "station"
    folder.mkdir()
    issued = made.authority.issue_cert("north.station")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "own.pem"))
    with made.running(client_ca=made.folder / "ca.pem"), Spool(tmp_path / "spool.db") as spool:
        bare = forwarder(made, folder)
        spool.append(slot(0))
        assert bare.forward(spool) == 0
        shown = forwarder(made, folder, client_certificate="own.pem")
        assert shown.forward(spool) == 1


class Clock:
    """A wall clock that can be set, and a steady one that cannot."""

    def __init__(self) -> None:
        self.steady, self.ahead = 1000.0, 0.0

    def watch(self, tolerance_s: float = 5) -> ClockWatch:
        return ClockWatch(tolerance_s, lambda: 1.6e9 + self.steady + self.ahead, lambda: self.steady)


def test_a_clock_that_is_off_by_more_than_its_tolerance_is_told_and_marks_readings() -> None:
    clock = Clock()
    watch = clock.watch()
    frame = slot(0, n=3).assign(quality=[VALID, missing(Cause.TIMEOUT), VALID])
    watch.compare(watch.now() - 0.2, watch.now(), watch.now() - 0.1 + 4.9)
    assert watch.problem() is None
    assert watch.mark(frame) is frame
    watch.compare(watch.now() - 0.2, watch.now(), watch.now() - 0.1 - 60)
    assert "60.0 s ahead of the central's" in str(watch.problem())
    marked = watch.mark(frame)
    assert [cause_of(q) for q in marked["quality"]] == [Cause.CLOCK, Cause.TIMEOUT, Cause.CLOCK]  # the first cause stays
    assert not usable(marked["quality"].to_numpy()).any()
    assert marked["value"].equals(frame["value"])


def test_a_jump_of_the_wall_clock_is_noticed_between_two_exchanges_and_forgiven_when_set_right() -> None:
    clock = Clock()
    watch = clock.watch()
    clock.steady += 3600  # an hour passes on both
    assert watch.problem() is None
    clock.ahead = 600
    assert "600.0 s ahead of where it was at the start" in str(watch.problem())
    watch.compare(watch.now(), watch.now(), watch.now() - 600)
    assert watch.offset_s == pytest.approx(-600)
    clock.ahead = 0  # set right
    assert watch.offset_s == pytest.approx(0)
    assert watch.problem() is None


def test_a_slow_exchange_cannot_condemn_a_clock() -> None:
    watch = Clock().watch(tolerance_s=1)
    watch.compare(watch.now() - 20, watch.now(), watch.now() - 14)  # 4 s off the middle, but 10 s uncertain
    assert watch.problem() is None


def test_the_clock_is_compared_with_the_central_at_each_exchange(central: Central, tmp_path: Path) -> None:
    station = forwarder(central, tmp_path / "station")
    station.pull()
    assert station._clock.compared
    assert abs(station._clock.offset_s) < 1
    station._clock._wall = lambda: time.time() + 3600  # this machine's clock is set
    with Spool(tmp_path / "spool.db", origin=station.origin) as spool:
        spool.append(station.prepare(slot(0)))
        assert "3,600.0 s ahead" in str(station.alarms(spool, SLOT)[0])
        assert cause_of(int(spool.oldest()[1]["quality"].iloc[0])) == Cause.CLOCK
        station.forward(spool)
    assert station._clock.offset_s == pytest.approx(-3600, abs=1)


def test_settings_survive_their_way_into_toml() -> None:
    tables = {
        "city": {
            "id": "x",
            "text": 'quote " back \\ line\nDEL \x7f 水',
            "n": 1,
            "f": 1e-7,
            "yes": True,
            "day": SLOT.date(),
        },
        "rows": [{"list": [1, 2], "table": {"a b": 1.5, "c": [{"d": "e"}]}}, {"none": []}],
    }
    assert toml(tables).startswith("[city]")  # it checks itself that nothing changed


def test_dead_bands_are_part_of_the_pulled_configuration(made: Central, tmp_path: Path) -> None:
    city = made.folder / "city.toml"
    text = city.read_text(encoding="utf-8").replace('link = "north-line"\nsite', 'link = "north-line"\nstep_s = 60\nsite')
    city.write_text(text + '[[reporting]]\npoint = "m-north.power"\ndeadband = 10\n', encoding="utf-8")
    with made.running():
        forwarder(made, tmp_path / "station").pull()
        station = forwarder(made, tmp_path / "station")
    assert station.city.points["m-north.power"].step_s == 900
    assert station.city.points["m-north.energy"].step_s == 60
    frame = pd.concat([slot(0, n=61).iloc[[0, 5, 9, 11, 60]]], ignore_index=True)
    assert station.prepare(frame)["value"].tolist() == [0, 11, 60]
