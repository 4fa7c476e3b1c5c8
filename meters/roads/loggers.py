"""Loggers that publish over MQTT: what a message means, as data, and a message's readings. Nothing here talks to a broker.

A logger has a meter as every device; the registers of the meter's model say what it measures and what it may mean. Their addresses and
number formats play no part.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from city import quality as q
from city.clock import floor
from city.named_files import Names
from city.quality import Cause
from meters.maps.model import DeviceModel, Register
from meters.roads.mapping import factor_and_shift

_LARGEST = 2**62  # of the store's integers
_YES_NO = ("running", "opening", "state")  # quantities for which true and false are numbers


class Broker(BaseModel):
    """A message broker that loggers publish to."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str = Field(description="short name; loggers refer to it")
    url: str = Field(description="mqtt://host:port, or mqtts:// for TLS")
    client_id: str = Field(
        default="", description="name of our session at the broker; penstock-<id> when not given. Never change it lightly"
    )
    user: str = Field(default="", description="user name at the broker")
    password_variable: str = Field(default="", description="environment variable that holds the password")
    ca: Annotated[str, Names.BESIDE] = Field(
        default="", description="TLS: certificates that the broker's is checked against (PEM), beside city.toml; the system's if none"
    )
    certificate: Annotated[str, Names.BESIDE] = Field(default="", description="TLS: our own certificate (PEM), beside city.toml")
    key: Annotated[str, Names.PRIVATE] = Field(default="", description="TLS: our private key (PEM), beside city.toml")
    keepalive_s: int = Field(default=60, ge=5, le=3600, description="a broker silent for longer is given up [s]")

    @field_validator("url")
    @classmethod
    def _mqtt(cls, url: str) -> str:
        parts = urlsplit(url)
        try:
            complete = parts.scheme in ("mqtt", "mqtts") and parts.hostname and parts.port and parts.path in ("", "/")
        except ValueError:
            complete = False
        if not complete or parts.username or parts.password:
            raise ValueError(f"{re.sub('//.*@', '//...@', url)!r} is not mqtt://host:port; user and password have keys of their own")
        return url

    @model_validator(mode="after")
    def _tls(self) -> Self:
        if (self.ca or self.certificate or self.key) and not self.url.startswith("mqtts://"):
            raise ValueError("certificates are for mqtts://")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key need each other")
        return self


class Value(BaseModel):
    """One number of a message."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(description="register of the meter's model; the point is <meter>.<name>")
    path: str = Field(default="", pattern=r"^(/.*)?$", description="JSON pointer (RFC 6901), e.g. /data/0/p; empty: the whole payload")
    factor: float | None = Field(default=None, description="units of the quantity per unit of the message; 1 when not given")
    unit: str | None = Field(default=None, description="unit of the message, instead of a factor: bar, L/s, Wh, ...")

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if self.factor is not None and self.unit is not None:
            raise ValueError("factor and unit exclude each other")
        return self

    def scale(self, register: Register) -> tuple[float, float]:
        """Factor and shift to the unit of the register's quantity. Raises `ValueError` for a unit of another kind."""
        if self.unit is not None and register.quantity is not None:
            return factor_and_shift(self.unit, register.quantity)
        return 1.0 if self.factor is None else self.factor, 0.0


