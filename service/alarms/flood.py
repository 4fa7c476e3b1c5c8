"""Floods: when more is annunciated than a person can read, and the list that stays readable then.

ANSI/ISA-18.2-2016 clause 16 and IEC 62682: a flood begins with ten annunciations within ten minutes per operator position, and ends
when there are fewer than five within ten minutes.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from service.alarms.shown import Shown

WINDOW = timedelta(minutes=10)
BEGINS, ENDS_BELOW = 10, 5  # annunciations within the window, per operator position
MOST_OF_KIND = 12  # single lines of one kind; more become one line also without a flood
LOWEST = 3  # priority whose alarms are grouped by kind during a flood


def floods(times: Sequence[datetime], positions: int = 1) -> list[tuple[datetime, datetime | None]]:
    """(begin, end) of each flood among annunciations at `times`, oldest first; the end is None where none is known by these.

    A flood ends when the last annunciation that keeps it up is ten minutes old.
    """
    steps = sorted([(time, 1) for time in times] + [(time + WINDOW, -1) for time in times])  # at one instant the old ones go first
    found: list[tuple[datetime, datetime | None]] = []
    within, began = 0, None
    for time, change in steps:
        within += change
        if began is None and within >= BEGINS * positions:
            began = time
        elif began is not None and within < ENDS_BELOW * positions:
            found.append((began, time))
            began = None
    return found


def flood_at(times: Sequence[datetime], at_utc: datetime, positions: int = 1) -> datetime | None:
    """Since when there is a flood at a time, None without one."""
    return next((begin for begin, end in floods(times, positions) if begin <= at_utc and (end is None or at_utc < end)), None)


def grouped(rows: Sequence[Shown], *, flood: bool) -> list[Shown]:
    """The list with what belongs together under one line; `members` of that line open it, so nothing is lost.

    Consequences stand under their cause while it is active and on the list. During a flood the alarms of the lowest priority are one
    line per kind, at other times those of a kind with more than a dozen. What must be acted on now is a line by itself.
    """
    names = {f"{row.kind} {row.source}" for row in rows if row.active}
    heads = {f"{row.kind} {row.source}" for row in rows if row.active and row.group not in names}  # a consequence heads nothing
    under: dict[str, list[Shown]] = defaultdict(list)
    alone: list[Shown] = []
    for row in rows:
        (under[row.group] if row.group in heads and not row.acute else alone).append(row)
    alone = [_over(row, under.get(f"{row.kind} {row.source}", ())) for row in alone]
    of_kind: dict[tuple[str, bool, bool], list[Shown]] = defaultdict(list)
    for row in alone:
        if not row.acute:
            of_kind[(row.kind, row.own, row.active)].append(row)
    made = [row for row in alone if row.acute]
    for rows_of_kind in of_kind.values():
        most = 1 if flood and rows_of_kind[0].priority == LOWEST else MOST_OF_KIND
        first, *rest = rows_of_kind
        made += rows_of_kind if len(rows_of_kind) <= most else [_over(first, [one for row in rest for one in (row, *row.members)])]
    return sorted(made, key=Shown.rank)


def _over(head: Shown, members: Sequence[Shown]) -> Shown:
    if not members:
        return head
    return replace(head, members=(*head.members, *(replace(one, members=()) for one in members)), count=head.count + len(members))
