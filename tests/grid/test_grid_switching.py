"""A proposal is stored once, approved by two people, and carried out step by step in its order; what nobody may do is refused."""

import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from city.problems import PenstockError
from meters.vee.quality import Limits
from service import decisions, outbox
from service import schema as t
from service.access.roles import Person
from service.auditing import verifying
from service.grid import listing, order, proposing, switches, view, watching
from service.store import results
from tests.grid.feeder_town import KW, SILENT, START, STEP, FeederTown, feeder_town, opened

ANN, BEN = Person(name="ann", role="operator"), Person(name="ben", role="operator")
MINUTE = timedelta(minutes=1)
DARK = KW | {"industry": SILENT, "heat-pumps": SILENT}


def motors(*names: str) -> str:
    return "\n".join(f'{name} = "switches.{name.lower().replace("-", "_")}"' for name in names)


def dark(folder: Path, *remote: str) -> tuple[FeederTown, view.Proposed]:
    """The works feeder is dead behind L10-1; the newest proposal for it."""
    town = feeder_town(folder, motors=motors(*remote))
    town.read(KW, 0, 10)
    town.last = town.read(DARK, 10)
    watching.follow(town.engine, town.city, town.last)
    return town, view.proposals(town.engine)[0]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dark")
    dark(folder)[0].engine.dispose()
    return folder


@pytest.fixture
def by_hand(planted: Path, tmp_path: Path) -> tuple[FeederTown, view.Proposed]:
    town = opened(Path(shutil.copytree(planted, tmp_path / "town")))
    town.last = START + 10 * STEP
    return town, view.proposals(town.engine)[0]


def test_an_outage_has_one_proposal_with_proved_steps_that_keep_off_the_fault(by_hand):
    town, proposal = by_hand
    assert proposal.state == "proposed"
    assert proposal.detail["faulted"] == ["L10-1"]
    assert proposal.detail["proved"]
    steps = [(step["action"], step["switch"]) for step in proposal.detail["steps"]]
    assert steps == [("open", "Q10-1b"), ("close", "T-05-3-10-2")]
    assert proposal.customers == 641
    watching.follow(town.engine, town.city, town.last + MINUTE)
    assert len(view.proposals(town.engine)) == 1
    assert "close T-05-3-10-2" in "\n".join(listing.outages(town.engine, "Europe/Rome", everything=False))


def test_a_switching_order_takes_two_different_people_and_is_bound_into_the_audit(by_hand):
    town, proposal = by_hand
    at = town.last + MINUTE
    assert decisions.approve(town.engine, town.city, ANN, proposal.proposal_id, at, "agreed") == 0
    with pytest.raises(PenstockError, match="ann approved it before"):
        decisions.approve(town.engine, town.city, ANN, proposal.proposal_id, at, "again")
    assert not view.proposals(town.engine)[0].released
    assert decisions.approve(town.engine, town.city, BEN, proposal.proposal_id, at, "agreed") == 2
    found = view.proposals(town.engine)[0]
    assert (found.approved_by, found.released) == (("ann", "ben"), True)
    with pytest.raises(PenstockError, match="Q01-2a is none of its switches"):
        switches.tell(town.engine, town.side, ANN, "Q01-2a", "open", at, "", proposal.proposal_id)
    assert not verifying.check(town.engine, town.city)[1]


def test_steps_are_ticked_off_one_by_one_and_the_grid_follows(by_hand):
    town, proposal = by_hand
    for who in (ANN, BEN):
        decisions.approve(town.engine, town.city, who, proposal.proposal_id, town.last + MINUTE, "")
    switches.tell(town.engine, town.side, ANN, "Q10-1b", "open", town.last + 2 * MINUTE, "lever", proposal.proposal_id)
    assert view.proposals(town.engine)[0].done == ("ann", "")
    switches.tell(town.engine, town.side, ANN, "T-05-3-10-2", "closed", town.last + 3 * MINUTE, "", proposal.proposal_id)
    assert view.proposals(town.engine)[0].done == ("ann", "ann")
    watching.follow(town.engine, town.city, town.read(KW, 11))
    assert view.outages(town.engine, open_only=True) == []
    state = view.state(town.engine, town.city)
    assert state.buses.set_index("bus")["feeder"]["10-2"] == "feeder-05"
    assert state.branches.set_index("branch")["power_kw"]["tie-05-3-10-2"] > 600  # works of 650 kW by another way