class Logger(BaseModel):
    """A device that publishes its readings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    meter: str = Field(description="meter id")
    broker: str = Field(description="broker id")
    topic: str = Field(pattern=r"^[^#+\x00]+$", max_length=1000, description="where it publishes; no wildcards")
    values: tuple[Value, ...] = Field(min_length=1, description="the numbers of a message")
    time: str | None = Field(
        default=None,
        pattern=r"^/.+$",
        description="JSON pointer to the time of the reading; none: the time of arrival, and nothing is queued",
    )
    time_format: Literal["iso", "s", "ms"] = Field(default="iso", description="iso: ISO 8601 with offset; s, ms: since 1970 UTC")
    window_s: int = Field(
        default=60, ge=0, description="a reading up to this long after a grid time of its meter is the reading of that time [s]"
    )
    max_age_s: int = Field(default=3600, ge=1, description="a grid time without a reading for this long is called missing [s]")
    ahead_s: float = Field(default=120.0, ge=0, description="a reading further in the future than this is refused [s]")
    behind_s: float = Field(default=35 * 86400.0, gt=0, description="a reading older than this is refused [s]")
    availability: str | None = Field(default=None, pattern=r"^[^#+\x00]+$", description="topic of its last will: online or offline")
    offline: str = Field(default="offline", description="what stands there when it is gone")
    max_bytes: int = Field(default=65536, ge=1, le=10_000_000, description="a longer message is refused unread [bytes]")


@dataclass(frozen=True)
class Row:
    """One reading of a message."""

    register: Register
    time_utc: datetime
    value: float
    quality: int


def rows(logger: Logger, model: DeviceModel, step_s: int, payload: bytes, arrived_utc: datetime) -> Iterator[Row]:
    """The readings of one message: for every value that it has, a number or the reason why not. Never raises for what was sent.

    A message that cannot be read, or whose time is not to be believed, gives a row without a value for each of its points, at the time of
    its arrival. A value that the message does not have gives none.
    """
    document, cause = _document(logger, payload)
    time = arrived_utc
    if cause is Cause.NONE and logger.time is not None:
        time, cause = _time(logger, document, arrived_utc)
    for value in logger.values:
        register = model.register(value.name)
        if cause is not Cause.NONE:
            yield Row(register, arrived_utc, math.nan, q.missing(cause))
            continue
        found = _at(document, value.path)
        if found is _ABSENT:
            continue
        number, quality = _number(found, value, register)
        # Only a value may stand for a grid time: a reason why not must not take the place of the value that may still come.
        yield Row(register, arrived_utc if math.isnan(number) else _slot(time, step_s, logger.window_s), number, quality)


class _Absent:
    pass


_ABSENT = _Absent()


def _document(logger: Logger, payload: bytes) -> tuple[Any, Cause]:
    if len(payload) > logger.max_bytes:
        return None, Cause.OVERSIZE
    try:
        return json.loads(payload.decode("utf-8")), Cause.NONE
    except (ValueError, RecursionError):  # not UTF-8, not JSON, a number of thousands of digits, ten thousand brackets
        return None, Cause.GARBAGE


def _at(document: Any, path: str) -> Any:
    """The element a JSON pointer leads to, `_ABSENT` where there is none (RFC 6901)."""
    for part in path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isascii() and key.isdigit() and len(key) < 9 and int(key) < len(document):
            document = document[int(key)]
        else:
            return _ABSENT
    return document


def _time(logger: Logger, document: Any, arrived_utc: datetime) -> tuple[datetime, Cause]:
    """The logger's time, or why it is not to be believed: CLOCK when it is none or lies ahead, TIME_TOLERANCE when it is too old."""
    told = _at(document, str(logger.time))
    try:
        if logger.time_format == "iso":
            time = datetime.fromisoformat(told)
        elif isinstance(told, bool) or not isinstance(told, int | float):
            return arrived_utc, Cause.CLOCK
        else:
            time = datetime.fromtimestamp(0, UTC) + timedelta(seconds=told / (1000 if logger.time_format == "ms" else 1))
        if time.tzinfo is None:
            return arrived_utc, Cause.CLOCK
        late_s = (arrived_utc - time.astimezone(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return arrived_utc, Cause.CLOCK
    if late_s < -logger.ahead_s:
        return arrived_utc, Cause.CLOCK
    return time.astimezone(UTC), Cause.TIME_TOLERANCE if late_s > logger.behind_s else Cause.NONE


def _slot(time: datetime, step_s: int, window_s: int) -> datetime:
    """The grid time that a reading at `time` stands for, or `time` itself when it lies outside the window behind one."""
    down = floor(time, timedelta(seconds=step_s))
    return down if (time - down).total_seconds() <= window_s else time


def _number(found: Any, value: Value, register: Register) -> tuple[float, int]:
    """A value [unit of the quantity] and its quality; NaN where there is none."""
    quantity = register.quantity
    if quantity is None or found is None or (isinstance(found, float) and math.isnan(found)):
        return math.nan, q.missing(Cause.NOT_IMPLEMENTED)
    if (isinstance(found, bool) and quantity not in _YES_NO) or not isinstance(found, int | float):
        return math.nan, q.missing(Cause.INVALID_REPLY)
    factor, shift = value.scale(register)
    try:
        number = float(found) * factor + shift
    except OverflowError:
        number = math.inf
    if not abs(number) * quantity.scale < _LARGEST:
        return math.nan, q.missing(Cause.OUT_OF_MAP)
    low, high = register.minimum, register.maximum
    inside = (low is None or number >= low) and (high is None or number <= high)
    meant = not register.enum or number in register.enum
    return number, q.VALID if inside and meant else q.questionable(Cause.OUT_OF_MAP)
