"""An order made for another position of the switches, or before another fault, is neither approved nor carried on."""

from types import SimpleNamespace

import pandas as pd
import pytest

from city.problems import PenstockError
from meters.vee.quality import Limits
from service import decisions, outbox
from service import schema as t
from service.grid import interlock, order, proposing, switches, view, watching
from service.store import results, writing
from tests.grid.feeder_town import KW
from tests.grid.test_grid_switching import ANN, BEN, MINUTE, dark

STEPS = [("open", "Q10-1b"), ("close", "T-05-3-10-2")]


def audited(town) -> str:
    return "\n".join(row.sentence for row in results.rows(town.engine, t.audit))


def test_an_order_for_another_position_of_the_switches_is_not_approved(tmp_path):
    town, proposal = dark(tmp_path)
    tie = sorted(town.side.network.normally_open - {"T-05-3-10-2"})[0]
    switches.tell(town.engine, town.side, ANN, tie, "closed", town.last + MINUTE)
    with pytest.raises(PenstockError, match=f"switch {tie} was turned since"):
        decisions.approve(town.engine, town.city, ANN, proposal.proposal_id, town.last + 2 * MINUTE, "")
    assert f"switch {tie} was turned since" in audited(town)
    switches.tell(town.engine, town.side, ANN, tie, "open", town.last + 3 * MINUTE)
    assert decisions.approve(town.engine, town.city, ANN, proposal.proposal_id, town.last + 4 * MINUTE, "") == 0


def test_steps_told_before_the_approval_are_no_other_position(tmp_path):
    town, proposal = dark(tmp_path)
    switches.tell(town.engine, town.side, ANN, "Q10-1b", "open", town.last + MINUTE)
    assert decisions.approve(town.engine, town.city, BEN, proposal.proposal_id, town.last + 2 * MINUTE, "") == 0


def test_a_motor_does_not_feed_the_fault_when_somebody_has_closed_the_switch_before_it_again(tmp_path):
    town, proposal = dark(tmp_path, "T-05-3-10-2")
    for who in (ANN, BEN):
        decisions.approve(town.engine, town.city, who, proposal.proposal_id, town.last + MINUTE, "")
    (command,) = results.rows(town.engine, t.command)
    switches.tell(town.engine, town.side, ANN, "Q10-1b", "open", town.last + 2 * MINUTE, "", proposal.proposal_id)
    assert isinstance(outbox.ready(town.engine, town.city, command, town.last + 3 * MINUTE), Limits)
    switches.tell(town.engine, town.side, BEN, "Q10-1b", "closed", town.last + 4 * MINUTE)
    told = interlock.hinders(town.engine, town.city, command, town.last + 5 * MINUTE)
    assert not isinstance(outbox.ready(town.engine, town.city, command, town.last + 5 * MINUTE), Limits)
    assert told == "closing T-05-3-10-2 would feed the fault at L10-1"


def test_a_motor_that_did_not_turn_leaves_its_step_to_a_crew():
    made = pd.Timestamp("2026-01-01", tz="UTC")
    row = SimpleNamespace(made_at_utc=made, detail={"steps": [{"switch": "q", "action": "open"}]})
    failed = SimpleNamespace(not_before_utc=made, reverts=None, state="failed")
    words = pd.DataFrame({"switch": ["q"], "at_utc": [made + MINUTE], "state": ["open"], "who": ["ann"]})
    assert order.steps_done(row, [failed], words[:0]) == ("",)
    assert order.steps_done(row, [failed], words) == ("ann",)


def test_a_fault_is_known_until_its_branch_is_under_voltage_again(tmp_path):
    """Everybody has power by another way: the outage is over, the line is still broken."""
    town, _ = dark(tmp_path)
    for switch, state in (("Q10-1b", "open"), ("T-05-3-10-2", "closed"), ("B10", "open")):
        switches.tell(town.engine, town.side, ANN, switch, state, town.last + MINUTE)
    watching.follow(town.engine, town.city, town.read(KW, 11))
    assert view.outages(town.engine, open_only=True) == []
    opened = switches.open_at(town.side, switches.told(town.engine), town.last + 2 * MINUTE)
    assert interlock.known_faults(town.engine, town.side, opened) == {"L10-1"}
    assert interlock.known_faults(town.engine, town.side, town.side.network.normally_open) == set()


def test_a_second_outage_is_proposed_with_the_first_fault_in_it_and_the_first_anew(tmp_path):
    town, proposal = dark(tmp_path)
    assert [(step["action"], step["switch"]) for step in proposal.detail["steps"]] == STEPS
    (first,) = results.rows(town.engine, t.grid_outage)
    second = {**first._mapping, "outage_id": "outage-L05-2", "branch": "L05-2", "detail": first.detail | {"suspects": ["L05-2"]}}
    with writing(town.engine) as connection:
        connection.execute(t.grid_outage.insert().values(second))
    with pytest.raises(PenstockError, match="a fault at L05-2 is known since"):
        decisions.approve(town.engine, town.city, ANN, proposal.proposal_id, town.last + MINUTE, "")
    assert len(proposing.propose_due(town.engine, town.city, town.last + 2 * MINUTE)) == 2
    outages = view.outages(town.engine, open_only=True)
    for outage in outages:
        assert set(view.proposals(town.engine, outage.outage_id)[0].detail["faulted"]) == {"L05-2", "L10-1"}
    assert proposing.propose_due(town.engine, town.city, town.last + 3 * MINUTE) == []
