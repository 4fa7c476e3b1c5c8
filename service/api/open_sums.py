"""Which sums over homes the API tells: none from which the sums beside it, or those of the nights before, would tell fewer than k homes.

`carbon.household.differences` chooses among the sums of city.toml. Beside them stand the meters that homes hang under: their readings are
told in any case, so a sum over all but one of a feeder's homes stays closed. When sums or meters change in city.toml, two nights
forecast the same hours with other homes in a sum: such a night, and those whose hours it shares, tell no sum over homes.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from sqlalchemy import Engine, select

from carbon.household.differences import tellable
from city.quantities import Quantity
from service import schema as t
from service.settings import LoadedCity

Homes = frozenset[str]
_OF_METER = ("id", "under", "site", "model", "commodity", "role", "forecast", "formerly")
_OF_TOTAL = ("id", "of", "less")


@lru_cache(maxsize=8)
def open_sums(city: LoadedCity, homes: Homes) -> frozenset[str]:
    """Sums of a city that may be told together while `homes` (site ids) may not; those over no home at all are among them."""
    home_of = {point.id: city.meter[point.meter].site for point in city.points.values() if city.meter[point.meter].site in homes}
    sums = {name: {point: sign for point, sign in city.sums.leaves(name).items() if point in home_of} for name in sorted(city.sums.summed)}
    return tellable(sums, home_of, city.settings.households.k, dict(_measured(city, homes)))


def _measured(city: LoadedCity, homes: Homes) -> Iterator[tuple[str, dict[str, float]]]:
    """(meter and quantity, {point of a home under it: sign}): what a meter outside of homes shows of those under it."""
    registers: dict[str, dict[Quantity, str]] = {}
    for point in city.points.values():
        if point.quantity.is_register:
            registers.setdefault(point.meter, {}).setdefault(point.stored, point.id)
    under: dict[str, list[str]] = {}
    for meter in city.settings.meters:
        if meter.under:
            under.setdefault(meter.under, []).append(meter.id)
    for name in under:
        if city.meter[name].site in homes:
            continue
        found: dict[Quantity, dict[str, float]] = {}
        waiting = list(under[name])
        while waiting:
            meter = city.meter[waiting.pop()]
            if meter.site not in homes:
                waiting += under.get(meter.id, ())
                continue
            for quantity in registers.get(meter.id, {}).keys() & registers.get(name, {}).keys():
                unlike = {meter.role == "generation", city.meter[name].role == "generation"}
                found.setdefault(quantity, {})[registers[meter.id][quantity]] = -1.0 if len(unlike) == 2 else 1.0
        for quantity in sorted(found):
            yield f"{name} {quantity}", found[quantity]


def settled(engine: Engine, city: LoadedCity, night: date) -> bool:
    """Were sums and meters, in this night and in every other that forecast an hour of it, those of the city as it is now?"""
    days = timedelta(days=city.settings.forecast.horizon_hours // 24)  # whole days reach so far, a day of 23 hours an hour further
    r = t.run.c
    asked = select(r.night, r.config_hash).where(r.city == city.settings.city.id, r.night.between(night - days, night)).distinct()
    with engine.connect() as connection:
        used = connection.execute(asked).all()
        others = {str(row.config_hash) for row in used} - {city.config_hash}
        if not any(row.night == night for row in used):
            return False  # a night without a record may have been made with anything
        v = t.config_version.c
        kept = connection.execute(select(v.config_hash, v.text).where(v.config_hash.in_([*others, city.config_hash]))) if others else ()
        texts = {str(row.config_hash): str(row.text) for row in kept}
    if others and city.config_hash not in texts:
        texts[city.config_hash] = _text(city)
    return texts.keys() >= others and len({_members(text) for text in texts.values()}) <= 1


def _text(city: LoadedCity) -> str:
    """The city file as it was loaded; nothing where the hash is not that of a file, as a station's configuration."""
    content = city.environment.content
    return content.decode() if hashlib.sha256(content).hexdigest() == city.config_hash else ""


@lru_cache(maxsize=8)
def _members(text: str) -> str:
    """What a city file says of who is in which sum."""
    raw = tomllib.loads(text)
    tables = (("meters", _OF_METER), ("totals", _OF_TOTAL))
    return json.dumps([sorted(json.dumps([one.get(key) for key in keys]) for one in raw.get(name, [])) for name, keys in tables])
