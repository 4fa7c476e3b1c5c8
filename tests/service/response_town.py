"""The small town with its hall in a demand-response programme, for the tests of the response."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from optimisation.inputs import PlanInput
from service.environment import Environment
from service.openadr.objects import parsed
from service.response import incoming
from service.settings import LoadedCity, load
from service.store import open_store, writing
from tests.town import PARTS, Town

CALLED = datetime(2022, 6, 15, 7, tzinfo=UTC)  # 9:00 in Rome
START, END = datetime(2022, 6, 15, 10, tzinfo=UTC), datetime(2022, 6, 15, 12, tzinfo=UTC)  # noon to two
MORNING = "2022-06-16T08:00+02:00"
RESPONSE = """
[[programmes]]
id = "peak"
notice_h = 2.0
shortest_h = 1.0
longest_h = 3.0
rebound_share = 0.5
rebound_h = 1.0
hours = [[8, 20]]
payment_per_kwh = 0.5
payment_per_kw = 1.0
penalty_per_kwh = 0.2
events_per_season = 3
"""
VTN = """
[[vtns]]
id = "dso"
url = "http://127.0.0.1:VTNPORT/openadr3/3.1.0"
ven_name = "town"
client_id = "town-client"
timeout_s = 1.0
"""
HALL = '[[assets]]\nid = "hall"\nkind = "demand_response"\nseries = ["hall.energy"]\nprogramme = "peak"\noffered_kw = 10.0\n'


def response_town(folder: Path, *, days: int = 30, vtn_port: int = 0, four_eyes: str = "") -> Town:
    """Written and, with its history, imported; the hall takes a third less from noon to two on the last day."""
    assets = PARTS["assets"].replace('[[assets]]\nid = "hall"\nkind = "fixed_load"\nseries = ["hall.energy"]\n', HALL)
    assert HALL in assets
    programme = RESPONSE + ('vtn = "dso"\nopenadr_id = "p-1"\n' if vtn_port else "")
    vtn = VTN.replace("VTNPORT", str(vtn_port)) if vtn_port else ""
    town = replace(Town(folder, days=days), parts=PARTS | {"assets": assets, "response": programme + vtn, "four_eyes": four_eyes})
    town.write()
    if days:
        power = pd.read_csv(folder / "power.csv", parse_dates=["time"])
        during = (power.time >= pd.Timestamp(START)) & (power.time < pd.Timestamp(END))
        power.loc[during, "hall.energy"] = (power.loc[during, "hall.energy"] * 2 / 3).round(3)
        power.to_csv(folder / "power.csv", index=False)
    assert town.penstock("init").code == 0
    assert not town.days or town.penstock("import").code == 0
    return town


def opened(town: Town) -> tuple[Any, LoadedCity]:
    return open_store(town.database), load(Environment(city=town.file, home=town.folder))


def openadr(event_id: str = "e-1", /, **changes: Any) -> dict[str, Any]:
    """An event of noon to two that asks for 9 kW less."""
    found = {
        "id": event_id,
        "objectType": "EVENT",
        "programID": "peak",
        "payloadDescriptors": [{"payloadType": "DISPATCH_SETPOINT_RELATIVE", "units": "KW"}],
        "intervalPeriod": {"start": "2022-06-15T10:00:00Z", "duration": "PT2H"},
        "intervals": [{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-9]}]}],
    }
    return found | changes


def take(engine: Engine, city: LoadedCity, document: dict[str, Any], now: datetime = CALLED) -> list[str]:
    with writing(engine) as connection:
        return incoming.take(connection, city, parsed(document, "event"), "ada", now)


def horizon(**more: Any) -> PlanInput:
    """A day of quarter-hours from 10:00 in Rome, the hall at 24 kW."""
    given = {"state": {}, "series": {"hall.energy": {"p50": np.full(96, 6.0)}}} | more
    return PlanInput(
        start_utc=datetime(2022, 6, 15, 8, tzinfo=UTC),
        zone="Europe/Rome",
        import_price_per_kwh=np.full(96, 0.5),
        export_price_per_kwh=np.full(96, 0.1),
        intensity_kg_per_kwh=np.full(96, 0.4),
        steps=96,
        **given,
    )
