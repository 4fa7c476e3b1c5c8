"""What `penstock export` writes of days and events goes back in: export, take into an empty store, export again: the same."""

import gzip
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count as numbers
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.clock import parse_utc
from city.frames import Block
from city.quality import VALID, Cause, Flag, code, measured, missing, questionable
from service import known_events
from service import schema as t
from service.store import meter_days, open_store, readings, writing
from tests.exchange.conftest import load_of
from tests.exchange.test_export import export
from tests.exchange.test_take import take
from tests.town import MIDNIGHT_UTC, Town, count

FORMS = ("csv", "parquet")
FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
QUALITIES = (
    *(VALID, code(Flag.VALID, Cause.HIGH_USAGE), code(Flag.VALID | Flag.EDITED, Cause.LIMIT)),  # measured
    *(0, missing(Cause.GAP), missing(Cause.TIMEOUT)),
    *(code(Flag.ESTIMATED_LINEAR, Cause.GAP), code(Flag.ESTIMATED_LIKE_DAY | Flag.EDITED, Cause.GAP)),
    *(questionable(Cause.SPIKE), code(Flag.EDITED, Cause.GAP)),
)
DAY = timedelta(days=1)
Blank = Callable[[], Town]


@pytest.fixture(scope="module")
def blank(exchange_night: Town, tmp_path_factory: pytest.TempPathFactory) -> Blank:
    """Makes the same city with an empty store, as often as it is called."""
    folder, number = tmp_path_factory.mktemp("blank"), numbers()
    first = Town(folder / "first", head=exchange_night.head, parts=exchange_night.parts, days=0).write()
    assert first.penstock("init").code == 0

    def made() -> Town:
        shutil.copytree(first.folder, into := folder / f"town-{next(number)}")
        return Town(into, head=first.head, parts=first.parts, days=0)

    return made


def put(town: Town, point_id: str, start: datetime, versions: list[tuple[Any, Any]]) -> None:
    """Store a day of a point in several versions."""
    city, engine = load_of(town), open_store(town.database)
    key_of, point = readings.register_points(engine, list(city.points.values())), city.points[point_id]
    with writing(engine) as connection:
        for number, (values, quality) in enumerate(versions):
            table = np.array([values], dtype=np.int64), np.array([quality], dtype=np.uint16)
            block = Block((point_id,), start, timedelta(seconds=point.step_s), point.stored, *table)
            if number:
                meter_days.revise(connection, block, [(start, start + DAY)], key_of, "otto", start + DAY, "seen")
            else:
                meter_days.store(connection, block, [(start, start + DAY)], key_of, "import")


def told(town: Town, into: Path, form: str) -> dict[tuple[str, str], tuple[str, int]]:
    """Point and time of each measured interval in its newest version: value, exactly, and quality."""
    export(town, into, "days", "--format", form)
    path = into / f"days.{form}"
    frame = pq.read_table(path).to_pandas() if form == "parquet" else pd.read_csv(path, dtype=str)
    frame["version"], frame["quality"] = frame["version"].astype(int), frame["quality"].astype(int)
    newest = frame.sort_values("version").groupby(["point_id", "time_utc"], observed=True).tail(1)
    newest = newest[measured(newest["quality"].to_numpy())]
    value = "value_scaled" if form == "parquet" else "value"
    rows = zip(newest["point_id"], newest["time_utc"], newest[value], newest["quality"], strict=True)
    return {(str(point), str(at)): (str(value), quality) for point, at, value, quality in rows}


@st.composite
def some_days(draw: st.DrawFn) -> list[tuple[str, int, list[tuple[Any, Any]]]]:
    """(point, day, versions) of an hourly and a quarter-hourly point."""
    made = []
    for point, steps in (("inflow.volume", 24), ("hall.energy", 96)):
        for day in range(draw(st.integers(1, 2))):
            rng = np.random.default_rng(draw(st.integers(0, 2**32)))
            mostly = draw(st.sampled_from(QUALITIES))
            versions = []
            for _ in range(draw(st.integers(1, 3))):
                quality = np.where(rng.random(steps) < 0.5, mostly, rng.choice(QUALITIES, steps))
                values = rng.integers(0, draw(st.sampled_from([1, 10**5, 2**55])), steps)
                versions.append((np.where(quality & 0xFF, values, 0), quality))
            made.append((point, day, versions))
    return made


