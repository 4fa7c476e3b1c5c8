"""Floods by hand, and the list that stays readable without losing an alarm."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.alarms.flood import ENDS_BELOW, WINDOW, flood_at, floods, grouped
from service.alarms.shown import Shown
from service.alarms.states import State

T = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def alarm(number: int, kind: str = "silent", priority: int = 3, group: str = "", source: str = "") -> Shown:
    since = T + number * timedelta(seconds=1)
    return Shown(number, kind, f"m{number}", priority, State.UNACKNOWLEDGED, since, group=group, source=source or f"m{number}")


def test_a_flood_begins_with_the_tenth_annunciation_in_ten_minutes_and_ends_below_five() -> None:
    times = [T + i * MINUTE for i in range(10)]  # one a minute from 8:00: the tenth at 8:09
    # At 8:16 those of 8:00 to 8:06 have left the window: of 8:07, 8:08 and 8:09 three are left; at 8:15 four are, below five.
    assert floods(times) == [(T + 9 * MINUTE, T + 15 * MINUTE)]
    assert floods(times[:9]) == []
    assert flood_at(times, T + 8 * MINUTE) is None
    assert flood_at(times, T + 14 * MINUTE) == T + 9 * MINUTE
    assert flood_at(times, T + 15 * MINUTE) is None


def test_two_operator_positions_bear_twice_as_many() -> None:
    times = [T + i * MINUTE / 2 for i in range(19)]
    assert len(floods(times)) == 1
    assert floods(times, positions=2) == []
    assert len(floods([*times, T + 9.5 * MINUTE], positions=2)) == 1


@given(st.lists(st.integers(0, 7200), max_size=60).map(sorted), st.integers(1, 3))
def test_in_a_flood_there_are_always_five_in_ten_minutes_and_outside_never_ten(seconds: list[int], positions: int) -> None:
    times = [T + timedelta(seconds=s) for s in seconds]
    spans = floods(times, positions)
    for at in times:
        within = sum(at - WINDOW < time <= at for time in times)
        inside = any(begin <= at and (end is None or at < end) for begin, end in spans)
        assert inside or within < 10 * positions
        assert not inside or within >= ENDS_BELOW * positions
    assert all(end is not None and begin < end for begin, end in spans)


def test_consequences_stand_under_their_cause_and_the_lowest_priority_is_one_line_per_kind_during_a_flood() -> None:
    rows = [
        alarm(1, "link_down", 2, source="l1"),
        *(alarm(i, group="link_down l1") for i in range(2, 7)),
        *(alarm(i) for i in range(7, 10)),
        alarm(10, "burst", 1),
    ]
    calm, flood = grouped(rows, flood=False), grouped(rows, flood=True)
    assert [(row.kind, row.count) for row in calm] == [("burst", 1), ("link_down", 6), *[("silent", 1)] * 3]
    assert [(row.kind, row.count) for row in flood] == [("burst", 1), ("link_down", 6), ("silent", 3)]


def test_more_than_a_dozen_of_a_kind_are_one_line_also_without_a_flood() -> None:
    assert [row.count for row in grouped([alarm(i) for i in range(12)], flood=False)] == [1] * 12
    assert [row.count for row in grouped([alarm(i) for i in range(13)], flood=False)] == [13]


@given(
    st.lists(
        st.tuples(st.sampled_from(["silent", "breach", "link_down"]), st.integers(1, 3), st.sampled_from(["", "link_down m0"])), max_size=40
    ),
    st.booleans(),
)
def test_whatever_is_grouped_every_alarm_is_there_once(kinds: list[tuple[str, int, str]], flood: bool) -> None:
    rows = [alarm(i, kind, priority, group) for i, (kind, priority, group) in enumerate(kinds)]
    lines = grouped(rows, flood=flood)
    assert sorted(number for line in lines for number in line.ids) == list(range(len(rows)))
    assert all(line.count == len(line.ids) for line in lines)
