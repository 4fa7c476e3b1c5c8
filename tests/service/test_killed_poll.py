"""A poll that was killed goes on where it was: no slot left out, none read twice, and what is due in the last one is still written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from city.clock import QUARTER
from city.quality import VALID
from meters.spool.spool import Spool
from service import acquisition
from service import schema as t
from service.acquisition import StoreOutlet, devices
from service.environment import Environment
from service.kept import last_kept
from service.settings import load
from service.store import open_store, operations, readings, results
from tests.meters.gateway import Gateway
from tests.service.control_bench import propose
from tests.town import Town

SLOT = datetime(2022, 6, 15, 22, 0, tzinfo=UTC)  # local midnight
POINT = "sun.setpoint"


class Killed(BaseException):
    """Stands for SIGKILL at a line of the code; benchmarks/chaos.py sends the real one at random moments."""


@pytest.fixture
def gateway():
    with Gateway() as one:
        yield one


@pytest.fixture
def town(tmp_path: Path, gateway: Gateway) -> Town:
    made = Town(tmp_path, port=gateway.port, days=0).without("imports").write()
    made.penstock("init")
    return made


def poll(town: Town, start: datetime = SLOT, until: datetime = SLOT) -> None:
    assert town.penstock("poll", "--now", start.isoformat(), "--until", until.isoformat()).code == 0


def killed_poll(town: Town, where: object, method: str, until: datetime = SLOT) -> None:
    """Poll up to `until`, and die where `method` would have begun in the last slot."""
    true, slots = getattr(where, method), iter(range(int((until - SLOT) / QUARTER)))

    def dying(*words: object) -> object:
        if next(slots, None) is None:
            raise Killed
        return true(*words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, method, dying)
        with pytest.raises(Killed):
            poll(town, SLOT, until)


def read(town: Town) -> pd.DataFrame:
    return readings.hot(open_store(town.database), ["hall.energy", "hall.power"], SLOT - timedelta(days=1), SLOT + timedelta(days=1))


def test_a_command_that_is_due_in_the_slot_a_poll_was_killed_in_is_written_when_it_is_started_again(town: Town, gateway: Gateway) -> None:
    engine = open_store(town.database)
    propose(engine, (0.0, SLOT, SLOT + QUARTER))
    operations.approve(engine, "plan-1", "ada", SLOT, "")
    killed_poll(town, acquisition, "execute_due")
    assert not gateway.written
    poll(town)
    assert {row.state for row in results.rows(engine, t.command)} != {"approved"}
    assert gateway.written


def test_readings_that_were_in_the_spool_when_a_poll_was_killed_are_stored_once_and_not_read_again(town: Town, gateway: Gateway) -> None:
    killed_poll(town, StoreOutlet, "deliver", SLOT + QUARTER)
    assert Spool(town.folder / "spool.db").depth() == 1
    asked = len(gateway.asked)
    poll(town, SLOT, SLOT + QUARTER)
    assert len(gateway.asked) == asked
    assert list(read(town)["time_utc"]) == [SLOT, SLOT + QUARTER] * 2
    assert not results.rows(open_store(town.database), t.conflict)


def test_a_value_of_a_later_time_that_came_by_another_road_hides_no_slot(town: Town) -> None:
    poll(town)
    frame = pd.DataFrame({"point_id": ["inflow.volume"], "quantity": "volume_m3", "value": 9.0, "quality": VALID})
    for name in ("time_utc", "received_at_utc"):
        frame[name] = pd.Series([SLOT + 8 * QUARTER]).astype("datetime64[us, UTC]")
    with Spool(town.folder / "spool.db") as spool:
        spool.append(frame)
    poll(town, SLOT, SLOT + 4 * QUARTER)
    assert len(read(town)) == 2 * 5


def test_the_newest_slot_that_is_kept_is_told_by_step_from_store_and_spool(town: Town) -> None:
    killed_poll(town, StoreOutlet, "deliver", SLOT + QUARTER)
    city, engine = load(Environment(city=town.file, home=town.folder)), open_store(town.database)
    with Spool(town.folder / "spool.db") as spool:
        assert last_kept(engine, spool, devices(city)) == {900: SLOT + QUARTER}
        spool.acknowledge(spool.waiting_batches()[0].batch_id)
        assert last_kept(engine, spool, devices(city)) == {900: SLOT}
        assert last_kept(open_store("sqlite://", create=True), spool, devices(city)) == {}
