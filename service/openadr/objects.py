"""The objects of OpenADR 3 that Penstock reads and writes: program, event, report and ven, as 3.0.1 and 3.1 have them.

Field names are the standard's in snake case; JSON has them in camel case. Attributes that the standard does not name are private
extensions: they are kept and written back. Targets are strings in 3.1 and values maps in 3.0.1; both are read.

Reference: OpenADR Alliance, OpenADR 3 API (OpenAPI specification) and Definitions, 3.0.1 and 3.1.0.
"""

import json
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from city.problems import PenstockError, Problem, fault
from service.openadr.times import duration, moment

Name = Annotated[str, Field(min_length=1, max_length=128)]
ObjectId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_-]+$")]
DateTime = Annotated[str, AfterValidator(lambda text: (moment(text), text)[1])]
Duration = Annotated[str, AfterValidator(lambda text: (duration(text), text)[1])]
Value = float | int | str | bool | dict[str, float]


class Wire(BaseModel):
    """Base of all objects."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow", frozen=True, allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """The object as JSON has it, without what is not given."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class ValuesMap(Wire):
    """Values of one type, e.g. a price."""

    type: Name
    values: list[Value]


class IntervalPeriod(Wire):
    """When an interval, or the first of several, begins and how long each lasts."""

    start: DateTime
    duration: Duration | None = None
    randomize_start: Duration | None = None


class Interval(Wire):
    """A span of time with its values."""

    id: int
    interval_period: IntervalPeriod | None = None
    payloads: list[ValuesMap]

    def value(self, kind: str) -> Value | None:
        """The first value of a payload type, where it has one."""
        return next((payload.values[0] for payload in self.payloads if payload.type == kind and payload.values), None)


class EventPayloadDescriptor(Wire):
    """What the values of an event mean."""

    object_type: str | None = "EVENT_PAYLOAD_DESCRIPTOR"
    payload_type: Name
    units: str | None = None
    currency: str | None = None


class ReportPayloadDescriptor(Wire):
    """What the values of a report mean."""

    object_type: str | None = "REPORT_PAYLOAD_DESCRIPTOR"
    payload_type: Name
    reading_type: str | None = None
    units: str | None = None
    accuracy: float | None = None
    confidence: Annotated[int, Field(ge=0, le=100)] | None = None


class ReportDescriptor(Wire):
    """A report that is asked for with an event."""

    payload_type: Name
    reading_type: str | None = None
    units: str | None = None
    aggregate: bool = False
    start_interval: int = -1
    num_intervals: int = -1
    historical: bool = True
    frequency: int = -1
    repeat: int = 1


class Addressed(Wire):
    """What a server adds to an object when it takes it."""

    id: ObjectId | None = None
    created_date_time: DateTime | None = None
    modification_date_time: DateTime | None = None


class Program(Addressed):
    """A program as the server tells it; its rules stand in [[programmes]]."""

    object_type: Literal["PROGRAM"] = "PROGRAM"
    program_name: Name
    program_long_name: str | None = None
    country: str | None = None
    time_zone_offset: Duration | None = None
    interval_period: IntervalPeriod | None = None
    binding_events: bool | None = None
    payload_descriptors: list[dict[str, Any]] | None = None
    targets: list[ValuesMap | str] | None = None


class Event(Addressed):
    """A demand-response event: what is asked, in which intervals."""

    object_type: Literal["EVENT"] = "EVENT"
    program_id: Annotated[ObjectId, Field(alias="programID")]
    event_name: str | None = None
    duration: Duration | None = None  # 3.1: the intervals repeat until it is over
    priority: Annotated[int, Field(ge=0)] | None = None
    targets: list[ValuesMap | str] | None = None
    report_descriptors: list[ReportDescriptor] | None = None
    payload_descriptors: list[EventPayloadDescriptor] | None = None
    interval_period: IntervalPeriod | None = None
    intervals: list[Interval]

    def named(self, kind: str) -> list[str] | None:
        """Values of the targets of one kind, e.g. RESOURCE_NAME, with those of 3.1 that name no kind; None: not targeted."""
        if self.targets is None:
            return None
        found: list[str] = []
        for target in self.targets:
            if isinstance(target, str):
                found.append(target)
            elif target.type == kind:
                found += [str(value) for value in target.values]
        return found

    def descriptor(self, kind: str) -> EventPayloadDescriptor:
        """What its values of one type mean."""
        told = (one for one in self.payload_descriptors or () if one.payload_type == kind)
        return next(told, EventPayloadDescriptor(payload_type=kind))


