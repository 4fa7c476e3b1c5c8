"""What a transaction reads is of one moment, on both databases; what waits for a lock goes on with what the other one wrote."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, event, func, select

from service import schema as t
from service.cases import opening
from service.cases.levels import CaseSettings
from service.cases.states import STATES
from service.cases.store import listed
from service.store import writing
from service.store.reading_only import open_reading
from tests.town import MIDNIGHT_UTC

HOW_MANY = select(func.count()).select_from(t.work_case)


def open_one(engine: Engine, source: str) -> int:
    with writing(engine) as connection:
        return opening.open_case(connection, "outage", source, "feeder-3", MIDNIGHT_UTC, "No power.", "old-town")


def same(engine: Engine) -> Engine:
    return engine


def reading(engine: Engine) -> Engine:
    return open_reading(engine.url.render_as_string(hide_password=False))


@pytest.mark.parametrize("opened", [same, reading])
def test_a_second_look_of_a_transaction_finds_what_the_first_found(engine: Engine, opened: Callable[[Engine], Engine]) -> None:
    open_one(engine, "out-1")
    looking = opened(engine)
    with looking.connect() as connection:
        assert connection.execute(HOW_MANY).scalar() == 1
        open_one(engine, "out-2")
        assert connection.execute(HOW_MANY).scalar() == 1
    with looking.connect() as connection:
        assert connection.execute(HOW_MANY).scalar() == 2
    looking.dispose()


def test_a_case_opened_while_the_cases_are_read_is_not_half_read(engine: Engine) -> None:
    open_one(engine, "out-1")
    others = ["out-2"]

    def open_another(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if others and "FROM work_case" in statement:
            open_one(engine, others.pop())

    event.listen(engine, "after_cursor_execute", open_another)
    assert [case.source_id for case in listed(engine, CaseSettings(), states=STATES)] == ["out-1"]
    event.remove(engine, "after_cursor_execute", open_another)
    told = {case.source_id: len(case.events) for case in listed(engine, CaseSettings(), states=STATES)}
    assert told == {"out-1": 1, "out-2": 1}


def test_a_writer_sees_what_was_written_since_it_began(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("nobody else writes while one writes")
    with writing(engine) as connection:
        assert connection.execute(HOW_MANY).scalar() == 0
        open_one(engine, "out-1")
        assert connection.execute(HOW_MANY).scalar() == 1
