"""Poll, work, the night and people at once: every alarm begins once, and no acknowledgement is lost."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from service import rounds
from service import schema as t
from service.alarms import deeds
from service.alarms.refresh import refresh
from service.alarms.states import State
from service.store import operations
from tests.alarms.conftest import OPERATOR, SLOT, Bench


def test_processes_and_people_at_once_neither_double_an_alarm_nor_undo_what_somebody_did(bench: Bench) -> None:
    bench.slot("m1", "m3", slots=2)
    m1, m3 = bench.id_of("m1"), bench.id_of("m3")
    operations.place_hold(bench.engine, operations.STOP, "wang.li", bench.now_utc, "smoke")
    at = bench.now_utc
    jobs = [
        lambda: refresh(bench.engine, bench.city, at),
        lambda: refresh(bench.engine, bench.city, at - SLOT),  # a process whose clock is late
        lambda: refresh(bench.engine, bench.city, at, ("control",)),
        lambda: rounds.make(bench.engine, bench.city, at) and None,
        lambda: deeds.acknowledge(bench.engine, OPERATOR, [m1], at),
        lambda: deeds.acknowledge(bench.engine, OPERATOR, [m1, m3], at),
    ]
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs * 2]:
            done.result()
    assert bench.states() == {
        "silent m1": State.ACKNOWLEDGED,
        "silent m3": State.ACKNOWLEDGED,
        f"emergency_stop {operations.STOP}": State.UNACKNOWLEDGED,
    }
    assert bench.journal(operations.STOP) == [("alarm", State.UNACKNOWLEDGED)]
    assert [event for event, _ in bench.journal("m1")] == ["alarm", "acknowledge"]
    with bench.engine.connect() as connection:
        number = connection.execute(select(func.count()).select_from(t.audit).where(t.audit.c.action == "alarm acknowledge")).scalar()
    assert number in (1, 2)  # of both together, or of one and then the other
