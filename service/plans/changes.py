"""What a person asks in a what-if, as the changes that `optimisation.whatif` takes."""

from typing import Any

from city.problems import fault
from service import known_events
from service.settings import LoadedCity

Change = dict[str, Any]


def scenario(what_if_id: int) -> str:
    """The name under which a what-if's values stand beside the plan's."""
    return f"what-if {what_if_id}"


def window(start: str | None, end: str | None) -> Change:
    """Two local times (18:00) or two instants with offset; nothing: all the time. Raises `PenstockError` for one alone."""
    if (start is None) != (end is None):
        raise fault("--from and --to", "one of them alone", "both or none", "Give the other one too.")
    return {} if start is None else {"start": start, "end": end}


def prices(factor: float | None, offset: float | None, export_factor: float | None, when: Change) -> list[Change]:
    """The price changes that were given."""
    made: list[Change] = []
    if factor is not None or offset is not None:
        made.append({"kind": "price", "factor": 1.0 if factor is None else factor, "offset_per_kwh": offset or 0.0} | when)
    if export_factor is not None:
        made.append({"kind": "price", "of": "export", "factor": export_factor} | when)
    return made


def forecast(city: LoadedCity, text: str, when: Change) -> Change:
    """NAME=FACTOR as a change of the forecasts that the plan reads. Raises `PenstockError` when there is none of that name."""
    name, _, factor = text.rpartition("=")
    planned = {series for asset in city.settings.assets for series in asset.series_needed}
    own = (name,) if name in planned else tuple(series for series in known_events.series_of(city, name) if series in planned)
    try:
        times = float(factor)
    except ValueError:
        raise fault(f"forecast '{text}'", "no factor", "NAME=FACTOR, e.g. load=1.1", "Write it so.") from None
    if not own:
        raise fault(f"forecast '{name}'", "no forecast of the plan", ", ".join(sorted(planned)[:12]), "Correct the name.")
    return {"kind": "forecast", "name": name, "series": list(own), "factor": times} | when
