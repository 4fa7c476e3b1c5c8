"""OpenADR 3 reports of settled events, and reports that others send; events, programs and the VEN itself as objects to send."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from city.problems import fault
from optimisation.response.programme import Programme
from service import schema as t
from service.openadr.objects import (
    Event,
    EventPayloadDescriptor,
    Interval,
    IntervalPeriod,
    Program,
    Report,
    ReportDescriptor,
    ReportPayloadDescriptor,
    Resource,
    ValuesMap,
    Ven,
)
from service.openadr.settings import Vtn
from service.openadr.times import written
from service.response import events
from service.response.events import Record
from service.settings import LoadedCity

KINDS = ("USAGE", "BASELINE", "OPERATING_STATE", "DATA_QUALITY")
_DESCRIBED = {
    "USAGE": ReportPayloadDescriptor(payload_type="USAGE", reading_type="DIRECT_READ", units="KWH"),
    "BASELINE": ReportPayloadDescriptor(payload_type="BASELINE", reading_type="ESTIMATED", units="KWH"),
    "OPERATING_STATE": ReportPayloadDescriptor(payload_type="OPERATING_STATE"),
    "DATA_QUALITY": ReportPayloadDescriptor(payload_type="DATA_QUALITY"),
}
_SENT = {  # our signal -> payload type and units of an event that is sent
    "reduce_kw": ("DISPATCH_SETPOINT_RELATIVE", "KW", -1.0),
    "setpoint_kw": ("DISPATCH_SETPOINT", "KW", 1.0),
    "import_limit_kw": ("IMPORT_CAPACITY_LIMIT", "KW", 1.0),
    "import_price_per_kwh": ("PRICE", "KWH", 1.0),
    "export_price_per_kwh": ("EXPORT_PRICE", "KWH", 1.0),
    "kg_per_kwh": ("GHG", "GHG", 1000.0),
}


def server_of(city: LoadedCity, programme: Programme) -> Vtn | None:
    """The VTN that calls a programme."""
    return next((vtn for vtn in city.settings.vtns if vtn.id == programme.vtn), None)


def report_of(city: LoadedCity, one: Record, settlement: Any) -> Report:
    """What a settlement tells the VTN: usage, baseline, operating state and data quality of every interval.

    Where the event asks for certain reports, only those of them are told that Penstock makes.
    """
    programme = events.programmes(city)[one.programme]
    vtn = server_of(city, programme)
    client_name = vtn.ven_name if vtn else city.settings.city.id
    document, detail = one.document or {}, settlement.detail
    asked = [str(descriptor.get("payloadType")) for descriptor in document.get("reportDescriptors") or ()]
    kinds = [kind for kind in KINDS if kind in asked] or list(KINDS)
    step = timedelta(seconds=detail["step_s"])
    pairs = zip(detail["measured_kwh"], detail["baseline_kwh"], strict=True)
    intervals = [Interval(id=i, payloads=_payloads(kinds, measured, usual)) for i, (measured, usual) in enumerate(pairs)]
    period = IntervalPeriod(start=detail["times_utc"][0], duration=written(step))
    return Report(
        program_id=programme.program_id if _older(vtn) else None,  # 3.1 has none
        event_id=str(document.get("id") or one.event_id),
        client_name=client_name,
        report_name=f"{client_name}-{one.event_id}-{settlement.version}",
        payload_descriptors=[_DESCRIBED[kind] for kind in kinds],
        resources=[Resource(resource_name=one.asset_id, interval_period=period, intervals=intervals)],
    )


def _payloads(kinds: Sequence[str], measured: float | None, usual: float) -> list[ValuesMap]:
    """An interval without a reading has no usage, and says so."""
    values: dict[str, list[float | int | str | bool | dict[str, float]]] = {
        "USAGE": [measured] if measured is not None else [],
        "BASELINE": [usual],
        "OPERATING_STATE": ["RUNNING_CURTAILED"],
        "DATA_QUALITY": ["OK" if measured is not None else "MISSING"],
    }
    return [ValuesMap(type=kind, values=values[kind]) for kind in kinds if values[kind]]


def _older(vtn: Vtn | None) -> bool:
    """Is 3.0.1 spoken? Where nothing is said, 3.1 is."""
    return vtn is not None and vtn.version == "3.0.1"


def event_of(city: LoadedCity, one: Record) -> Event:
    """An event as an OpenADR object: as it came, or as it is to be sent to participants."""
    if one.document is not None:
        return Event.model_validate(one.document)
    programme, amounts = events.programmes(city)[one.programme], one.acting()
    if one.signal == "reduce_share" or not amounts:
        raise fault(
            f"event {one.event_id}", "nothing that can be sent", "an event in kW or a price that was not cancelled", "Choose another."
        )
    kind, units, scale = _SENT[one.signal]
    currency = city.settings.city.currency if units == "KWH" else None
    intervals = [
        Interval(
            id=i,
            interval_period=IntervalPeriod(start=_time(start), duration=written(end - start) if end else "P9999Y"),
            payloads=[ValuesMap(type=kind, values=[amount * scale])],
        )
        for i, (start, end, amount) in enumerate(amounts)
    ]
    return Event(
        id=f"penstock-{city.settings.city.id}-{one.event_id}",
        program_id=programme.program_id,
        event_name=one.reason,
        created_date_time=_time(one.made_at_utc),
        targets=[ValuesMap(type="RESOURCE_NAME", values=[one.asset_id]) if _older(server_of(city, programme)) else one.asset_id],
        report_descriptors=[ReportDescriptor(payload_type=kind, units="KWH") for kind in ("USAGE", "BASELINE")],
        payload_descriptors=[EventPayloadDescriptor(payload_type=kind, units=units, currency=currency)],
        interval_period=IntervalPeriod(start=_time(one.start_utc)),
        intervals=intervals,
    )


def program_of(city: LoadedCity, programme: Programme) -> Program:
    """A programme as an OpenADR program."""
    descriptors = [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "DISPATCH_SETPOINT_RELATIVE", "units": "KW"}]
    return Program(
        id=programme.program_id,
        program_name=programme.program_id,
        program_long_name=programme.name or None,
        country=city.settings.city.country,
        binding_events=False,
        payload_descriptors=[*descriptors, *(_DESCRIBED[kind].to_json() for kind in KINDS)],
    )


def ven_of(city: LoadedCity, vtn: Vtn) -> Ven:
    """This city as it enrols at a VTN."""
    return Ven(ven_name=vtn.ven_name, attributes=[ValuesMap(type="LOCATION", values=[city.settings.city.name])])


def _time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def take(connection: Connection, found: Report, now_utc: datetime) -> str:
    """Keep a report that came in; the same one again changes nothing. Returns a sentence."""
    number = next((int(part) for part in (found.event_id.rpartition("-")[2],) if part.isdecimal()), 0)
    known = connection.execute(select(t.response_event.c.event_id, t.response_event.c.document)).all()
    number = next((row.event_id for row in known if (row.document or {}).get("id") == found.event_id), number)
    if number not in {row.event_id for row in known}:
        raise fault(
            f"report of event '{found.event_id}'", "no such event here", "an event of `penstock response list --all`", "Check its eventID."
        )
    key = (found.id or found.report_name or found.client_name)[:128]
    return f"report {key} of event {number} " + ("is kept" if keep(connection, number, 0, "in", key, found, now_utc) else "was kept before")


def keep(connection: Connection, event_id: int, version: int, way: str, foreign_id: str, report: Report, now_utc: datetime) -> bool:
    """Store a report; False when it is there already."""
    r = t.response_report
    same = (r.c.event_id == event_id) & (r.c.version == version) & (r.c.way == way)
    same &= (r.c.foreign_id == foreign_id) if way == "in" else True
    if connection.execute(select(r.c.report_id).where(same)).first() is not None:
        return False
    values = {"event_id": event_id, "version": version, "way": way, "foreign_id": foreign_id, "at_utc": now_utc}
    connection.execute(r.insert().values(**values, document=report.to_json()))
    return True


def posted(engine: Engine) -> set[tuple[int, int]]:
    """(event, version of its settlement) of every report that a VTN took."""
    r = t.response_report
    with engine.connect() as connection:
        return {(row.event_id, row.version) for row in connection.execute(select(r).where(r.c.way == "out"))}
