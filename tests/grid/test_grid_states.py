"""States and outages of a town from its readings: the same readings give the same store, and only what went dark together is an outage."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from service import schema as t
from service.access.roles import Person
from service.grid import listing, states, switches, view, watching
from service.store import results, writing
from tests.grid.feeder_town import KW, SILENT, START, STEP, FeederTown, feeder_town

ANN = Person(name="ann", role="operator")


@pytest.fixture
def town(tmp_path: Path) -> FeederTown:
    return feeder_town(tmp_path)


def rows(town: FeederTown) -> list:
    return [tuple(row) for row in results.rows(town.engine, t.grid_state, order=t.grid_state.c.time_utc)]


def test_every_quarter_hour_that_was_read_has_one_state_however_often_it_is_asked_for(town):
    last = town.read(KW, 0, 12)
    assert states.bring_up(town.engine, town.city, last) == 12
    assert states.bring_up(town.engine, town.city, last) == 0
    first = rows(town)
    with writing(town.engine) as connection:
        connection.execute(delete(t.grid_state))
    states.bring_up(town.engine, town.city, last)
    assert rows(town) == first
    states.bring_up(town.engine, town.city, town.read(KW, 12))
    assert len(rows(town)) == 13


def test_the_state_carries_the_power_that_the_heads_read_and_says_what_it_stands_on(town):
    last = town.read(KW, 0, 4)
    watching.follow(town.engine, town.city, last)
    state = view.state(town.engine, town.city, last)
    feeders = state.feeders.set_index("feeder")
    assert feeders.loc["feeder-05", "head_kw"] == 500
    assert feeders.loc["feeder-05", "computed_kw"] == pytest.approx(500, abs=0.2)
    assert feeders.loc["works", "computed_kw"] == pytest.approx(650 + feeders.loc["works", "loss_kw"], abs=0.02)
    assert state.origin == {"measured": 4, "allocated": 35, "assumed": 6, "dead": 0}
    assert (state.load_kw + state.loss_kw) == pytest.approx(
        state.branches.loc[state.branches["branch"].isin(["N-T1", "N-T2", "S-T1", "S-T2", "P-T1"]), "power_kw"].sum(), rel=1e-5
    )
    assert state.abnormal == ()
    loading = view.course(town.engine, town.city, "L05-1", START, last + STEP)
    assert len(loading) == 4
    assert loading["value"].iloc[-1] == pytest.approx(state.branches.set_index("branch")["loading"]["L05-1"])
    assert len(view.course(town.engine, town.city, "05-1", START, last)) == 3
    assert "feeder-05" in "\n".join(listing.flow(town.engine, town.city, last))


def test_a_limit_that_is_passed_is_named_while_the_state_is_new(tmp_path):
    town = feeder_town(tmp_path, extra="loading_limit = 0.05")
    last = town.read(KW, 0, 2)
    watching.follow(town.engine, town.city, last)
    found = view.abnormal(town.engine, town.city, last)
    assert {one["kind"] for one in found} == {"overload"}
    assert found[0]["value"] == max(one["value"] for one in found) > 0.05
    assert view.abnormal(town.engine, town.city, last + timedelta(hours=1)) == []


def test_two_meters_of_a_feeder_that_fall_silent_together_are_an_outage_until_they_answer_again(town):
    town.read(KW, 0, 10)
    last = town.read(KW | {"industry": SILENT, "heat-pumps": SILENT}, 10, 2)
    watching.follow(town.engine, town.city, last)
    (outage,) = view.outages(town.engine, open_only=True)
    assert (outage.branch, outage.feeder, outage.customers) == ("L10-1", "works", 641)
    assert outage.since_utc == START + 10 * STEP
    assert set(outage.meters) == {"industry", "heat-pumps"}
    assert outage.districts == ("works",)
    state = view.state(town.engine, town.city, last)
    assert state.origin["dead"] == 2
    assert not state.buses.set_index("bus")["energised"]["10-2"]
    assert state.branches.set_index("branch")["power_kw"]["L10-2"] == pytest.approx(0, abs=0.1)
    watching.follow(town.engine, town.city, town.read(KW, 12))
    assert view.outages(town.engine, open_only=True) == []
    (outage,) = view.outages(town.engine)
    assert outage.ended_utc == START + 12 * STEP
    assert view.state(town.engine, town.city).origin["dead"] == 0


def test_meters_that_were_silent_before_or_with_their_whole_link_are_no_outage(town):
    town.read(KW | {"industry": SILENT}, 0, 12)
    on_a = [name for name in KW if town.city.meter[name].link == "a"]
    last = town.read(KW | dict.fromkeys(on_a, SILENT) | {"industry": SILENT, "heat-pumps": SILENT}, 12)
    watching.follow(town.engine, town.city, last)
    assert view.outages(town.engine) == []


def test_what_has_not_come_yet_of_the_newest_slot_is_waited_for_and_computed_again(town):
    town.read(KW, 0, 10)
    last = town.read({name: kw for name, kw in KW.items() if name not in ("industry", "heat-pumps")}, 10)
    watching.follow(town.engine, town.city, last)
    assert view.outages(town.engine) == []
    town.read({"industry": 500.0, "heat-pumps": 150.0}, 10)
    watching.follow(town.engine, town.city, town.read(KW, 11))
    assert view.outages(town.engine) == []
    detail = results.rows(town.engine, t.grid_state, t.grid_state.c.time_utc == last)[0].detail
    assert detail["origin"]["measured"] == 4


def test_a_feeder_that_never_rested_and_reads_nothing_is_dead_but_one_that_sends_nonsense_is_not(town):
    town.month("feeder-06", 600.0)
    for slot in range(12):  # feeder-07 flickers between nothing and something all the time
        town.read(KW | {"feeder-07": 0.0 if slot % 2 else 700.0}, slot)
    watching.follow(town.engine, town.city, town.read(KW | {"feeder-06": 0.0, "feeder-07": 0.0}, 12, 2))
    (outage,) = view.outages(town.engine)
    assert outage.branch == "L06-1"
    assert outage.critical == {"06-2": "Cold store"}
    assert "Cold store" in outage.sentence


def test_a_switch_that_somebody_told_moves_the_load_from_then_on(town):
    at = town.read(KW, 0, 4)
    watching.follow(town.engine, town.city, at)
    switches.tell(town.engine, town.side, ANN, "T-05-4-08-4", "closed", at + timedelta(minutes=1), "for works")
    switches.tell(town.engine, town.side, ANN, "Q05-4a", "open", at + timedelta(minutes=2))
    watching.follow(town.engine, town.city, town.read(KW, 4))
    before, after = (view.state(town.engine, town.city, at + k * STEP).buses.set_index("bus")["feeder"]["05-4"] for k in (0, 1))
    assert (before, after) == ("feeder-05", "feeder-08")
    words = switches.told(town.engine)
    assert words["who"].tolist() == ["ann", "ann"]
