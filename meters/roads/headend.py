"""Readings that a head-end system sends as a MeterReadings message in XML.

Taken are `Readings` and the `IntervalReadings` of `IntervalBlocks` of every `MeterReading`, whatever the namespace, wherever in the
document. The time of an interval is its end. The file is read element by element; entities, document types and absurd depths are refused.

Reference: IEC 61968-9 (MeterReadings).
"""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from xml.etree.ElementTree import Element, ParseError

import numpy as np
import pandas as pd
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from city import quality as q
from city.problems import fault
from city.quality import Cause
from meters.roads.archives import members
from meters.roads.delivered import single
from meters.roads.local_times import to_utc
from meters.roads.mapping import XML_KINDS, Channel, Messages
from meters.roads.reading_types import ReadingType, quality_of

_DEEPEST = 40  # elements within elements; the message needs eight
_MOST_TEXT = 200  # characters of a value, a time or a code


@dataclass
class _Found:
    """The cells of a file, column by column."""

    point: list[str] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)  # number of its series in `series`
    time: list[str] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)


def read_messages(subject: str, content: bytes, messages: Messages) -> pd.DataFrame:
    """The rows (see `meters.roads.delivered`) of an XML file or a ZIP file of such.

    Raises `PenstockError`: not well-formed or not to be trusted XML, a reading without meter, type or time, a value that is no number, a
    series that no channel takes (with `others = "refuse"`), a reading type that is not known, two values at one time.
    """
    found, series = _Found(), _Series(messages, subject)
    for name, part in members(subject, content, XML_KINDS):
        for reading in _meter_readings(name, part):
            _take(reading, series, found, name)
    if not found.point:
        raise fault(subject, "no reading of any channel", "at least one", "Check the mapping, or whether it is a MeterReadings message.")
    kind = np.array(found.kind)
    scale = np.array([(factor, shift) for _, factor, shift, _ in series.known])
    rows = pd.DataFrame({"point_id": found.point, "quantity": np.array([str(one[0]) for one in series.known])[kind]})
    rows["quality"] = np.array(found.quality, dtype=np.int64)
    rows["value"] = np.array(found.value) * scale[kind, 0] + scale[kind, 1]
    texts = pd.Series(found.time, dtype="str")
    utc, kept = to_utc(texts, rows["point_id"], messages.zone, None, "refuse", subject)
    back = pd.Series(np.array([one[3] for one in series.known], dtype="timedelta64[us]")[kind])
    return single(rows.assign(time_utc=utc - back)[kept], subject)


class _Series:
    """Which point and conversion a meter's reading type has; each pair is looked up once."""

    def __init__(self, messages: Messages, subject: str) -> None:
        self.known: list[tuple[str, float, float, timedelta]] = []  # quantity, factor, shift, from the end of its interval to the start
        self._messages, self._subject = messages, subject
        self._of: dict[tuple[str, str], tuple[str, int] | None] = {}
        self._channels: dict[str, list[Channel]] = {}
        for channel in messages.channels:
            self._channels.setdefault(channel.meter, []).append(channel)

    def find(self, meters: list[str], code: str) -> tuple[str, int] | None:
        """Point and series number, None for a series that is left; `meters` are the meter's mRID and names."""
        key = (meters[0], code)
        if key not in self._of:
            self._of[key] = self._look_up(meters, code)
        return self._of[key]

    def _look_up(self, meters: list[str], code: str) -> tuple[str, int] | None:
        kind = ReadingType.parse(code)
        for channel in (c for meter in meters for c in self._channels.get(meter, ())):
            if kind.matches(channel.reading_type):
                quantity, factor, shift = kind.measures()
                back = timedelta(seconds=kind.step_s or self._messages.step_s) if quantity.is_period else timedelta(0)
                self.known.append((quantity, factor, shift, back))
                return channel.point, len(self.known) - 1
        if self._messages.others == "leave":
            return None
        raise fault(
            self._subject, f"meter {meters[0]} with reading type {code}", "a channel of the mapping", 'Add it, or set others = "leave".'
        )


