"""A city without some of its zones: their meters, and all in city.toml that stands on them, as if it had not been written."""

from collections.abc import Collection
from typing import Any

from service.settings import LoadedCity


def points_of(city: LoadedCity, zones: Collection[str]) -> frozenset[str]:
    """The points of the meters in some zones."""
    return frozenset(point.id for point in city.points.values() if city.meter[point.meter].zone in zones)


def zoned(city: LoadedCity) -> list[str]:
    """The zones that have a meter, in the order of city.toml."""
    used = {meter.zone for meter in city.settings.meters}
    return [zone.id for zone in city.settings.zones if zone.id in used]


def without(city: LoadedCity, zones: Collection[str]) -> LoadedCity:
    """The city without the meters of some zones.

    What is derived from them goes as well: totals that they are part of, accounts whose entries their usage may change. An asset loses
    the series of its zones; one that has no other, or whose state or setpoint is theirs, is not planned.
    """
    from service.books.restating import touched  # the books know the night

    settings = city.settings
    points = points_of(city, zones)
    gone = _sums(city, points)
    meters = {meter.id for meter in settings.meters if meter.zone in zones}
    states = tuple(state for state in settings.states if not points & set(state.weights))
    controls = tuple(control for control in settings.controls if control.point not in points)
    idle = {state.asset for state in settings.states if state not in states} | {c.asset for c in settings.controls if c not in controls}
    assets = tuple(less for asset in settings.assets if asset.id not in idle for less in _less(asset, gone))
    kept = {asset.id for asset in assets}
    accounts = touched(city, set(points))
    changed = {
        "meters": tuple(_root(meter, meters) for meter in settings.meters if meter.id not in meters),
        "totals": tuple(total for total in settings.totals if total.id not in gone),
        "states": tuple(state for state in states if state.asset in kept),
        "controls": tuple(control for control in controls if control.asset in kept),
        "assets": assets,
        "accounts": tuple(account for account in settings.accounts if account.id not in accounts),
    }
    return LoadedCity(settings.model_copy(update=changed), city.environment, city.models, city.config_hash)


def _sums(city: LoadedCity, points: frozenset[str]) -> set[str]:
    """The points, and every sum that one of them is part of."""
    gone = set(points)
    while more := {name for name, one in city.sums.summed.items() if name not in gone and gone & set(one.parts)}:
        gone |= more
    return gone


def _less(asset: Any, gone: set[str]) -> list[Any]:
    """The asset without the series that are gone: none where it has no other."""
    needed = set(asset.series_needed)
    if not needed & gone:
        return [asset]
    series = getattr(asset, "series", None)
    if not isinstance(series, tuple) or needed <= gone or needed - set(series) & gone:
        return []
    return [asset.model_copy(update={"series": tuple(name for name in series if name not in gone)})]


def _root(meter: Any, gone: set[str]) -> Any:
    return meter.model_copy(update={"under": None}) if meter.under in gone else meter