@pytest.mark.parametrize("form", FORMS)
@FEW
@given(days=some_days())
def test_measured_days_come_back_as_they_were_with_their_quality(form: str, days: Any, blank: Blank) -> None:
    one, other = blank(), blank()
    for point, day, versions in days:
        put(one, point, MIDNIGHT_UTC - 3 * DAY + day * DAY, versions)
    was = told(one, one.folder / "out", form)
    said = take(other, "history", one.folder / "out" / f"days.{form}")
    assert said.code == 0, said.all
    assert told(other, other.folder / "out", form) == was
    assert "stored before, nothing changed" in take(other, "history", one.folder / "out" / f"days.{form}").out


def ordinary(steps: int = 24) -> tuple[Any, Any]:
    return np.arange(steps) + 1_000_000, np.full(steps, VALID)


@pytest.mark.parametrize("name", ["days.csv", "days.csv.gz", "days.parquet"])
def test_what_was_not_measured_is_counted_named_and_estimated_anew(name: str, blank: Blank) -> None:
    """Also at the very ends of the file: the day counts, because the export tells of all of it."""
    one, other, (values, quality) = blank(), blank(), ordinary()
    marks = {0: missing(Cause.GAP), 5: questionable(Cause.SPIKE), 6: code(Flag.VALID | Flag.EDITED, Cause.LIMIT), 23: missing(Cause.GAP)}
    read, newest = quality.copy(), quality.copy()
    read[list(marks)] = list(marks.values())
    newest[:] = read
    newest[[0, 9]] = code(Flag.ESTIMATED_LINEAR, Cause.GAP), code(Flag.EDITED, Cause.GAP)
    put(
        one,
        "inflow.volume",
        MIDNIGHT_UTC - 3 * DAY,
        [(np.where(read & 0xFF, values, 0), read), (np.where(newest & 0xFF, values, 0), newest)],
    )
    form = "parquet" if name.endswith("parquet") else "csv"
    was = told(one, one.folder / "out", form)
    path = one.folder / "out" / f"days.{form}"
    if name.endswith("gz"):
        path = one.folder / name
        path.write_bytes(gzip.compress((one.folder / "out" / "days.csv").read_bytes()))
    said = take(other, "history", path).out
    assert "1 days of points stored" in said
    assert "intervals left out, for this city to estimate itself: 1 missing, 1 estimated, 1 doubted, 1 edited" in said
    assert len(was) == 20
    assert told(other, other.folder / "out", form) == was
    city = load_of(other)
    block = meter_days.block(open_store(other.database), [city.points["inflow.volume"]], MIDNIGHT_UTC - 3 * DAY, MIDNIGHT_UTC - 2 * DAY)
    assert block.quality[0, 5] & int(Flag.ESTIMATED_LINEAR | Flag.ESTIMATED_LIKE_DAY)
    assert block.quality[0, 9] >> 8 == Cause.GAP