def _meter_readings(subject: str, content: bytes) -> Iterator[Element]:
    """Every MeterReading element; what is read is forgotten, so that a file costs no more than its largest MeterReading."""
    above: list[Element] = []
    inside = 0
    try:
        for event, element in iterparse(io.BytesIO(content), ("start", "end"), forbid_dtd=True):
            if event == "start":
                above.append(element)
                inside += _name(element) == "MeterReading"
                if len(above) > _DEEPEST:
                    raise fault(subject, "elements nested too deeply", f"{_DEEPEST} levels", "Refuse this file.")
                continue
            above.pop()
            if _name(element) == "MeterReading":
                inside -= 1
                yield element
            if inside == 0 and above:
                above[-1].clear()
    except DefusedXmlException as error:
        raise fault(subject, f"{type(error).__name__}", "XML without document type and entities", "Refuse this file.") from None
    except (ParseError, ValueError, LookupError) as error:
        raise fault(subject, str(error), "well-formed XML", "Send the file again.") from None


def _take(reading: Element, series: _Series, found: _Found, subject: str) -> None:
    meters = _meters(reading)
    if not meters:
        raise fault(subject, "a MeterReading without a meter", "Meter or UsagePoint with mRID or name", "Ask the sender.")
    for child in reading:
        if _name(child) == "Readings":
            _add(child, _type_of(child, subject), meters, series, found, subject)
        elif _name(child) == "IntervalBlocks":
            code = _type_of(child, subject)
            for one in child:
                if _name(one) == "IntervalReadings":
                    _add(one, code, meters, series, found, subject)


def _add(element: Element, code: str, meters: list[str], series: _Series, found: _Found, subject: str) -> None:
    place = series.find(meters, code)
    if place is None:
        return
    time, text = _text(element, "timeStamp", subject), _text(element, "value", subject)
    if not time:
        raise fault(f"{subject}, meter {meters[0]}", "a reading without timeStamp", "a time for each value", "Ask the sender.")
    codes = [
        _ref(kind) for quality in element if _name(quality) == "ReadingQualities" for kind in quality if _name(kind) == "ReadingQualityType"
    ]
    quality = quality_of(codes)
    try:
        value = float(text if text.isascii() and "_" not in text else "no number") if text else math.nan
    except ValueError:
        raise fault(f"{subject}, meter {meters[0]}", f"value {text!r} at {time}", "a number", "Ask the sender.") from None
    if not math.isfinite(value):
        quality = q.missing(Cause.GAP)
    elif quality & 0xFF == 0:
        value = math.nan
    found.point.append(place[0])
    found.kind.append(place[1])
    found.time.append(time)
    found.value.append(value if math.isfinite(value) else math.nan)
    found.quality.append(quality)


def _meters(reading: Element) -> list[str]:
    """mRID and names of the meter, or else of the usage point."""
    for wanted in ("Meter", "UsagePoint"):
        for child in reading:
            if _name(child) == wanted:
                ids = [_own(one) for one in child if _name(one) == "mRID"]
                ids += [_own(name) for one in child if _name(one) == "Names" for name in one if _name(name) == "name"]
                if any(ids):
                    return [one for one in ids if one]
    return []


def _type_of(element: Element, subject: str) -> str:
    for child in element:
        if _name(child) == "ReadingType":
            return _ref(child)
    raise fault(subject, f"{_name(element)} without ReadingType", "a reading type", "Ask the sender.")


def _ref(element: Element) -> str:
    return (element.get("ref") or _own(element)).strip()


def _text(element: Element, name: str, subject: str) -> str:
    text = next((_own(child) for child in element if _name(child) == name), "")
    if len(text) > _MOST_TEXT:
        raise fault(subject, f"{name} of {len(text)} characters", f"{_MOST_TEXT}", "Refuse this file.")
    return text


def _own(element: Element) -> str:
    return (element.text or "").strip()


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
