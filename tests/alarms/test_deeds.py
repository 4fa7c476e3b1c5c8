"""What people do: only what they saw, only with the role and in their district, and never without an audit line."""

from datetime import timedelta

import pytest

from city.problems import PenstockError
from service import schema as t
from service.alarms import deeds
from service.alarms.listing import overview, put_aside
from service.alarms.settings import Alarms
from service.store import operations, results
from tests.alarms.conftest import EAST, ENGINEER, OPERATOR, VIEWER, Bench

RULES = Alarms()
HOUR = timedelta(hours=1)


def audit(bench: Bench) -> list[tuple[str, str, str]]:
    return [(row.who, row.action, row.subject) for row in operations.audit(bench.engine)]


def test_an_acknowledgement_is_kept_with_its_name_and_audited(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    number = bench.id_of("m1")
    assert deeds.acknowledge(bench.engine, OPERATOR, [number], bench.now_utc) == 1
    assert deeds.acknowledge(bench.engine, OPERATOR, [number], bench.now_utc) == 0  # it was before: nothing changes
    (alarm,) = bench.shown()
    assert (alarm.state, alarm.acknowledged_by) == ("acknowledged", "wang.li")
    assert audit(bench) == [("wang.li", "alarm acknowledge", f"silent m1 (#{number})")]
    bench.slot(slots=2)
    assert bench.states() == {}  # over and seen


def test_acknowledging_the_list_leaves_alone_what_came_after_it_was_shown(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    on_screen, shown_utc = [alarm.alarm_id for alarm in bench.shown()], bench.now_utc
    bench.slot("m1", "m3", slots=2)
    later = bench.id_of("m3")
    assert deeds.acknowledge(bench.engine, OPERATOR, [*on_screen, later], bench.now_utc, shown_utc) == 1
    assert bench.states() == {"silent m1": "acknowledged", "silent m3": "unacknowledged"}


def test_one_that_went_and_came_again_since_it_was_shown_is_not_acknowledged(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    number, shown_utc = bench.id_of("m1"), bench.now_utc
    bench.slot(slots=2)
    bench.slot("m1", slots=2)
    assert bench.states() == {"silent m1": "unacknowledged"}
    assert deeds.acknowledge(bench.engine, OPERATOR, [number], bench.now_utc, shown_utc) == 0


def test_a_viewer_and_an_operator_of_another_district_are_refused_and_that_is_audited(bench: Bench) -> None:
    bench.slot("m1", "m3", slots=2)
    with pytest.raises(PenstockError, match="guest is signed in as viewer"):
        deeds.acknowledge(bench.engine, VIEWER, [bench.id_of("m1")], bench.now_utc)
    with pytest.raises(PenstockError, match=r"zhao\.min is bound to east"):
        deeds.acknowledge(bench.engine, EAST, [bench.id_of("m1"), bench.id_of("m3")], bench.now_utc)
    assert bench.states() == {"silent m1": "unacknowledged", "silent m3": "unacknowledged"}
    assert [(who, action) for who, action, _ in audit(bench)] == [("zhao.min", "alarm refused"), ("guest", "alarm refused")]
    assert [(alarm.subject, alarm.own) for alarm in bench.shown(EAST)] == [("m1", True), ("m3", False)]  # own first
    assert deeds.acknowledge(bench.engine, EAST, [bench.id_of("m1")], bench.now_utc) == 1


@pytest.mark.parametrize(
    ("person", "hours", "reason", "said"),
    [
        (OPERATOR, 9, "noise", "chen|engineer"),  # longer than a shift of 8 h
        (OPERATOR, 1, "  ", "no reason"),
        (ENGINEER, 31 * 24, "noise", "up to"),
        (OPERATOR, 0, "noise", "after"),
        (VIEWER, 1, "noise", "signed in as viewer"),
    ],
)
def test_shelving_needs_an_end_a_reason_and_for_more_than_a_shift_an_engineer(bench: Bench, person, hours, reason, said) -> None:
    bench.slot("m1", slots=2)
    with pytest.raises(PenstockError, match=said):
        deeds.shelve(bench.engine, RULES, person, bench.id_of("m1"), bench.now_utc, bench.now_utc + hours * HOUR, reason)
    assert bench.states() == {"silent m1": "unacknowledged"}


def test_an_engineer_may_shelve_for_days_and_take_out_of_service_what_stays_out(bench: Bench) -> None:
    bench.slot("m1", "m3", slots=2)
    m1, m3 = bench.id_of("m1"), bench.id_of("m3")
    deeds.shelve(bench.engine, RULES, ENGINEER, m1, bench.now_utc, bench.now_utc + 48 * HOUR, "waits for a part")
    deeds.out_of_service(bench.engine, ENGINEER, m3, bench.now_utc, "meter is taken down")
    with pytest.raises(PenstockError, match="engineer"):
        deeds.out_of_service(bench.engine, OPERATOR, m1, bench.now_utc, "me too")
    bench.slot("m1", slots=2)  # m3 answers again: an alarm that is out of service says nothing of it
    assert bench.states() == {"silent m1": "shelved", "silent m3": "out-of-service"}
    assert bench.shown() == []
    assert [(one.subject, one.reason) for one in put_aside(bench.engine)] == [("m1", "waits for a part"), ("m3", "meter is taken down")]
    assert overview(bench.engine, bench.now_utc).hidden == {("shelved", 3): 1, ("out-of-service", 3): 1}
    deeds.unshelve(bench.engine, OPERATOR, m1, bench.now_utc)
    deeds.restore(bench.engine, ENGINEER, m3, bench.now_utc)
    assert bench.states() == {"silent m1": "unacknowledged"}
    actions = [action for _, action, _ in audit(bench)]
    assert actions == ["alarm restore", "alarm unshelve", "alarm-out refused", "alarm remove", "alarm shelve"]


def test_a_wrong_number_is_told(bench: Bench) -> None:
    with pytest.raises(PenstockError, match="alarm 99: no alarm of this number lasts"):
        deeds.acknowledge(bench.engine, OPERATOR, [99], bench.now_utc)
    assert results.rows(bench.engine, t.alarm_event) == []
