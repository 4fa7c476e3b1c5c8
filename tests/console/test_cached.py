"""What is kept for all sessions gives nobody what is another's, no page changes it, and a decision is seen at once."""

import pickle
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from console import data
from console.pages import PAGES
from console.shared import Shared
from console.words import WORDS
from service.alarms import deeds, listing
from service.decisions import Person
from tests.signed_in import token

WHOLE = Person(name="operator", role="operator")
BOUND = Person(name="operator", role="operator", districts=("dma-a",))


@pytest.mark.parametrize("order", [(WHOLE, BOUND), (BOUND, WHOLE)])
def test_two_people_of_one_name_with_other_districts_get_their_own_lists(city: Path, order: tuple[Person, Person]) -> None:
    data.forget()
    station, at = data.station(), data.now().now_utc
    shown = {person: data.alarms(person).rows for person in order}
    assert shown == {person: tuple(listing.listed(station.engine, at, person)) for person in order}
    assert {alarm.own for alarm in shown[WHOLE]} == {True}
    assert False in {alarm.own for alarm in shown[BOUND]}


@pytest.mark.parametrize("other", [{"role": "viewer"}, {"districts": ("dma-a",)}, {"unconfirmed": ("hold",)}, {"name": "somebody"}])
def test_what_is_kept_for_one_person_is_kept_for_nobody_who_differs_in_anything(other: dict[str, object]) -> None:
    shared = Shared()
    shared.get(("alarms", WHOLE), 10, lambda: "of the one")
    assert shared.get(("alarms", WHOLE.model_copy(update=other)), 10, lambda: "of the other") == "of the other"


def test_a_second_session_sees_what_the_first_decided(city: Path) -> None:
    data.forget()
    first = next(alarm for alarm in data.alarms(WHOLE).rows if alarm.acknowledged_by is None and not alarm.members)
    colleague = WHOLE.model_copy(update={"name": "colleague"})
    assert first.alarm_id in {alarm.alarm_id for alarm in data.alarms(colleague).rows if alarm.acknowledged_by is None}
    deeds.acknowledge(data.station().engine, WHOLE, [first.alarm_id], data.now().now_utc + timedelta(minutes=1))
    data.forget()
    (same,) = (alarm for alarm in data.alarms(colleague).rows if alarm.alarm_id == first.alarm_id)
    assert same.acknowledged_by == "operator"


class _Content(pickle.Pickler):
    """Pickles what a frame says, not what pandas keeps beside it."""

    def reducer_override(self, thing: object) -> object:
        return (str, (thing.to_csv(),)) if isinstance(thing, pd.DataFrame | pd.Series) else NotImplemented


def _content(value: object) -> bytes:
    file = BytesIO()
    _Content(file).dump(value)
    return file.getvalue()


@pytest.mark.slow
def test_no_page_changes_what_the_others_are_shown_in_either_language(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, get = [], Shared.get

    def watched(self, key, ttl_s, make):
        def made():
            value = make()
            if not isinstance(value, data.Station):
                kept.append((key[0], value, _content(value)))
            return value

        return get(self, key, ttl_s, made)

    monkeypatch.setattr(Shared, "get", watched)
    data.forget()
    data._MEASURED.forget()
    for page in PAGES:
        for language in ("en", "zh"):
            at = AppTest.from_string(f"from console import pages\npages.show({page!r})", default_timeout=60)
            at.session_state["token"], at.session_state["language"] = token("operator"), language
            assert not at.run().exception
    assert len({name for name, _, _ in kept}) > 40
    assert [name for name, value, before in kept if _content(value) != before] == []


def test_points_are_found_by_the_word_for_their_cause_in_the_language_of_the_session(city: Path) -> None:
    found = {}
    for language in ("en", "zh"):
        at = AppTest.from_string("from console import pages\npages.show('meters')", default_timeout=60)
        at.session_state["token"], at.session_state["language"] = token("operator"), language
        at.session_state["points_words"] = WORDS["word_timeout"][language == "zh"]
        assert not at.run().exception
        found[language] = set(next(table.value for table in at.dataframe if "age_min" in table.value)["point_id"])
    told = data.board()
    silent = set(told.loc[told["cause"] == "TIMEOUT", "point_id"])
    assert silent
    assert found == {"en": silent, "zh": silent}
