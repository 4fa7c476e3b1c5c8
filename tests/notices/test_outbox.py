"""The outbox: told once per subject, delivered at least once, in the end given up with a sentence."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from service import schema as t
from service.notices import closing, delivering, outbox
from service.notices.telling import tell
from service.store import results, writing
from tests.notices.conftest import NOW, alarm, night
from tests.notices.receivers import Web

BODY = {"type": "test", "facts": [], "lines": [], "foot": "", "data": {}}


def hook(web: Web, on: str = '["failed", "problems", "alarm-2"]') -> str:
    return f'id = "hook"\nkind = "webhook"\nurl = "{web.url}"\ntimeout_s = 0.5\non = {on}\n'


def rows(engine: Engine) -> list:
    return list(results.rows(engine, t.notice, order=t.notice.c.notice_id))


def test_a_subject_is_written_once_whoever_asks(engine: Engine) -> None:
    for expected in (True, False, False):
        with writing(engine) as connection:
            assert outbox.write(connection, "night town 2022-06-16 failed to hook", "hook", NOW, "Failed", BODY) is expected
    assert len(rows(engine)) == 1


def test_a_night_is_told_once_per_outcome_and_its_mending_too(engine: Engine, city) -> None:
    town = city(hook(Web(), '["failed"]'))
    night(engine, "failed")
    assert (tell(engine, town, NOW), tell(engine, town, NOW)) == (1, 0)
    night(engine, "done", NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=2)
    assert (tell(engine, town, later), tell(engine, town, later)) == (1, 0)  # it was told as failed: so it is told that it is mended
    assert [row.body["type"] for row in rows(engine)] == ["night.failed", "night.done"]


def test_a_night_that_ended_before_its_notice_was_written_is_told_by_the_next_process(engine: Engine, city) -> None:
    night(engine, "problems")  # killed here
    town = city(hook(Web()))
    assert tell(engine, town, NOW + timedelta(hours=3)) == 1
    assert tell(engine, town, NOW + timedelta(days=3)) == 0


def test_a_flood_of_alarms_is_one_notice_and_what_comes_after_it_another(engine: Engine, city) -> None:
    town = city(hook(Web()))
    for number in range(45):
        alarm(engine, 1 + number % 3, f"dma-{number}")
    assert (tell(engine, town, NOW), tell(engine, town, NOW)) == (1, 0)
    (told,) = rows(engine)
    assert "30 new alarms" in told.title  # two thirds of 45 are of priority 1 or 2
    assert len(told.body["lines"]) == 21
    assert told.body["lines"][-1] == "and 10 more"
    alarm(engine, 3, "dma-a")
    assert tell(engine, town, NOW) == 0
    alarm(engine, 2, "dma-b")
    assert tell(engine, town, NOW) == 1


def test_a_channel_is_not_told_that_it_cannot_be_told(engine: Engine, city) -> None:
    town = city(hook(Web()))
    alarm(engine, 1, "hook", kind="notice_given_up")
    assert tell(engine, town, NOW) == 0


def test_a_claimed_notice_is_not_taken_twice_and_comes_back_when_its_sender_died(engine: Engine) -> None:
    with writing(engine) as connection:
        outbox.write(connection, "one", "hook", NOW, "One", BODY)
    taken = outbox.claim(engine, NOW)
    assert taken is not None
    assert outbox.claim(engine, NOW + timedelta(minutes=1)) is None  # another process leaves it alone
    again = outbox.claim(engine, NOW + outbox.CLAIM)  # the first one died between sending and recording
    assert again is not None
    assert (again.stable_id, again.attempts) == (taken.stable_id, 2)
    outbox.delivered(engine, again, NOW, "")
    assert outbox.claim(engine, NOW + timedelta(days=9)) is None


def test_a_clock_that_was_a_year_ahead_holds_no_notice_back(engine: Engine) -> None:
    with writing(engine) as connection:
        outbox.write(connection, "one", "hook", NOW + timedelta(days=365), "One", BODY)
    assert outbox.claim(engine, NOW) is not None


@given(st.integers(1, 1000))
def test_pauses_grow_to_half_an_hour_and_never_beyond(attempts: int) -> None:
    longest = min(outbox.FIRST * 2 ** min(attempts - 1, 16), outbox.MOST)
    assert longest / 2 <= outbox.pause(attempts) <= longest <= timedelta(minutes=30)


def test_a_server_that_is_down_for_an_hour_gets_the_notice_when_it_is_back(engine: Engine, city) -> None:
    web = Web()
    town = city(hook(web))
    night(engine, "failed")
    tell(engine, town, NOW)
    at = NOW
    for _ in range(6):
        made = delivering.deliver(engine, town, at, most=9, seconds=9)
        assert (made.sent, len(made.problems)) == (0, 1)
        assert "refused" in str(made.problems[0])
        at = rows(engine)[0].next_utc
    with web.up():
        assert delivering.deliver(engine, town, at - timedelta(seconds=1), most=9, seconds=9).sent == 0  # not before its time
        assert delivering.deliver(engine, town, at, most=9, seconds=9).sent == 1
    (told,) = rows(engine)
    assert (told.attempts, told.next_utc, told.error) == (7, None, "")
    assert len(web.taken) == 1


def test_after_a_day_it_is_given_up_with_a_sentence_and_a_retry_brings_it_back(engine: Engine, city) -> None:
    web = Web()
    town = city(hook(web))
    night(engine, "failed")
    tell(engine, town, NOW)
    late = NOW + outbox.GIVE_UP
    assert delivering.deliver(engine, town, late, most=9, seconds=9).waiting == 0
    (told,) = rows(engine)
    assert told.next_utc is None
    assert told.error.startswith("given up after 1 try: notify hook")
    from service.notices.listing import state

    assert list(state(engine, late)["given_up"]) == ["hook"]
    with web.up():
        assert outbox.again(engine, late) == 1
        assert delivering.deliver(engine, town, late, most=9, seconds=9).sent == 1
    assert state(engine, late)["given_up"] == {}


def test_a_channel_that_is_gone_from_the_city_file_is_given_up_at_once(engine: Engine, city) -> None:
    web = Web()
    with writing(engine) as connection:
        outbox.write(connection, "one", "former", NOW, "One", BODY)
    delivering.deliver(engine, city(hook(web)), NOW, most=9, seconds=9)
    assert "no such channel" in rows(engine)[0].error
    assert rows(engine)[0].next_utc is None


def test_one_dead_channel_does_not_hold_up_another(engine: Engine, city) -> None:
    web, dead = Web(), Web()
    town = city(hook(web), hook(dead).replace('"hook"', '"dead"'), secrets={"hook": "k" * 24, "dead": "k" * 24})
    with writing(engine) as connection:
        for number in range(5):
            outbox.write(connection, f"dead {number}", "dead", NOW, "One", BODY)
        outbox.write(connection, "one", "hook", NOW, "One", BODY)
    with web.up():
        made = delivering.deliver(engine, town, NOW, most=50, seconds=9)
    assert (made.sent, len(made.problems)) == (1, 1)  # the dead one was tried once, not five times


def test_a_server_that_is_away_is_asked_once_however_many_notices_wait(engine: Engine, city) -> None:
    town = city(hook(Web()))
    with writing(engine) as connection:
        for number in range(5):
            outbox.write(connection, f"one {number}", "hook", NOW, "One", BODY)
    made = [delivering.deliver(engine, town, NOW + timedelta(seconds=second), most=1, seconds=9) for second in range(10)]
    assert sum(len(one.problems) for one in made) == 1


def test_what_nobody_foresaw_is_a_failed_delivery_and_comes_to_its_end(engine: Engine, city) -> None:
    town = city(hook(Web()).replace("127.0.0.1", "localhost").replace("http://localhost", f"https://{'a' * 64}.example"))
    with writing(engine) as connection:
        outbox.write(connection, "one", "hook", NOW, "One", BODY)
    made = delivering.deliver(engine, town, NOW + outbox.GIVE_UP, most=9, seconds=9)  # a label of 64 letters is no host name
    assert len(made.problems) == 1
    (row,) = rows(engine)
    assert (row.next_utc, row.error.startswith("given up")) == (None, True)


def test_alarms_behind_a_restored_backup_are_no_doubles_of_those_that_had_their_numbers(engine: Engine, city) -> None:
    town, ids = city(hook(Web())), set()
    for when in (NOW, NOW + timedelta(hours=1)):
        alarm(engine, 1, "dma-a", when=when)
        assert tell(engine, town, when) == 1
        ids.add(outbox.waiting(rows(engine)[0]).stable_id)
        with writing(engine) as connection:  # the backup was made before both
            for table in (t.notice, t.alarm_event, t.alarm):
                connection.execute(table.delete())
    assert len(ids) == 2


def test_what_a_long_night_sends_is_not_due_for_another_process_meanwhile(engine: Engine, city) -> None:
    town, run = city(hook(Web())), night(engine, "failed")
    with writing(engine) as connection:
        connection.execute(t.run.update().values(ended_utc=NOW + timedelta(minutes=30)))
    closing.told(town, engine, run)  # its server is away: it is tried again later than the night ended
    (row,) = rows(engine)
    assert (row.made_utc, row.next_utc > NOW + timedelta(minutes=30)) == (NOW + timedelta(minutes=30), True)


@pytest.mark.postgres
@pytest.mark.slow
def test_on_postgresql_as_well(postgres_database: str) -> None:
    from service import migrations
    from service.store import open_store

    engine = open_store(postgres_database, create=True)
    migrations.upgrade(engine)
    for expected in (True, False):
        with writing(engine) as connection:
            assert outbox.write(connection, "one", "hook", NOW, "One", BODY) is expected
    taken = outbox.claim(engine, NOW)
    assert taken is not None
    assert outbox.claim(engine, NOW) is None
    assert outbox.failed(engine, taken, NOW, "no") is False
    assert outbox.again(engine, NOW) == 1
