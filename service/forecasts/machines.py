"""The stored machines of a city: which answer, which are due to be trained anew, and one read back."""

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from city.problems import fault
from forecasting import features, ladder
from forecasting.machine import Machine
from service.forecasts import provenance
from service.forecasts.series import Group, Place, opened
from service.settings import LoadedCity
from service.store import forecasting as store

ASKED = "a series stood on its rung"
"""Why a machine was trained that the sample of its group did not call for."""


def due(city: LoadedCity, rows: Sequence[Any], group: Group, today_utc: datetime, drifting: Sequence[str]) -> str:
    """Why the machines of a group must be trained now; '' when they need not be."""
    own = [row for row in rows if row.group_key.startswith(group.key("")) and row.provenance["trained because"] != ASKED]
    if not own:
        return "none was there"
    newest = max(own, key=lambda row: row.known_until_utc)
    told = newest.provenance
    if newest.known_until_utc >= today_utc:
        return ""
    if group.key("") in drifting:
        return "errors grew"
    for name, now in (("code", provenance.code()), ("settings", provenance.settings_of(city)), ("features", list(features.NAMES))):
        if told.get(name) != now:
            return f"{name} changed"
    age = (today_utc - newest.known_until_utc) / timedelta(days=1)
    return f"{age:.0f} days old" if age >= city.settings.forecast.retrain_days else ""


def live(rows: Sequence[Any], group: Group) -> dict[str, str]:
    """{rung: model_id} of the machines that answer for a group."""
    keys = {group.key(rung): rung for rung in ladder.RUNGS}
    return {keys[row.group_key]: row.model_id for row in rows if row.state == store.LIVE and row.group_key in keys}


def refused(rows: Sequence[Any], group: Group) -> tuple[str, ...]:
    """Rungs of a group whose every machine was refused."""
    known = {row.group_key for row in rows}
    return tuple(rung for rung in ladder.RUNGS if group.key(rung) in known and rung not in live(rows, group))


@lru_cache(maxsize=32)
def machine(place: Place, model_id: str) -> Machine:
    """A stored machine. Raises `PenstockError` when it is not there, damaged, or stored by code that had other models."""
    name, remedy = f"machine {model_id[:8]}", "Restore the database from its backup."
    try:
        found = store.artifact(opened(place)[1], model_id)
    except zlib.error:
        raise fault(name, "damaged in the store", "a machine as it was stored", remedy) from None
    if found is None:
        raise fault(name, "not in the store", "a stored machine", remedy)
    try:
        return Machine.model_validate_json(found)
    except ValueError:
        raise fault(name, "written by other code", "one this version can read", "The next night trains it again.") from None
