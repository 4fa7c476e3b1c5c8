"""A city without some of its zones: their meters, and all in city.toml that stands on them, as if it had not been written.

Or with them standing still: their forecasts are good, and what contradicts itself is what they should do.
"""

from collections.abc import Collection, Iterable
from typing import Any

from optimisation.assets.fixed_load import FixedLoad
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


def still(city: LoadedCity, zones: Collection[str]) -> LoadedCity:
    """The city in which nothing is planned for the assets of some zones, nor for those tied to them by name, such as a tank's pumps.

    Their loads are still drawn as forecast, from balances that others hang on too: no limit of the city is kept by leaving out a load.
    """
    settings, tied = city.settings, _tied(city.settings.assets)
    gone = {name for asset, own in asset_zones(city).items() if own and own <= set(zones) for name in tied[asset]}
    fed = {name for asset in settings.assets if asset.id not in gone and not isinstance(asset, FixedLoad) for name in asset.balances}
    changed = {
        "assets": tuple(made for asset in settings.assets if (made := _drawn(asset, fed) if asset.id in gone else asset) is not None),
        "states": tuple(state for state in settings.states if state.asset not in gone),
        "controls": tuple(control for control in settings.controls if control.asset not in gone),
    }
    return LoadedCity(settings.model_copy(update=changed), city.environment, city.models, city.config_hash)


def _drawn(asset: Any, fed: Collection[str]) -> FixedLoad | None:
    """What an asset that stands still takes from a balance that others feed: its forecast, where it is a load."""
    if asset.error_sign <= 0 or not asset.series_needed or asset.balance not in fed:
        return None
    return FixedLoad(id=asset.id, name=asset.name, series=asset.series_needed, balance=asset.balance)


def asset_zones(city: LoadedCity) -> dict[str, frozenset[str]]:
    """{asset: the zones of its series, states and controls}; one without any has those of the assets it is tied to."""
    points = {asset.id: list(_points(city, asset.series_needed)) for asset in city.settings.assets}
    for state in city.settings.states:
        points[state.asset] += state.weights
    for control in city.settings.controls:
        points[control.asset].append(control.point)
    zones = {asset: frozenset(_zones(city, names)) for asset, names in points.items()}
    tied = _tied(city.settings.assets)
    return {asset: own or frozenset[str]().union(*(zones[other] for other in tied[asset])) for asset, own in zones.items()}


def _zones(city: LoadedCity, points: Iterable[str]) -> set[str]:
    return {zone for name in points if (zone := city.meter[city.points[name].meter].zone) is not None}


def _points(city: LoadedCity, series: Iterable[str]) -> set[str]:
    """The measured points that some series are made of."""
    return {leaf for name in series for leaf in (city.sums.leaves(name) if name in city.sums.summed else (name,)) if leaf in city.points}


def _tied(assets: Collection[Any]) -> dict[str, frozenset[str]]:
    """{asset: itself and all that it is tied to, over others too, because one names the other}."""
    ids = {asset.id for asset in assets}
    group = {name: {name} for name in ids}
    for asset in assets:
        for other in ids & _named(asset):
            group[asset.id] |= group[other]
            group.update(dict.fromkeys(group[asset.id], group[asset.id]))
    return {name: frozenset(one) for name, one in group.items()}


def _named(asset: Any) -> set[str]:
    """The words among its parameters that may be ids of other assets: a series or a balance of the same name ties nothing."""
    skipped = {"id", "kind", "name", "series", "inflow_series", *asset.ports}
    values = [value for name, value in asset if name not in skipped]
    return {one for value in values for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, str)}


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
