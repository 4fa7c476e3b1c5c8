"""Which series a city forecasts, which of them share a machine, and where a process finds city and store."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import Engine, select

from city.clock import civil_day, local_date
from city.problems import fault
from city.quantities import Quantity
from forecasting.groups import group_of
from forecasting.models.task import ForecastSettings
from service import schema as t
from service.cluster import own
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store
from service.sums import forecast_points

Place = tuple[Path, Path, str]
"""City file, home folder, SHA-256 of the city file: by them a process opens city and store itself. The database's URL is not among
them: it may hold a password, and the keys of a cluster's work are shown to whoever looks at its scheduler."""


@dataclass(frozen=True, order=True)
class Group:
    """Series that share a machine on each rung: those of one quantity, step and group of kinds."""

    quantity: Quantity
    step_s: int
    kind: str

    def key(self, rung: str) -> str:
        """The name its machine of a rung is stored under."""
        return f"{self.quantity}/{self.step_s}/{self.kind}/{rung}"

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=self.step_s)

    def __str__(self) -> str:
        return f"{self.kind} [{self.quantity.unit} per {self.step_s / 60:g} min]"


def place_of(environment: Environment) -> Place:
    """The key of a city, for work that any process may take: of the edition that this process reads, also when it was edited since."""
    place = environment.city_file, environment.folder, _edition(environment)
    _asked_here[place] = environment
    return place


_asked_here: dict[Place, Environment] = {}
"""Where the database is, and what the city file said, of the cities that this process itself asks about."""


def opened(place: Place) -> tuple[LoadedCity, Engine]:
    """City and store, once per process and edition of the city file: a worker of a cluster outlives many nights.

    A worker on another machine opens its own city file and its own database. Raises `PenstockError` when that file differs.
    """
    return _opened(own.get() or _asked_here.get(place) or Environment(city=place[0], home=place[1]), place[2])


@lru_cache(maxsize=1)
def _opened(environment: Environment, edition: str) -> tuple[LoadedCity, Engine]:
    if _edition(environment) != edition:
        environment = environment.reading()
    engine = open_store(environment.url)
    if _edition(environment) != edition and own.get() is None:  # edited while a night runs that began with what its record keeps
        with engine.connect() as connection:
            kept = connection.execute(select(t.config_version.c.text).where(t.config_version.c.config_hash == edition)).scalar()
        environment = environment.reading(kept.encode()) if kept is not None else environment
    if _edition(environment) != edition:
        file = environment.city_file
        raise fault(
            f"city file {file}", "is not that of the night", f"SHA-256 {edition[:12]}...", "Copy the city file and start the worker again."
        )
    return load(environment), engine


def _edition(environment: Environment) -> str:
    """SHA-256 of the city file; empty where it is just being replaced."""
    try:
        return hashlib.sha256(environment.content).hexdigest()
    except OSError:
        return ""


@lru_cache(maxsize=2)
def kinds(city: LoadedCity) -> Mapping[str, str]:
    """{series: kind} of every forecast series: meters that ask for one, totals and remainders."""
    return MappingProxyType(forecast_points(city) | {name: summed.kind for name, summed in city.sums.summed.items()})


@lru_cache(maxsize=2)
def groups(city: LoadedCity) -> Mapping[Group, tuple[str, ...]]:
    """The series of each group, measured ones first."""
    found: dict[Group, list[str]] = {}
    for name, kind in kinds(city).items():
        of = city.sums.summed.get(name)
        quantity, step_s = (of.quantity, of.step_s) if of else (city.points[name].stored, city.points[name].step_s)
        found.setdefault(Group(quantity, step_s, group_of(kind)), []).append(name)
    return MappingProxyType({group: tuple(names) for group, names in sorted(found.items())})


def window_start(city: LoadedCity, made_at_utc: datetime, days: int) -> datetime:
    """Local midnight [UTC] of the civil day `days` before that of a time."""
    zone = city.settings.city.time_zone
    return civil_day(local_date(made_at_utc, zone) - timedelta(days=days), zone)[0]


def horizon_steps(settings: ForecastSettings, group: Group) -> int:
    return settings.horizon_hours * 3600 // group.step_s