class Resource(Wire):
    """The values of one resource in a report."""

    resource_name: Name
    interval_period: IntervalPeriod | None = None
    intervals: list[Interval]


class Report(Addressed):
    """What a VEN reports of an event. `program_id` is asked for by 3.0.1 and gone in 3.1."""

    object_type: Literal["REPORT"] = "REPORT"
    program_id: Annotated[ObjectId | None, Field(alias="programID")] = None
    event_id: Annotated[ObjectId, Field(alias="eventID")]
    client_name: Name
    report_name: str | None = None
    payload_descriptors: list[ReportPayloadDescriptor] | None = None
    resources: list[Resource]


class Ven(Addressed):
    """The end node itself, as it enrols at a server."""

    object_type: Literal["VEN"] = "VEN"
    ven_name: Name
    attributes: list[ValuesMap] | None = None
    targets: list[ValuesMap | str] | None = None


OBJECTS: dict[str, type[Addressed]] = {"PROGRAM": Program, "EVENT": Event, "REPORT": Report, "VEN": Ven}


def parsed(found: Any, subject: str, kind: str | None = None) -> Addressed:
    """One object of JSON, by its objectType or as `kind`. Raises `PenstockError` with every fault and its path."""
    if not isinstance(found, dict):
        raise fault(subject, f"a {type(found).__name__}", "a JSON object", "Send an OpenADR 3 object.")
    named = str(found.get("objectType") or kind or _guessed(found))
    if named not in OBJECTS or (kind is not None and named != kind):
        raise fault(f"{subject}, objectType", f"'{named}'", kind or ", ".join(OBJECTS), "Send an object of this type.")
    try:
        return OBJECTS[named].model_validate(found)
    except (ValidationError, RecursionError) as error:
        raise PenstockError(_problems(error, subject, named)) from None


def _guessed(found: dict[str, Any]) -> str:
    """Its type by what only it has: clients need not write objectType."""
    marks = (("resources", "REPORT"), ("intervals", "EVENT"), ("programName", "PROGRAM"), ("venName", "VEN"))
    return next((kind for mark, kind in marks if mark in found), "")


def _problems(error: ValidationError | RecursionError, subject: str, kind: str) -> list[Problem]:
    if isinstance(error, RecursionError):
        return [Problem(subject, "nested too deeply", f"an OpenADR 3 {kind}", "Correct the object.")]
    told = error.errors(include_url=False)[:10]
    return [
        Problem(
            f"{subject}, {'.'.join(map(str, one['loc']))}",
            f"{one['msg']} ({_short(one.get('input'))})",
            f"an OpenADR 3 {kind}",
            "Correct the object.",
        )
        for one in told
    ]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def read_json(text: bytes, subject: str) -> Any:
    """JSON of a file or an answer. Raises `PenstockError` for what is none: NaN, numbers beyond any use, half characters."""

    def refuse(name: str) -> Any:
        raise ValueError(f"{name[:40]} is no number")

    def whole(digits: str) -> int:
        return int(digits) if len(digits) < 19 else refuse(digits)  # a longer one fits no float, no column

    def decimal(digits: str) -> float:
        number = float(digits)
        return number if isfinite(number) else refuse(digits)

    try:
        found = json.loads(text, parse_constant=refuse, parse_int=whole, parse_float=decimal)
        json.dumps(found, ensure_ascii=False).encode()  # a lone surrogate passes every check but cannot be stored
        return found
    except (ValueError, RecursionError) as error:
        observed = str(error) if not isinstance(error, RecursionError) else "nested too deeply"
        raise fault(subject, f"no JSON: {observed[:120]}", "JSON in UTF-8", "Correct it.") from None