@pytest.mark.parametrize(
    ("who", "switch", "state", "told"),
    [
        (Person(name="val", role="viewer"), "Q10-1b", "open", "signed in as viewer"),
        (Person(name="dee", role="operator", districts=("centre",)), "Q10-1b", "open", "bound to centre"),
        (ANN, "Q99", "open", "a switch of the network"),
        (ANN, "Q10-1b", "ajar", "open or closed"),
    ],
)
def test_who_may_not_or_what_is_not_there_is_refused(tmp_path, who, switch, state, told):
    town = feeder_town(tmp_path)
    at = town.read(KW, 0)
    with pytest.raises(PenstockError, match=told):
        switches.tell(town.engine, town.side, who, switch, state, at)
    with pytest.raises(PenstockError, match="no such restoration"):
        switches.tell(town.engine, town.side, ANN, "Q10-1b", "open", at, "", "restore-nothing")
    assert switches.told(town.engine).empty


@pytest.mark.parametrize("waits", ["approve", "switch"])
def test_a_restoration_waits_for_the_second_factor_of_switching_and_of_approving(by_hand, waits):
    town, proposal = by_hand
    ann = ANN.model_copy(update={"unconfirmed": (waits,)})
    with pytest.raises(PenstockError, match=f"{waits} of {proposal.proposal_id}: ann has shown no second factor"):
        decisions.approve(town.engine, town.city, ann, proposal.proposal_id, town.last, "")


def test_a_switch_that_lies_nowhere_is_the_whole_citys(tmp_path):
    town = feeder_town(tmp_path)
    at = town.read(KW, 0)
    town.side.network.buses["district"] = ""
    with pytest.raises(PenstockError, match="bound to centre; allowed: somebody who has the whole city"):
        switches.tell(town.engine, town.side, Person(name="dee", role="operator", districts=("centre",)), "Q10-1b", "open", at)


def test_an_operator_of_another_district_cannot_approve(by_hand):
    town, proposal = by_hand
    with pytest.raises(PenstockError, match="bound to centre"):
        decisions.approve(
            town.engine, town.city, Person(name="dee", role="operator", districts=("centre",)), proposal.proposal_id, town.last, ""
        )


def test_a_motor_is_not_turned_before_the_step_by_hand_ahead_of_it_was_told(tmp_path):
    town, proposal = dark(tmp_path, "T-05-3-10-2")
    assert [(step["switch"], step["by"]) for step in proposal.detail["steps"]] == [("Q10-1b", "hand"), ("T-05-3-10-2", "remote")]
    (command,) = results.rows(town.engine, t.command)
    assert (command.point_id, command.setpoint, command.approvals_needed) == ("switches.t_05_3_10_2", 1.0, 2)
    for who in (ANN, BEN):
        decisions.approve(town.engine, town.city, who, proposal.proposal_id, town.last + MINUTE, "")
    (command,) = results.rows(town.engine, t.command)
    assert command.state == "approved"
    waits = outbox.ready(town.engine, town.city, command, town.last + 2 * MINUTE)
    assert waits.sentence == "switches.t_05_3_10_2: waits for a step before it, open Q10-1b"
    switches.tell(town.engine, town.side, ANN, "Q10-1b", "open", town.last + 3 * MINUTE, "", proposal.proposal_id)
    assert isinstance(outbox.ready(town.engine, town.city, command, town.last + 4 * MINUTE), Limits)


def test_a_switch_that_is_turned_twice_needs_a_word_for_each_turn():
    steps = [{"switch": "q", "action": action} for action in ("open", "close", "open")]
    row = SimpleNamespace(made_at_utc=pd.Timestamp("2026-01-01", tz="UTC"), detail={"steps": steps})

    def words(*states: str) -> pd.DataFrame:
        times = pd.date_range("2026-01-02", periods=len(states), tz="UTC")
        return pd.DataFrame({"switch": "q", "at_utc": times, "state": list(states), "who": "ann"})

    assert order.steps_done(row, [], words("open")) == ("ann", "", "")
    assert order.steps_done(row, [], words("open", "closed")) == ("ann", "ann", "")
    assert order.steps_done(row, [], words("open", "closed", "open")) == ("ann", "ann", "ann")
    assert order.steps_done(row, [], words("open", "open")) == ("ann", "", "")


