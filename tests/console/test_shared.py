"""What sessions share is made once, is never older than promised, and cannot be spoilt by one for another."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from weakref import ref

import pandas as pd
import pytest

from console.shared import Shared


class Clock:
    """A clock that stands until it is told to go on [s]."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_twenty_sessions_that_ask_at_once_make_a_value_once() -> None:
    shared, made, together = Shared(), [], Barrier(20)

    def ask(_: int) -> int:
        together.wait()
        return shared.get("key", 10, lambda: made.append(1) or len(made))

    with ThreadPoolExecutor(20) as sessions:
        assert list(sessions.map(ask, range(20))) == [1] * 20
    assert made == [1]


def test_a_value_is_made_anew_when_it_is_as_old_as_it_may_be() -> None:
    clock = Clock()
    shared = Shared(clock=clock)
    assert [shared.get("key", 10, lambda value=value: value) for value in (1, 2)] == [1, 1]
    clock.now = 10.0
    assert shared.get("key", 10, lambda: 3) == 3


@pytest.mark.parametrize(("age_s", "waits"), [(12.0, False), (30.0, True)])
def test_while_one_makes_it_anew_others_see_the_last_value_unless_it_is_three_times_too_old(age_s: float, waits: bool) -> None:
    clock, begun, go_on = Clock(), Event(), Event()
    shared = Shared(clock=clock)
    shared.get("key", 10, lambda: "old")
    clock.now = age_s

    def slow() -> str:
        begun.set()
        assert go_on.wait(5)
        return "new"

    with ThreadPoolExecutor(2) as sessions:
        first = sessions.submit(shared.get, "key", 10, slow)
        assert begun.wait(5)
        second = sessions.submit(shared.get, "key", 10, lambda: "a second one was made")
        if waits:
            go_on.set()
        assert second.result(5) == ("new" if waits else "old")
        go_on.set()
        assert first.result(5) == "new"


def test_what_was_being_made_before_a_decision_is_not_seen_after_it() -> None:
    shared, begun, go_on = Shared(), Event(), Event()

    def before() -> str:
        begun.set()
        assert go_on.wait(5)
        return "before the decision"

    with ThreadPoolExecutor(1) as session:
        running = session.submit(shared.get, "key", 10, before)
        assert begun.wait(5)
        shared.forget()
        assert shared.get("key", 10, lambda: "after it") == "after it"
        go_on.set()
        assert running.result(5) == "before the decision"
    assert shared.get("key", 10, lambda: "made again") == "after it"


def test_what_fails_is_not_kept() -> None:
    shared = Shared()
    with pytest.raises(ZeroDivisionError):
        shared.get("key", 10, lambda: 1 // 0)
    assert shared.get("key", 10, lambda: 1) == 1


def test_a_frame_that_one_session_changes_is_as_it_was_for_the_next() -> None:
    shared = Shared()
    mine = shared.get("key", 10, lambda: pd.DataFrame({"value": [1, 2]}))
    mine["value"] = 0
    mine.loc[0, "value"] = 7
    assert shared.get("key", 10, pd.DataFrame)["value"].tolist() == [1, 2]


def test_no_more_values_are_kept_than_there_is_room_for_and_the_oldest_go_first() -> None:
    clock = Clock()
    shared = Shared(room=8, clock=clock)
    for i in range(20):
        clock.now = float(i)
        shared.get(i, 1000, lambda i=i: i)
    assert shared.get(19, 1000, lambda: "made again") == 19
    assert shared.get(0, 1000, lambda: "made again") == "made again"


def test_when_the_session_that_makes_a_value_fails_one_of_those_who_wait_makes_it_and_no_lock_stays() -> None:
    shared, begun, go_on = Shared(), Event(), Event()

    def fails() -> str:
        begun.set()
        assert go_on.wait(5)
        raise OSError("the store is gone")

    with ThreadPoolExecutor(5) as sessions:
        first = sessions.submit(shared.get, "key", 10, fails)
        assert begun.wait(5)
        waiting = [sessions.submit(shared.get, "key", 10, lambda: "made") for _ in range(4)]
        go_on.set()
        assert [one.result(5) for one in waiting] == ["made"] * 4
        with pytest.raises(OSError, match="gone"):
            first.result(5)


def test_what_is_too_old_to_be_shown_again_is_let_go_though_there_is_room() -> None:
    clock = Clock()
    shared = Shared(clock=clock)
    made = [pd.Series([1.0])]
    known = ref(made[0])
    shared.get("searched once", 10, made.pop)
    clock.now = 29.0
    shared.get("another", 10, lambda: 1)
    assert known() is not None
    clock.now = 30.0
    shared.get("a third", 10, lambda: 1)
    assert known() is None


def test_what_is_being_made_is_not_let_go_for_want_of_room() -> None:
    shared, begun, go_on = Shared(room=4), Event(), Event()

    def slow() -> str:
        begun.set()
        assert go_on.wait(5)
        return "made once"

    with ThreadPoolExecutor(2) as sessions:
        first = sessions.submit(shared.get, "slow", 10, slow)
        assert begun.wait(5)
        for other in range(10):
            shared.get(other, 10, lambda: 0)
        second = sessions.submit(shared.get, "slow", 10, lambda: "made twice")
        go_on.set()
        assert (first.result(5), second.result(5)) == ("made once", "made once")
