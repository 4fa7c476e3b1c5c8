"""What the columns of a first CSV mean: quantity and unit by their names, the step by their times, one meter each."""

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from city.problems import fault
from service.beginning.text_table import TextTable, moment, number

MOST_COLUMNS = 40
_STEPS_S = (300, 600, 900, 1200, 1800, 3600)
_UNITS = (  # as it stands in a column's name; factor to the stored unit is times the step [h] where `power`
    ("kWh", "electricity", 1.0, False), ("MWh", "electricity", 1000.0, False), ("Wh", "electricity", 0.001, False),
    ("kW", "electricity", 1.0, True), ("MW", "electricity", 1000.0, True), ("W", "electricity", 0.001, True),
    ("m3/h", "water", 1.0, True), ("m³/h", "water", 1.0, True), ("L/s", "water", 3.6, True),
    ("m3", "water", 1.0, False), ("m³", "water", 1.0, False), ("L", "water", 0.001, False),
)  # fmt: skip
POWERS = frozenset(word for word, _, _, power in _UNITS if power)
_SUN = re.compile(r"pv|solar|sun|photovolt|光伏", re.IGNORECASE)


@dataclass(frozen=True)
class Series:
    """A column that becomes a meter."""

    column: str
    meter: str
    unit: str
    commodity: str
    factor: float
    sun: bool

    @property
    def point(self) -> str:
        return f"{self.meter}.{'energy' if self.commodity == 'electricity' else 'volume'}"

    @property
    def quantity(self) -> str:
        return "energy_kwh" if self.commodity == "electricity" else "volume_m3"


@dataclass(frozen=True)
class Proposed:
    """How a table is to be read: each decision that city.toml will state."""

    table: TextTable
    series: tuple[Series, ...]
    step_s: int
    zone: str
    time_marks: str
    first: datetime
    last: datetime
    told: tuple[str, ...]


def proposed(path: Path, table: TextTable, zone: str, unit: str | None) -> Proposed:
    """The mapping that fits. Raises `PenstockError` in sentences: no unit, a register, a step that is none, too many columns."""
    times = _times(path, table)
    step_s = _step(path, times)
    names = [name for name in table.names if name != table.time and _numeric(table, name)]
    if not names:
        raise fault(str(path), "no column of numbers beside the times", "at least one", "Export the readings as numbers.")
    if len(names) > MOST_COLUMNS:
        raise fault(str(path), f"{len(names)} columns of numbers", f"at most {MOST_COLUMNS} to begin with", "Give some of them.")
    series, taken = [], Counter[str]()
    for name in names:
        series.append(_series(path, table, name, step_s, unit, taken))
    told, used = [], zone
    if not table.offset:
        used, sentence = _zone(times, zone)
        told.append(sentence)
    marks = "end" if times[0].time() != times[-1].time() and _ends_on_midnight(times, step_s) else "start"
    meaning = "its end: the first is one step past midnight and the last is midnight" if marks == "end" else "the start of its interval"
    told.append(f"a time is taken as {meaning} (time_marks)")
    return Proposed(table, tuple(series), step_s, used, marks, times[0], times[-1], tuple(told))


def _times(path: Path, table: TextTable) -> list[datetime]:
    times = [moment(cell, table.time_format) for cell in table.cells(table.time)]
    if len(times) < 2:
        raise fault(str(path), "one row", "at least a day of rows", "Export a longer span.")
    if sum(b < a for a, b in itertools.pairwise(times)) > len(times) / 2:
        raise fault(str(path), "its newest row stands first", "rows in the order of their times", "Sort it by time, oldest first.")
    return times


def _step(path: Path, times: list[datetime]) -> int:
    """The most common difference of two times [s]."""
    apart = Counter(int((b - a).total_seconds()) for a, b in itertools.pairwise(times) if b > a)
    step_s = apart.most_common(1)[0][0] if apart else 0
    if step_s not in _STEPS_S:
        allowed = ", ".join(f"{one // 60}" for one in _STEPS_S)
        remedy = "Add up shorter steps; daily values have no course within the day to plan by." if step_s else "Give one row per time."
        raise fault(str(path), f"a row every {step_s / 60:g} minutes", f"every {allowed} minutes", remedy)
    return step_s


