"""Availability from the spans in which processes were up: what lies between two spans is an outage, or a planned stop."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from service import schema as t
from service.levels.share import Share
from service.levels.uptime import GAP, PLANNED

Span = tuple[datetime, datetime]


def availability(
    connection: Connection,
    processes: Sequence[str],
    start_utc: datetime,
    end_utc: datetime,
    now_utc: datetime,
    expected_utc: datetime | None = None,
) -> Share:
    """Seconds of [start, end) in which all of `processes` were up, of those that count.

    Time before the first of them was up does not count, nor does a planned stop of any of them; the time since the newest heartbeat
    counts as up for as long as the process need not have spoken again. From `expected_utc` on all of them should run: one that was not
    started by then is down until it is. Before that, and without it, one that was never up is not missed.
    """
    end = min(end_utc, now_utc)
    down: list[Span] = []
    planned: list[Span] = []
    first: datetime | None = None
    for process in processes:
        u = t.up_span.c
        began, before = (
            connection.execute(select(statement).where(u.process == process)).scalar()
            for statement in (func.min(u.since_utc), func.max(case((u.since_utc <= start_utc, u.since_utc))))
        )
        if expected_utc is not None and expected_utc < min(began or end, end):
            first = min(first or expected_utc, expected_utc)
            down.append((expected_utc, min(began or end, end)))
        if began is None or began >= end:
            continue
        since = u.since_utc.between(before or start_utc, end)
        spans = connection.execute(select(t.up_span).where(u.process == process, since).order_by(u.since_utc)).all()
        first = min(first or began, began)
        for one, after in zip(spans, [*spans[1:], None], strict=True):
            until = after.since_utc if after is not None else end
            if after is None and until - one.until_utc <= GAP:
                continue
            (planned if one.ended == PLANNED else down).append((one.until_utc, until))
    if first is None or max(first, start_utc) >= end:
        return Share()
    start = max(first, start_utc)
    left_out = _seconds(_clipped(planned, start, end))
    away = _seconds(_clipped(planned + down, start, end)) - left_out
    total = (end - start).total_seconds() - left_out
    return Share(total - away, total)


def _clipped(spans: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    """Spans within [start, end), joined where they overlap."""
    made: list[Span] = []
    for since, until in sorted((max(a, start), min(b, end)) for a, b in spans):
        if since >= until:
            continue
        if made and since <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], until)
        else:
            made.append((since, until))
    return made


def _seconds(spans: Iterable[Span]) -> float:
    return sum((until - since).total_seconds() for since, until in spans)
