"""The roads by which readings come without being polled: watched folders and message brokers, as city.toml has them."""

import os
import socket
from urllib.parse import urlsplit

from city.problems import fault
from meters.roads.loggers import Broker
from meters.roads.mapping import Drop
from meters.roads.sources import Source
from service.settings import LoadedCity


def sources(city: LoadedCity, origin: str = "") -> list[Source]:
    """Every watched folder and, started, every broker's session, whose batches are marked with `origin`.

    Raises `PenstockError` for certificates or passwords that are missing."""
    made: list[Source] = []
    if city.settings.drops:
        from meters.roads.folders import DropFolder

        quantities = {point.id: point.quantity for point in city.points.values()}
        made += [DropFolder(drop, city.folder, quantities) for drop in city.settings.drops]
    if city.settings.brokers:
        from meters.roads.silence import Subscription
        from meters.roads.subscriber import Subscriber

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


def folder_state(city: LoadedCity, drop: Drop) -> str:
    """How a watched folder stands. Raises `PenstockError` when it cannot be used, or when files in it were refused."""
    folder = city.folder / drop.folder
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise fault(
            f"folder {folder}",
            "not there or not ours",
            "a folder that can be read and written",
            "Start `penstock poll`, or set its rights.",
        )
    refused = [path for path in folder.glob("refused/*") if path.suffix != ".txt"]
    if refused:
        remedy = "Read the .txt beside them; put what is corrected into the folder again, and remove the rest."
        raise fault(f"folder {folder}", f"{len(refused)} files were refused", "none in refused/", remedy)
    return f"{sum(1 for path in folder.iterdir() if path.is_file())} files wait"


def broker_state(city: LoadedCity, broker: Broker) -> str:
    """Whether a broker takes connections. Raises `PenstockError` when it does not, or when a certificate or password is missing."""
    from meters.roads.session import Session

    Session(broker, city.beside)
    at = urlsplit(broker.url)
    try:
        with socket.create_connection((str(at.hostname), int(at.port or 0)), timeout=2):
            return f"{at.hostname}:{at.port} answers"
    except OSError as error:
        raise fault(
            f"broker {broker.url}", error.strerror or str(error), "a broker that takes connections", "Check address and power."
        ) from None