def _numeric(table: TextTable, name: str) -> bool:
    """Numbers in nearly every filled cell; a column of words (status, remarks) is left out."""
    good = bad = 0
    for cell in table.cells(name):
        try:
            good += number(cell, table.decimal) is not None
        except ValueError:
            bad += 1
    return good > 0 and bad <= 0.02 * good


def _series(path: Path, table: TextTable, name: str, step_s: int, unit: str | None, taken: Counter[str]) -> Series:
    subject = f"{path}, column '{name}'"
    for row, cell in enumerate(table.cells(name), start=1):
        try:
            number(cell, table.decimal)
        except ValueError:
            raise fault(subject, f"'{cell}' in row {row}", "a number or nothing", "Correct or empty that cell.") from None
    values = [value for cell in table.cells(name) if (value := number(cell, table.decimal)) is not None]
    found = _unit(unit) if unit else next((one for part in reversed(_parts(name)) if (one := _unit(part))), None)
    if found is None:
        known = ", ".join(one[0] for one in _UNITS)
        raise fault(
            subject,
            "a unit that is not told" if not unit else f"unit '{unit}'",
            known,
            "Name the column like 'hall [kWh]', or give --unit.",
        )
    word, commodity, factor, power = found
    if not power and _is_register(values):
        observed = f"only rises, from {values[0]:g} to {values[-1]:g} {word}: it is a meter's register"
        raise fault(subject, observed, "what was used in each interval", "Take the differences of its rows, or give power.")
    stem = name
    for mark in (f"[{word}]", f"({word})", word):
        stem = re.sub(re.escape(mark), " ", stem, flags=re.IGNORECASE) if len(mark) > 2 else stem
    plain = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:30] or ("load" if commodity == "electricity" else "inflow")
    taken[plain] += 1
    meter = plain if taken[plain] == 1 else f"{plain}-{taken[plain]}"
    scale = factor * step_s / 3600 if power else factor
    return Series(name, meter, word, commodity, scale, commodity == "electricity" and bool(_SUN.search(name)))


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[\s_\[\](){},;:]+", name.replace("m^3", "m3")) if part]


def _unit(word: str) -> tuple[str, str, float, bool] | None:
    return next((one for one in _UNITS if one[0].lower() == word.lower()), None)


def _is_register(values: list[float]) -> bool:
    """Never falls over at least fifty rows, and stands far above what it gains in a step."""
    if len(values) < 50 or values[-1] <= values[0]:
        return False
    rising = all(b >= a for a, b in itertools.pairwise(values))
    return rising and values[0] > 5 * (values[-1] - values[0]) / (len(values) - 1)


def _zone(times: list[datetime], zone: str) -> tuple[str, str]:
    """The zone of times without offset. Times that the zone skips in spring, all through: clocks that stay on winter time."""
    local, skipped = ZoneInfo(zone), 0
    for time in times:
        there = time.replace(tzinfo=local)
        skipped += there.astimezone(UTC).astimezone(local).replace(tzinfo=None) != time
    repeated = len(times) - len(set(times))
    told = f"times have no offset: they are taken as {zone} with its summer time"
    if not skipped or repeated:
        return zone, told
    winter = datetime(times[0].year, 1, 1, tzinfo=local).utcoffset() or timedelta()
    hours = winter.total_seconds() / 3600
    if hours != int(hours):
        return zone, told
    fixed = f"Etc/GMT{-int(hours):+d}" if hours else "UTC"
    return fixed, f"times have no offset and {skipped} of them do not exist in {zone}: they are taken as winter time all year ({fixed})"


def _ends_on_midnight(times: list[datetime], step_s: int) -> bool:
    def past(time: datetime) -> float:
        return time.hour * 3600 + time.minute * 60 + time.second

    return past(times[0]) == step_s and past(times[-1]) == 0