@pytest.mark.parametrize("form", FORMS)
def test_the_days_of_a_whole_night_come_back(form: str, exchange_night: Town, empty: Town, tmp_path: Path) -> None:
    was = told(exchange_night, tmp_path / "out", form)
    said = take(empty, "history", tmp_path / "out" / f"days.{form}")
    assert said.code == 0, said.all
    assert len(was) > 1000
    assert told(empty, tmp_path / "again", form) == was


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",version,", ",edition,", "column version: missing"),
        (",reason,", ",colour,", "column 'colour': unknown"),
        ("seen,3600", "seen,900", "column step_s: '900'; allowed: the step of the point in city.toml"),
        (",VERSION,", ",1,", "twice"),
    ],
)
def test_an_export_that_was_changed_is_refused_with_a_sentence(old: str, new: str, said: str, blank: Blank, tmp_path: Path) -> None:
    one, (values, quality) = blank(), ordinary()
    put(one, "inflow.volume", MIDNIGHT_UTC - 3 * DAY, [(values, quality), (values + 1, quality)])
    text = export(one, one.folder / "out", "days", "--format", "csv")["days.csv"].decode()
    if old == ",VERSION,":
        old = ",2,"
    assert old in text
    (tmp_path / "days.csv").write_text(text.replace(old, new))
    answer = take(blank(), "history", tmp_path / "days.csv")
    assert (answer.code, answer.foreseen) == (1, True)
    assert said in answer.err


WORDS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=12)
HOURS = st.integers(0, 400)


@st.composite
def some_events(draw: st.DrawFn) -> list[tuple[known_events.Entry, int | None]]:
    """Events, each with the hours after its start that it was cancelled at, if it was."""
    made = []
    for _ in range(draw(st.integers(1, 5))):
        start = datetime(2022, 6, 1, tzinfo=UTC) + timedelta(hours=draw(HOURS))
        length = draw(st.integers(2, 600))
        numbers = st.floats(0, 10, allow_nan=False)
        how = draw(st.sampled_from(["factor", "level", "like"]))
        what: Any = draw(st.sampled_from(sorted(known_events.LIKE_DAYS))) if how == "like" else draw(numbers)
        kind = draw(st.sampled_from(["shutdown", "festival", "outage", "works", "other"]))
        entry = known_events.Entry(kind, "hall", start, start + timedelta(hours=length), draw(WORDS), **{how: what})
        made.append((entry, draw(st.none() | st.integers(0, length - 1))))
    return made


def events_of(town: Town, into: Path, form: str) -> list[tuple[Any, ...]]:
    """What acted, in order: a cancelled event until it was ended."""
    export(town, into, "known_event", "--format", form)
    path = into / f"known_event.{form}"
    frame = pq.read_table(path).to_pandas() if form == "parquet" else pd.read_csv(path, keep_default_na=False, dtype=str)
    made = []
    for row in frame.to_dict("records"):
        ended = row["ended_utc"] if isinstance(row["ended_utc"], str) and row["ended_utc"] else None
        ended = row["ended_utc"] if form == "parquet" and not pd.isna(row["ended_utc"]) else ended
        start, end = (str(pd.Timestamp(one)) for one in (row["start_utc"], ended or row["end_utc"]))
        if end > start:
            made.append((row["kind"], row["subject"], start, end, row["effect"], str(row["amount"]), str(row["like_day"]), row["reason"]))
    return made


@pytest.mark.parametrize("form", FORMS)
@FEW
@given(events=some_events())
def test_events_come_back_as_far_as_they_acted(form: str, events: Any, blank: Blank) -> None:
    one, other = blank(), blank()
    city, engine, at = load_of(one), open_store(one.database), parse_utc("2022-06-01T00:00Z")
    with writing(engine) as connection:
        for entry, ended in events:
            event_id = known_events.add(connection, city, entry, "otto", at)
            if ended is not None:
                chosen = t.known_event.update().where(t.known_event.c.event_id == event_id)
                given_up = {"ended_utc": entry.start + timedelta(hours=ended), "ended_at_utc": at, "ended_by": "ada", "ended_why": "=x"}
                connection.execute(chosen.values(**given_up))
    was = events_of(one, one.folder / "out", form)
    path = one.folder / "out" / f"known_event.{form}"
    said = take(other, "events", path)
    assert said.code == 0, said.all
    assert f"{len(was)} events are new" in said.out
    assert ("cancelled before they began" in said.out) == (len(was) < len(events))
    assert events_of(other, other.folder / "out", form) == was
    for town in (one, other):
        assert "0 events are new" in take(town, "events", path).out
    assert count(one, t.known_event) == len(events)
