"""How well the alarms serve the people who answer them: rates, floods, bad actors.

References: ANSI/ISA-18.2-2016 clause 16 and IEC 62682 (what is measured and the targets: about six alarms an hour and operator, at
most ten in ten minutes, about 80 % low, 15 % medium and 5 % high priority, floods under 1 % of the time, less than five stale a day).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import mean
from typing import Any

from sqlalchemy import Engine, func, or_, select

from city.problems import fault
from service.alarms import store
from service.alarms.flood import WINDOW, floods
from service.alarms.states import Event, State

TARGET_PER_HOUR, TARGET_PER_10_MIN, TARGET_FLOOD_SHARE, TARGET_STALE = 6.0, 10, 0.01, 5
TARGET_SHARES = {1: 0.05, 2: 0.15, 3: 0.80}
CHATTERS, CHATTER_SPAN = 3, timedelta(minutes=1)
FLEETING = timedelta(minutes=15)  # over again within one slot, before anybody answered
STALE = timedelta(hours=24)
TOP = 10


@dataclass(frozen=True)
class Frequent:
    """An alarm and how often it was annunciated; `facts` are its newest."""

    kind: str
    subject: str
    times: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """The figures of [start, end): rates per operator position, shares [1], times [s]; `top` are the most frequent alarms."""

    start_utc: datetime
    end_utc: datetime
    positions: int
    annunciated: int
    per_operator_hour: float
    per_10_min: float
    worst_10_min: int
    share_over_10: float
    floods: int
    flood_share: float
    shares: dict[int, float]
    top: tuple[Frequent, ...]
    chattering: tuple[tuple[str, str, int], ...]
    fleeting: int
    stale: int
    acknowledged: int
    mean_acknowledge_s: float | None

    def told(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"start_utc": self.start_utc.isoformat(), "end_utc": self.end_utc.isoformat()}


def lately(engine: Engine, at_utc: datetime, days: int, positions: int = 1) -> Figures:
    """The figures of the last `days` days."""
    return figures(engine, at_utc - timedelta(days=days), at_utc + timedelta(microseconds=1), positions)


def figures(engine: Engine, start_utc: datetime, end_utc: datetime, positions: int = 1) -> Figures:
    """What the journal says of [start, end). Raises `PenstockError` when the end is not after the start.

    Counts per ten minutes are of intervals counted from the start; a flood is a flood whether it crosses them or not.
    """
    if end_utc <= start_utc:
        raise fault(
            "alarm figures", f"{end_utc:%Y-%m-%d %H:%M} is not after {start_utc:%Y-%m-%d %H:%M} UTC", "a later end", "Exchange them."
        )
    rows = store.events(engine, start_utc, end_utc)
    came = [row for row in rows if row.state == State.UNACKNOWLEDGED]
    times = [row.at_utc for row in came]
    hours = (end_utc - start_utc) / timedelta(hours=1)
    bins = Counter((time - start_utc) // WINDOW for time in times)
    spans = [(begin, min(end or end_utc, end_utc)) for begin, end in floods(times, positions)]
    waits = _waits(rows)
    by_priority = Counter(row.priority for row in came)
    return Figures(
        start_utc=start_utc,
        end_utc=end_utc,
        positions=positions,
        annunciated=len(came),
        per_operator_hour=len(came) / hours / positions,
        per_10_min=len(came) / hours / 6 / positions,
        worst_10_min=-(-max(bins.values(), default=0) // positions),
        share_over_10=sum(count > TARGET_PER_10_MIN * positions for count in bins.values()) / max(hours * 6, 1),
        floods=len(spans),
        flood_share=sum(((end - begin) / (end_utc - start_utc) for begin, end in spans), 0.0),
        shares={priority: by_priority[priority] / len(came) if came else 0.0 for priority in (1, 2, 3)},
        top=_top(came),
        chattering=_chattering(came),
        fleeting=_fleeting(rows),
        stale=_stale(engine, end_utc),
        acknowledged=len(waits),
        mean_acknowledge_s=mean(waits) if waits else None,
    )


def _top(came: Sequence[Any]) -> tuple[Frequent, ...]:
    newest = {(row.kind, row.source): row for row in came}
    counts = Counter((row.kind, row.source) for row in came).most_common(TOP)
    return tuple(Frequent(key[0], newest[key].subject, count, dict(newest[key].facts)) for key, count in counts)


def _waits(rows: Sequence[Any]) -> list[float]:
    """From each annunciation to its acknowledgement [s]."""
    open_since: dict[int, datetime] = {}
    waits = []
    for row in rows:
        if row.state == State.UNACKNOWLEDGED:
            open_since[row.alarm_id] = row.at_utc
        elif row.event == Event.ACKNOWLEDGE and (since := open_since.pop(row.alarm_id, None)) is not None:
            waits.append((row.at_utc - since).total_seconds())
    return waits


def _chattering(came: Sequence[Any]) -> tuple[tuple[str, str, int], ...]:
    """(kind, subject, most annunciations within a minute) of alarms with three or more."""
    of: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for row in came:
        of[(row.kind, row.source)].append(row.at_utc)
    most = {key: max(sum(time <= other < time + CHATTER_SPAN for other in times) for time in times) for key, times in of.items()}
    subject = {(row.kind, row.source): row.subject for row in came}
    return tuple((key[0], subject[key], count) for key, count in sorted(most.items(), key=lambda one: -one[1]) if count >= CHATTERS)


def _fleeting(rows: Sequence[Any]) -> int:
    """Annunciations that were over again within a slot, before anybody acknowledged them."""
    since: dict[int, datetime] = {}
    count = 0
    for row in rows:
        if row.state == State.UNACKNOWLEDGED:
            since[row.alarm_id] = row.at_utc
            continue
        began = since.pop(row.alarm_id, None)
        count += began is not None and row.event == Event.CLEAR and row.at_utc - began <= FLEETING
    return count


def _stale(engine: Engine, at_utc: datetime) -> int:
    """Alarms that stood on the list for more than 24 h at a time, of those that are not over yet or ended later."""
    a = store.A
    lasts = or_(a.ended_utc.is_(None), a.ended_utc > at_utc)
    with engine.connect() as connection:
        statement = select(func.count()).where(lasts, a.active, a.annunciated_utc < at_utc - STALE)
        return int(connection.execute(statement).scalar_one())
