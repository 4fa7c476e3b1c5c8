"""What is counted is counted whole, however short the lists are cut."""

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

from service import schema as t
from service.environment import Environment
from service.notices.night_facts import facts
from service.run_report.abnormal import MOST
from service.run_report.document import document
from service.run_report.page import page
from service.settings import load
from service.store import open_store, writing
from tests.run_report.conftest import Reported
from tests.town import Town

NIGHT = date(2022, 6, 16)


def test_two_hundred_and_fifty_proposals_and_outages_are_two_hundred_and_fifty(reported: Reported, tmp_path: Path) -> None:
    shutil.copytree(reported.town.folder, tmp_path / "town")
    own = Town(tmp_path / "town", parts=reported.town.parts)
    city, engine = load(Environment(city=own.file, home=own.folder)), open_store(own.database)
    before = document(engine, city, NIGHT)["counts"]
    with writing(engine) as connection:
        first = connection.execute(t.command.select().where(t.command.c.state == "proposed")).first()
        assert first is not None
        late = first.not_after_utc + timedelta(days=2)
        for number in range(250):
            own_name = {"command_id": f"c{number:03}", "plan_id": f"many-{number:03}", "not_after_utc": late}
            connection.execute(t.command.insert().values(**{**first._mapping, **own_name}))
            place = {"outage_id": f"o{number}", "feeder": "f", "branch": "b", "likelihood": 1.0, "customers": 1, "detail": {}}
            when = {"since_utc": first.not_before_utc, "found_utc": first.not_before_utc, "sentence": f"street {number} is dark"}
            connection.execute(t.grid_outage.insert().values(**place, **when))
    told = document(engine, city, NIGHT)
    assert told["counts"] == before | {
        "approvals": before["approvals"] + 250,
        "commands": before["commands"] + 250,
        "outages": before["outages"] + 250,
    }
    assert (len(told["approvals"]), len(told["outages"])) == (MOST, MOST)
    shown = page(told, "en")
    assert "and 235 more" in shown  # of 250 outages 15 stand on the page
    assert f"{before['commands'] + 250} commands in {before['approvals'] + 250} proposals" in shown
    assert ["Waits for approval", str(before["approvals"] + 250)] in facts(told, "en")
    assert json.dumps(told)
