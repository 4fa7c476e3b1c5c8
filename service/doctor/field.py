"""The field and everybody outside: links, watched folders, brokers, spools, the central, weather, servers of demand response."""

from collections.abc import Iterator

from city.problems import PenstockError
from meters.links.transports import reachable
from meters.spool import fill
from service.doctor.check import Check, Patient
from service.openadr.settings import Vtn
from service.roads import broker_state, folder_state
from service.settings import LoadedCity


def checks(patient: Patient) -> Iterator[Check]:
    city = patient.city
    if city is None:
        return
    yield Check("spool", lambda: _spool(city, patient))
    if patient.station:
        yield Check("central", lambda: _central(patient, city), slow=True)
    settings = city.settings
    for link in settings.links:
        yield Check(f"link {link.id}", lambda link=link: reachable(link), slow=True)  # type: ignore[misc]
    for drop in settings.drops:
        yield Check(f"drops {drop.folder}", lambda drop=drop: folder_state(city, drop))  # type: ignore[misc]
    if settings.weather and not patient.station:
        yield Check("weather", lambda: _weather(city, patient))
    for vtn in settings.vtns:
        yield Check(f"vtn {vtn.id}", lambda vtn=vtn: _vtn(city, patient, vtn), slow=True)  # type: ignore[misc]
    for broker in settings.brokers:
        yield Check(f"broker {broker.id}", lambda broker=broker: broker_state(city, broker), slow=True)  # type: ignore[misc]


def _spool(city: LoadedCity, patient: Patient) -> str:
    """What waits, and how long it could."""
    from service.waiting import capacity

    spools = [found for name in fill.NAMES if (found := fill.look(city.folder / name)) is not None]
    room = capacity(city)
    problems = [problem for found in spools for problem in found.alarms(patient.now_utc)]
    if (short := room.problem()) is not None:
        problems.append(short)
    if problems:
        raise PenstockError(problems)
    return f"{sum(found.readings for found in spools):,} readings wait; {room}"


def _central(patient: Patient, city: LoadedCity) -> str:
    from service.edge.forwarding import Forwarder

    return Forwarder(patient.env, city).greet()


def _weather(city: LoadedCity, patient: Patient) -> str:
    from service.weather import state

    told, problems = state(patient.engine, city, patient.now_utc)
    if problems:
        raise PenstockError(problems)
    return "; ".join(told)


def _vtn(city: LoadedCity, patient: Patient, vtn: Vtn) -> str:
    from service.response.exchange import client

    return client(patient.env, city, vtn).greet()
