"""Known events: checked whole, audited, cancelled but never deleted; only an operator enters one in the console."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from city.problems import PenstockError
from service import decisions, known_events
from service import schema as t
from service.decisions import Person
from service.environment import Environment
from service.known_events import Entry
from service.settings import LoadedCity, load
from service.store import open_store
from tests.town import Town

NOW = datetime(2022, 6, 15, 22, 30, tzinfo=UTC)
SOON = NOW + timedelta(hours=12)
LAST = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
FAIR = Entry("festival", "old-town", SOON, SOON + timedelta(hours=6), "midsummer fair", like="sunday")


@pytest.fixture
def made(town: Town) -> tuple[Engine, LoadedCity]:
    return open_store(town.database), load(Environment(city=town.file, home=town.folder))


def audit(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(t.audit.c.action, t.audit.c.sentence).order_by(t.audit.c.audit_id))]


def test_a_subject_is_a_point_a_meter_a_zone_a_kind_or_everything(made: tuple[Engine, LoadedCity]) -> None:
    _, city = made
    assert known_events.series_of(city, "hall.energy") == ("hall.energy",)
    assert known_events.series_of(city, "hall") == ("hall.energy",)
    assert known_events.series_of(city, "old-town") == ("inflow.volume",)
    assert known_events.series_of(city, "pv") == ("sun.energy",)
    assert known_events.series_of(city, "all") == ("hall.energy", "sun.energy", "inflow.volume")
    assert known_events.series_of(city, "castle") == ()
    assert all(known_events.series_of(city, name) for name in known_events.subjects(city))


def test_an_event_is_handed_to_the_forecast_with_its_series(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    number = known_events.enter(engine, city, FAIR, "ada", NOW)
    (event,) = known_events.told(engine, city, NOW)
    assert (event.event_id, event.series, event.effect, event.like) == (number, ("inflow.volume",), "like", "sunday")
    assert event.reason == "midsummer fair, by ada"
    assert known_events.told(engine, city, NOW - timedelta(seconds=1)) == []  # a forecast made before could not know
    assert audit(engine) == [
        ("event", "ada entered event 1, festival of old-town from 2022-06-16 12:30 to 2022-06-16 18:30, like a sunday: midsummer fair")
    ]


def test_everything_wrong_is_told_at_once_and_nothing_is_stored(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    wrong = Entry("party", "castle", SOON, SOON - timedelta(hours=1), " ", factor=-1, level=5.0)
    with pytest.raises(PenstockError) as caught:
        known_events.enter(engine, city, wrong, "ada", NOW)
    subjects = [problem.subject for problem in caught.value.problems]
    assert subjects == ["event kind", "event subject", "event times", "event effect", "event factor", "event reason"]
    assert known_events.listed(engine, NOW, everything=True).empty


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Entry("outage", "all", SOON, SOON + timedelta(hours=1), "works", level=0.0), "0 for 3 series"),
        (Entry("outage", "hall", SOON, SOON + timedelta(hours=1), "works"), "none; allowed: one of factor, level and like"),
        (Entry("outage", "hall", SOON, SOON + timedelta(hours=1), "works", like="doomsday"), "'doomsday'"),
        (Entry("outage", "hall", SOON.replace(tzinfo=None), SOON.replace(tzinfo=None), "works", factor=0.0), "no time zone"),
        (Entry("outage", "hall", SOON, SOON + timedelta(hours=1), "works", factor=float("nan")), "nan"),
        (Entry("outage", "all", SOON, SOON + timedelta(days=28, seconds=1), "expo", factor=1.2), "at most 28 days later"),
        (Entry("outage", "hall", LAST - timedelta(hours=1), LAST, "works", factor=0.0), "the years 9999 and 9999; allowed: 1970 to 2199"),
        (Entry("outage", "hall", SOON, SOON + timedelta(hours=1), "works\x1b[2J", factor=0.0), "signs that cannot be printed"),
        (Entry("outage", "hall", SOON, SOON + timedelta(hours=1), "w" * 501, factor=0.0), "501 characters"),
    ],
)
def test_wrong_effects_and_times_are_sentences(made: tuple[Engine, LoadedCity], entry: Entry, said: str) -> None:
    with pytest.raises(PenstockError, match=said):
        known_events.enter(*made, entry, "ada", NOW)


def test_a_cancelled_event_stays_in_the_table_and_acts_no_more(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    number = known_events.enter(engine, city, FAIR, "ada", NOW)
    assert "is cancelled; the next forecast" in known_events.cancel(engine, number, "bob", NOW, "rain")
    assert known_events.told(engine, city, NOW) == []
    assert known_events.listed(engine, NOW).empty
    assert list(known_events.listed(engine, NOW, everything=True)["state"]) == ["cancelled"]
    assert audit(engine)[-1][0] == "event cancel"
    with pytest.raises(PenstockError, match="cancelled by bob"):
        known_events.cancel(engine, number, "ada", NOW, "again")


def test_an_event_that_ends_early_still_masks_what_it_did(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    number = known_events.enter(engine, city, FAIR, "ada", NOW)
    at = SOON + timedelta(hours=2)
    assert "it acted until now" in known_events.cancel(engine, number, "ada", at, "over sooner")
    (event,) = known_events.told(engine, city, at)
    assert (event.start_utc, event.end_utc) == (SOON, at)


def test_an_event_entered_by_mistake_masks_nothing_even_when_it_is_over(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    number = known_events.enter(engine, city, FAIR, "ada", NOW)
    late = SOON + timedelta(days=1)
    with pytest.raises(PenstockError, match="over since"):
        known_events.cancel(engine, number, "ada", late, "wrong zone")
    known_events.cancel(engine, number, "ada", late, "wrong zone", never_happened=True)
    assert known_events.told(engine, city, late) == []


@pytest.mark.parametrize("role", ["planner", "viewer"])
def test_only_an_operator_enters_or_cancels(made: tuple[Engine, LoadedCity], role: str) -> None:
    engine, city = made
    person = Person(name="pia", role=role)
    with pytest.raises(PenstockError, match="operator"):
        decisions.enter_event(engine, city, person, FAIR, NOW)
    number = decisions.enter_event(engine, city, Person(name="ada", role="operator"), FAIR, NOW)
    with pytest.raises(PenstockError, match="operator"):
        decisions.cancel_event(engine, city, person, number, NOW, "no")
    assert [action for action, _ in audit(engine)] == ["event refused", "event", "event refused"]


def test_the_command_line_adds_lists_and_cancels(town: Town) -> None:
    now = ("--now", "2022-06-16T00:30+02:00")
    who = ("--who", "ada")
    span = ("--from", "2022-06-17T08:00+02:00", "--to", "2022-06-17T16:00+02:00")
    added = town.penstock("forecast", "event", "add", "hall", "--kind", "shutdown", *span, "--level", "0", "--reason", "boiler", *who, *now)
    assert (added.code, "event 1: shutdown of hall, 1 series" in added.out) == (0, True), added.all
    listed = town.penstock("forecast", "event", "list", *now)
    assert "1  to come: shutdown of hall, 2022-06-17 08:00 to 2022-06-17 16:00, at 0 per hour; boiler (ada)" in listed.out
    assert town.penstock("forecast", "event", "cancel", "1", "--reason", "moved", *who, *now).code == 0
    assert "no event is acting or to come" in town.penstock("forecast", "event", "list", *now).out
    assert "cancelled: shutdown" in town.penstock("forecast", "event", "list", "--all", *now).out
    for number in ("9", "9" * 12, "9" * 20):  # more than PostgreSQL's and SQLite's integers
        wrong = town.penstock("forecast", "event", "cancel", number, "--reason", "x", *who, *now)
        assert wrong.code == 1
        assert f"event {number}: unknown" in wrong.err
