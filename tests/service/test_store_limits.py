"""A PostgreSQL server that is cut off without a word is given up within its limits; nothing that looks at the clock waits for it."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import OperationalError

from city.problems import PenstockError
from service import lease, migrations
from service.night.apart import apart
from service.night.pulse import Pulse
from service.store import open_store
from service.store.limits import LIMITS, limits
from service.store.reading_only import open_reading
from tests.relay import Relay
from tests.town import NOW

on_a_server = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(120)]
cut_off = [*on_a_server, pytest.mark.skipif(sys.platform != "linux", reason="drops packets by Linux's socket filter")]
QUICK = {"tcp_user_timeout": "1500", "keepalives_idle": "1", "keepalives_interval": "1", "keepalives_count": "2", "connect_timeout": "2"}
WITHIN_S = 12  # of the seconds that QUICK allows, on a machine that is busy; the system's own limits are minutes


@pytest.fixture
def relay(postgres_database: str) -> Iterator[Relay]:
    with Relay(postgres_database) as made:
        yield made


def test_sqlite_and_other_drivers_get_nothing() -> None:
    assert limits(make_url("sqlite:///x.db")) == {}
    assert limits(make_url("postgresql+pg8000://db/x")) == {}


def test_what_the_url_sets_is_left_to_it_one_by_one() -> None:
    found = limits(make_url("postgresql+psycopg://db/x?connect_timeout=3&keepalives=0"))
    assert found == {name: value for name, value in LIMITS.items() if name not in ("connect_timeout", "keepalives")}
    assert limits(make_url("postgresql+psycopg://db/x"))["tcp_user_timeout"] == 30_000


@pytest.mark.parametrize("opened", [lambda url: open_store(url, create=True), open_reading])
@pytest.mark.parametrize("query", [{}, {"tcp_user_timeout": "4000"}, {"connect_timeout": "3", "keepalives_count": "9"}])
@pytest.mark.postgres
@pytest.mark.slow
def test_the_limits_reach_the_driver_and_the_socket(relay: Relay, opened: Callable[[str], Engine], query: dict[str, str]) -> None:
    migrations.upgrade(open_store(relay.url(), create=True))
    expected = {name: str(value) for name, value in LIMITS.items()} | query
    with opened(relay.url(**query)).connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        told = driver.info.get_parameters()
        assert {name: told[name] for name in LIMITS} == expected
        with socket.socket(fileno=os.dup(driver.fileno())) as line:  # as the kernel has them
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == int(expected["tcp_user_timeout"])
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == int(expected["keepalives_count"])
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


class TestCutOff:
    pytestmark = cut_off

    def test_a_statement_that_nobody_acknowledges_ends(self, relay: Relay) -> None:
        with open_store(relay.url(**QUICK), create=True).connect() as connection:
            connection.execute(text("SELECT 1"))
            relay.cut()
            began = time.monotonic()
            with pytest.raises(OperationalError):
                connection.execute(text("SELECT 2"))
        assert time.monotonic() - began < WITHIN_S

    def test_who_waits_for_an_answer_finds_out_as_well(self, relay: Relay) -> None:
        with open_store(relay.url(**QUICK), create=True).connect() as connection:
            connection.execute(text("SELECT 1"))
            threading.Timer(1.0, relay.cut).start()  # the statement was acknowledged by then
            began = time.monotonic()
            with pytest.raises(OperationalError):
                connection.execute(text("SELECT pg_sleep(60)"))
        assert time.monotonic() - began < WITHIN_S

    def test_a_server_at_work_for_longer_than_the_limits_is_waited_for(self, relay: Relay) -> None:
        with open_store(relay.url(**QUICK), create=True).connect() as connection:
            assert connection.execute(text("SELECT 7 FROM pg_sleep(5)")).scalar() == 7

    def test_a_server_that_takes_no_connection_is_a_sentence(self, relay: Relay) -> None:
        relay.cut()
        began = time.monotonic()
        with pytest.raises(PenstockError, match="a database that answers"):
            open_store(relay.url(**QUICK))
        assert time.monotonic() - began < WITHIN_S

    def test_a_step_is_ended_at_its_deadline_though_the_lease_cannot_be_renewed(self, relay: Relay, tmp_path: Path) -> None:
        engine = open_store(relay.url(**QUICK), create=True)
        migrations.upgrade(engine)
        pulse = Pulse(engine, lease.take(engine), NOW)
        relay.cut()
        began = time.monotonic()
        assert apart(lambda: time.sleep(200), 1.0, pulse).how == "it was ended after 1 s, its deadline"
        assert time.monotonic() - began < 2 * WITHIN_S
