"""The history that forecasts are made of: stored days as they were known, without what is not demand, and the weather beside them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.frames import Block
from forecasting import groups
from forecasting.events import Event
from forecasting.learnable import learnable
from forecasting.weather import Weather
from service import known_events, leak_history, unmanaged, weather
from service.forecasts.series import Group, kinds
from service.settings import LoadedCity
from service.store import meter_days, sums

POINTS_AT_ONCE = 500  # as many as one statement can name; bounds memory


@dataclass(frozen=True)
class Known:
    """The history of some series as a forecast may see it."""

    history: groups.History
    measured: NDArray[np.float32]  # [n, T], before it was cleaned: what forecasts are held against
    events: list[Event]
    notes: Mapping[str, str]  # series -> what was left out or moved

    def digests(self) -> list[str]:
        """SHA-256 of all that a machine is given for each series: times, values, weights and weather."""
        h = self.history
        common = hashlib.sha256(f"{h.start_utc.isoformat()} {h.step}".encode())
        for part in _arrays(h.weather):
            common.update(np.ascontiguousarray(part).tobytes())
        found = []
        for i, name in enumerate(h.ids):
            own = common.copy()
            own.update(name.encode())
            own.update(h.values[i].tobytes())
            if h.weights is not None:
                own.update(h.weights[i].tobytes())
            found.append(own.hexdigest())
        return found


def read(
    city: LoadedCity,
    engine: Engine,
    group: Group,
    ids: Sequence[str],
    start_utc: datetime,
    made_at_utc: datetime,
    known_at_utc: datetime,
    steps: int,
    clean_until_utc: datetime | None = None,
) -> Known:
    """Series of one group from the civil midnight `start_utc` on, as they were known at `known_at_utc`.

    Forecasts of `steps` steps are to be made at the civil midnight `made_at_utc`. What comes after `clean_until_utc` is neither
    cleaned nor looked at for it: a backtest must not know of a step of the level before it came.
    """
    shares = [ids[at : at + POINTS_AT_ONCE] for at in range(0, len(ids), POINTS_AT_ONCE)]
    notes: dict[str, str] = {}
    parts = [part for some in shares for part in _parts(city, engine, some, start_utc, made_at_utc, known_at_utc, notes)]
    held = tuple(name for part in parts for name in part.ids)
    h = replace(
        parts[0],
        ids=held,
        kinds=tuple(kind for part in parts for kind in part.kinds),
        values=np.concatenate([part.values for part in parts]),
        weights=np.concatenate([np.ones(part.values.shape, np.float32) if part.weights is None else part.weights for part in parts]),
        coordinates_deg=groups.placed(held, city.coordinates_deg),
    )
    h = replace(h, weather=_weather(city, engine, group, h, made_at_utc, steps))
    runs_on = leak_history.ongoing(engine, city, known_at_utc, made_at_utc, made_at_utc + steps * group.step)
    happened = [*known_events.told(engine, city, known_at_utc), *runs_on]
    before = h.values.shape[1] if clean_until_utc is None else max(int((clean_until_utc - h.start_utc) / h.step), 0)
    seen, cleaned = learnable(h, city.settings.calendar, before, happened)
    for name, sentence in cleaned.items():
        notes[name] = " ".join([*filter(None, [notes.get(name)]), sentence])
    return Known(seen, h.values, happened, notes)


def _parts(
    city: LoadedCity,
    engine: Engine,
    ids: Sequence[str],
    start_utc: datetime,
    made_at_utc: datetime,
    known_at_utc: datetime,
    notes: dict[str, str],
) -> Iterator[groups.History]:
    """At most `POINTS_AT_ONCE` series without our own doing: those that are measured, then those that are sums.

    What was corrected is told in `notes`.
    """
    kind, settings = kinds(city), city.settings.forecast
    points = [city.points[name] for name in ids if name in city.points]
    summed = [name for name in ids if name not in city.points]
    if points:
        # Measured values only: a model that learns estimates learns itself.
        block = meter_days.block(engine, points, start_utc, made_at_utc, known_at=known_at_utc, estimates=False)
        own = {name: kind[name] for name in block.ids}
        made = unmanaged.corrected(engine, city, block, own, known_at_utc)
        for note in made.notes:
            notes[note.series_id] = " ".join([*filter(None, [notes.get(note.series_id)]), note.sentence])
        yield groups.known(made.block, own, made_at_utc, settings, weights=made.weights)
    if summed:
        block = sums.block(city, engine, summed, start_utc, made_at_utc, known_at_utc)
        yield groups.known(block, {name: kind[name] for name in summed}, made_at_utc, settings)


def _empty(group: Group, start_utc: datetime, steps: int) -> Block:
    return Block((), start_utc, group.step, group.quantity, np.zeros((0, steps), np.int64), np.zeros((0, steps), np.uint16))


def _weather(city: LoadedCity, engine: Engine, group: Group, h: groups.History, made_at_utc: datetime, steps: int) -> Weather | None:
    return weather.known(engine, city, _empty(group, h.start_utc, h.values.shape[1]), made_at_utc, steps)


def _arrays(seen: Weather | None) -> list[np.ndarray]:
    if seen is None:
        return []
    return [a for a in (seen.observed, seen.issued, seen.forecasts, seen.known) if a is not None]
