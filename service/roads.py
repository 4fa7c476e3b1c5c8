"""The roads by which readings come without being polled: watched folders and message brokers, as city.toml has them."""

from meters.sources import Source
from service.settings import LoadedCity


def sources(city: LoadedCity, origin: str = "") -> list[Source]:
    """Every watched folder and, started, every broker's session, whose batches are marked with `origin`.

    Raises `PenstockError` for certificates or passwords that are missing."""
    made: list[Source] = []
    if city.settings.drops:
        from meters.folders import DropFolder

        quantities = {point.id: point.quantity for point in city.points.values()}
        made += [DropFolder(drop, city.folder, quantities) for drop in city.settings.drops]
    if city.settings.brokers:
        from meters.silence import Subscription
        from meters.subscriber import Subscriber

        for broker in city.settings.brokers:
            loggers = [logger for logger in city.settings.loggers if logger.broker == broker.id]
            known = [Subscription(one, city.models[city.meter[one.meter].model], city.meter[one.meter].step_s) for one in loggers]
            subscriber = Subscriber(broker, known, city.folder / "spool.db", city.beside, origin)
            subscriber.start()
            made.append(subscriber)
    return made


def live_points(city: LoadedCity) -> frozenset[str]:
    """The points whose readings `penstock poll` brings: over a link, from a logger, or from a watched folder."""
    found = {point.id for point in city.points.values() if city.meter[point.meter].link is not None}
    found |= {f"{logger.meter}.{value.name}" for logger in city.settings.loggers for value in logger.values}
    for drop in city.settings.drops:
        # A table whose columns are point ids can hold any point that has no other road.
        found |= drop.points if drop.points is not None else set(city.points) - found
    return frozenset(found)
