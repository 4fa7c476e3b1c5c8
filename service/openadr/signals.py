"""What an OpenADR event asks of this city: payloads become signals in the units of the plan.

| payload | units | signal |
|---|---|---|
| SIMPLE | level 0 to 3 | part of each participant's offer, `simple_shares` of the programme |
| DISPATCH_SETPOINT | KW | what each participant takes at most |
| DISPATCH_SETPOINT_RELATIVE | KW | how much less it takes, when below zero |
| IMPORT_CAPACITY_LIMIT | KW | what all grids together import at most |
| PRICE, EXPORT_PRICE | KWH, in the city's currency | import and export price |
| GHG | GHG (g/kWh) | carbon intensity of imports |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from city.problems import PenstockError, Problem, fault
from optimisation.response.programme import Programme
from service.openadr.objects import Event, Value
from service.openadr.times import Span, spans

Signal = Literal[
    "reduce_share", "setpoint_kw", "reduce_kw", "import_limit_kw", "import_price_per_kwh", "export_price_per_kwh", "kg_per_kwh"
]
CITY = "*"
"""The asset id of what is asked of the whole city."""

_SCALES: dict[str, dict[str | None, float]] = {  # payload type -> units -> the unit of the plan
    "SIMPLE": {None: 1.0, "": 1.0},
    "DISPATCH_SETPOINT": {"KW": 1.0, "MW": 1000.0},
    "DISPATCH_SETPOINT_RELATIVE": {"KW": -1.0, "MW": -1000.0},
    "IMPORT_CAPACITY_LIMIT": {"KW": 1.0, "MW": 1000.0},
    "PRICE": {"KWH": 1.0, "MWH": 0.001},
    "EXPORT_PRICE": {"KWH": 1.0, "MWH": 0.001},
    "GHG": {"GHG": 0.001, None: 0.001},
}
_SIGNALS: dict[str, Signal] = dict(
    zip(
        ("SIMPLE", "DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE", "IMPORT_CAPACITY_LIMIT", "PRICE", "EXPORT_PRICE", "GHG"),
        get_args(Signal),
        strict=True,
    )
)
OF_AN_ASSET: tuple[Signal, ...] = ("reduce_share", "setpoint_kw", "reduce_kw")
"""Signals that a participant answers; the others are the whole city's."""


@dataclass(frozen=True)
class Asked:
    """One signal of an event to one asset, or to the city: [(start, end or None, amount)] in the signal's unit, in order."""

    asset: str
    signal: Signal
    amounts: tuple[tuple[datetime, datetime | None, float], ...]


def asked(
    event: Event, programme: Programme, enrolled: Sequence[str], names: Sequence[str], currency: str, now_utc: datetime
) -> list[Asked]:
    """What an event asks of this city; empty when it is for others.

    `enrolled` are the assets in the programme, `names` what this VEN and its groups are called. Raises `PenstockError`: values or
    units that cannot be used, no payload that is acted on, intervals without a start.
    """
    subject = f"event {event.id or event.event_name or ''}".strip()
    if not _for_us(event, enrolled, names):
        return []
    timed = spans(event.intervals, event.interval_period, event.duration, now_utc, subject)
    kinds = list(dict.fromkeys(payload.type for span in timed for payload in span.interval.payloads))
    known = [kind for kind in kinds if kind in _SIGNALS]
    if not known:
        raise fault(subject, f"payloads {', '.join(kinds) or 'none'}", f"one of {', '.join(_SIGNALS)}", "Tell an operator what it asks.")
    resources = event.named("RESOURCE_NAME") or []
    called = [asset for asset in enrolled if asset in resources] or list(enrolled)
    found: list[Asked] = []
    problems: list[Problem] = []
    for kind in known:
        try:
            amounts = _amounts(event, kind, timed, programme, currency, subject)
        except PenstockError as error:
            problems += error.problems
            continue
        if _SIGNALS[kind] in OF_AN_ASSET and not called:
            problems.append(Problem(subject, f"{kind} to programme {programme.id}", "an enrolled asset", "Enrol one, or ask the sender."))
        assets = called if _SIGNALS[kind] in OF_AN_ASSET else [CITY]
        found += [Asked(asset, _SIGNALS[kind], amounts) for asset in assets if amounts]
    if problems:
        raise PenstockError(problems)
    return found


def _for_us(event: Event, enrolled: Sequence[str], names: Sequence[str]) -> bool:
    """Is it for every VEN, or does a target name this one, its groups or its resources?"""
    if not event.targets:
        return True
    named = {value for kind in ("VEN_NAME", "RESOURCE_NAME", "GROUP") for value in event.named(kind) or ()}
    other = any(not isinstance(target, str) and target.type not in ("VEN_NAME", "RESOURCE_NAME", "GROUP") for target in event.targets)
    return bool(named & {*enrolled, *names}) or (other and not named)


def _amounts(
    event: Event, kind: str, timed: Sequence[Span], programme: Programme, currency: str, subject: str
) -> tuple[tuple[datetime, datetime | None, float], ...]:
    scale = _scale(event, kind, currency, subject)
    made = []
    for span in timed:
        value = span.interval.value(kind)
        if value is None:
            continue
        amount = _number(value, kind, f"{subject}, interval {span.interval.id}") * scale
        if kind == "SIMPLE":
            amount = (0.0, *programme.simple_shares)[int(amount)]
        if _SIGNALS[kind] in ("reduce_share", "reduce_kw") and amount <= 0:
            continue  # an ordinary hour, or more load: nothing is taken away
        made.append((span.start_utc, span.end_utc, amount))
    return tuple(made)


def _scale(event: Event, kind: str, currency: str, subject: str) -> float:
    told = event.descriptor(kind)
    scales = _SCALES[kind]
    if told.units not in scales:
        allowed = " or ".join(str(unit) for unit in scales if unit)
        raise fault(f"{subject}, {kind}", f"units {told.units or 'not given'}", allowed or "none", "Name the unit in payloadDescriptors.")
    if kind in ("PRICE", "EXPORT_PRICE") and told.currency not in (None, currency):
        raise fault(f"{subject}, {kind}", f"currency {told.currency}", currency, "Send prices in the city's currency.")
    return scales[told.units]


def _number(value: Value, kind: str, subject: str) -> float:
    """A payload's value. Raises `PenstockError` when it is none that this type may have."""
    least = {"DISPATCH_SETPOINT": 0.0, "IMPORT_CAPACITY_LIMIT": 0.0, "GHG": 0.0, "SIMPLE": 0.0}.get(kind, float("-inf"))
    right = isinstance(value, int | float) and not isinstance(value, bool) and value >= least
    if kind == "SIMPLE":
        right = right and value in (0, 1, 2, 3)
    if not right or not isinstance(value, int | float):
        allowed = "0, 1, 2 or 3" if kind == "SIMPLE" else "a number" if least < 0 else "a number of at least 0"
        raise fault(f"{subject}, {kind}", f"{value!r:.60}", allowed, "Correct the value.")
    return float(value)