def test_a_word_that_is_corrected_undoes_its_step():
    row = SimpleNamespace(made_at_utc=pd.Timestamp("2026-01-01", tz="UTC"), detail={"steps": [{"switch": "q", "action": "open"}]})
    times = pd.date_range("2026-01-02", periods=3, tz="UTC")
    words = pd.DataFrame({"switch": "q", "at_utc": times, "state": ["open", "closed", "open"], "who": ["ann", "ben", "ben"]})
    assert [order.steps_done(row, [], words.head(count)) for count in (1, 2, 3)] == [("ann",), ("",), ("ben",)]


def test_nobody_without_the_right_to_switch_takes_back_what_another_has_approved(by_hand):
    town, proposal = by_hand
    decisions.approve(town.engine, town.city, ANN, proposal.proposal_id, town.last + MINUTE, "agreed")
    for who in (Person(name="val", role="viewer"), Person(name="dee", role="operator", districts=("centre",))):
        with pytest.raises(PenstockError, match=r"signed in as viewer|bound to centre"):
            proposing.propose_for(town.engine, town.side, who, proposal.outage_id, town.last + 2 * MINUTE)
    assert [one.state for one in view.proposals(town.engine)] == ["proposed"]
    proposing.propose_for(town.engine, town.side, BEN, proposal.outage_id, town.last + 2 * MINUTE)
    assert [one.state for one in view.proposals(town.engine)] == ["proposed", "superseded"]
    (mine,) = results.rows(town.engine, t.audit, t.audit.c.action == "restoration superseded")
    assert (mine.who, mine.subject) == ("ben", proposal.proposal_id)


def test_a_proposal_of_an_outage_that_is_over_needs_no_decision_any_more(tmp_path):
    town, proposal = dark(tmp_path, "T-05-3-10-2")
    watching.follow(town.engine, town.city, town.read(KW, 11))
    assert view.proposals(town.engine)[0].state == "superseded"
    assert [row.state for row in results.rows(town.engine, t.command)] == ["superseded"]
    with pytest.raises(PenstockError, match="past their time or superseded"):
        decisions.approve(town.engine, town.city, ANN, proposal.proposal_id, town.last + MINUTE, "")
    with pytest.raises(PenstockError, match="not open"):
        proposing.propose_for(town.engine, town.side, ANN, proposal.outage_id, town.last)


def test_where_a_motor_stands_is_read_from_its_point(tmp_path):
    town = feeder_town(tmp_path, motors=motors("T-05-3-10-2", "Q05-3a"))
    read = {"T-05-3-10-2": "switches.t_05_3_10_2", "Q05-3a": "switches.q05_3a"}
    assert town.side.settings.switch_points == read
    at = town.read(KW, 0)
    town.read_points({"switches.t_05_3_10_2": 1.0, "switches.q05_3a": 0.0}, at)
    assert sorted(switches.take_from_motors(town.engine, town.side, at)) == ["Q05-3a", "T-05-3-10-2"]
    assert switches.take_from_motors(town.engine, town.side, at) == []
    opened = switches.open_at(town.side, switches.told(town.engine), at)
    assert opened == town.side.network.normally_open - {"T-05-3-10-2"} | {"Q05-3a"}


@pytest.mark.postgres
@pytest.mark.slow
def test_postgresql_holds_the_same_outage_proposal_and_approval(by_hand, postgres_database):
    here, proposal = by_hand
    town = opened(here.city.environment.folder, postgres_database)
    town.read(KW, 0, 10)
    town.last = town.read(DARK, 10)
    for _ in range(2):
        watching.follow(town.engine, town.city, town.last)
    assert view.outages(town.engine) == view.outages(here.engine)
    (found,) = view.proposals(town.engine)
    assert (found.proposal_id, found.detail) == (proposal.proposal_id, proposal.detail)
    assert decisions.approve(town.engine, town.city, ANN, found.proposal_id, town.last, "") == 0
    assert decisions.approve(town.engine, town.city, BEN, found.proposal_id, town.last, "") == 2
    switches.tell(town.engine, town.side, ANN, "Q10-1b", "open", town.last, "", found.proposal_id)
    assert view.proposals(town.engine)[0].done == ("ann", "")
    assert not verifying.check(town.engine, town.city)[1]
