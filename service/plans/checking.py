"""Could this city be planned? What the file alone cannot tell: machines whose state nobody reads, files of prices that are not there."""

from datetime import datetime, timedelta

from city.clock import grid
from city.problems import PenstockError, Problem
from service.plans import signals
from service.settings import LoadedCity


def plannable(city: LoadedCity, now_utc: datetime) -> str:
    """A sentence on the assets. Raises `PenstockError` for each state that no [[states]] brings, and for price and intensity files."""
    settings = city.settings
    if not settings.assets:
        return "no [[assets]]"
    brought = {(state.asset, state.quantity) for state in settings.states}
    problems = [
        Problem(
            f"asset {asset.id}", f"no meter tells its {state}", "a [[states]] table with its points", "Add it, or the plan waits for it."
        )
        for asset in settings.assets
        for state in asset.state_needed
        if (asset.id, state) not in brought
    ]
    times = grid(now_utc, 1, timedelta(hours=1))
    for ask in (signals.import_price, signals.export_price, signals.intensity):
        try:
            ask(city, times, now_utc)
        except PenstockError as error:
            problems += error.problems
    if problems:
        raise PenstockError(problems)
    return f"{len(settings.assets)} assets, {len(settings.controls)} of their points are written"
