"""How conditions move the alarms that last: delays, suppression by design, the end of shelving. Pure: rows in, rows and events out."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from service.alarms.conditions import Condition
from service.alarms.kinds import Kind
from service.alarms.states import HIDDEN, Event, State, after

Row = dict[str, Any]
Key = tuple[str, str]
NEW: Row = {
    "annunciated_utc": None, "acknowledged_utc": None, "acknowledged_by": None, "until_utc": None, "reason": "", "ended_utc": None,
}  # fmt: skip


class Mover:
    """Moves rows at one time and remembers what happened to them."""

    def __init__(self, kinds: Mapping[str, Kind], at_utc: datetime) -> None:
        self._kinds, self._at = kinds, at_utc
        self.events: list[Row] = []

    def move(self, rows: list[Row], found: Mapping[Key, Condition], told: Collection[str]) -> None:
        """Move the rows in place: `found` are the conditions there are, `told` the kinds that were evaluated at all."""
        came_or_went = [self._event(row, found.get((row["kind"], row["source"])), told) for row in rows]
        causes = {row["kind"] for row in rows if row["active"]}
        for row, event in zip(rows, came_or_went, strict=True):
            consequence = bool(causes & set(self._kind(row).suppressed_by)) if row["kind"] in self._kinds else False
            if consequence and row["active"] and row["state"] not in HIDDEN:
                self.happen(row, Event.SUPPRESS, reason=", ".join(sorted(causes & set(self._kind(row).suppressed_by))))
            if event is not None:
                self.happen(row, event)
            if row["state"] == State.SUPPRESSED and not consequence:
                self.happen(row, Event.UNSUPPRESS)
            if row["state"] == State.SHELVED and row["until_utc"] is not None and row["until_utc"] <= self._at:
                self.happen(row, Event.UNSHELVE, reason="expired")

    def happen(self, row: Row, event: Event, who: str = "", reason: str = "") -> bool:
        """Let an event happen to a row, and journal it; False where its state does not know the event."""
        to = after(row["state"], event, active=row["active"], latches=row["kind"] in self._kinds and self._kind(row).latched)
        if to is None:
            return False
        row["state"] = to
        if to == State.UNACKNOWLEDGED:
            row |= {"annunciated_utc": self._at, "acknowledged_utc": None, "acknowledged_by": None}
        if event == Event.ACKNOWLEDGE:
            row |= {"acknowledged_utc": self._at, "acknowledged_by": who}
        if to not in HIDDEN:
            row |= {"until_utc": None, "reason": ""}
        if to == State.NORMAL and row["pending_utc"] is None:
            row["ended_utc"] = self._at
        self.events.append(
            {"alarm_id": row["alarm_id"], "at_utc": self._at, "event": str(event), "state": str(to), "who": who, "reason": reason}
        )
        return True

    def _event(self, row: Row, condition: Condition | None, told: Collection[str]) -> Event | None:
        """What its condition does to a row: nothing where nobody looked for it; one of a kind that this release does not know is over."""
        looked = condition is not None or row["kind"] in told or row["kind"] not in self._kinds
        return self._condition(row, condition) if looked else None

    def _kind(self, row: Row) -> Kind:
        return self._kinds[row["kind"]]

    def _condition(self, row: Row, condition: Condition | None) -> Event | None:
        """Take a condition, or its absence, into the row; the event when its delay is over."""
        if condition is None:
            return self._absent(row)
        row |= {"facts": condition.facts, "follows": condition.follows, "subject": condition.subject[:120]}
        if row["active"]:
            row["pending_utc"] = None
            return None
        began = row["pending_utc"] = row["pending_utc"] or self._at
        if condition.since_utc is None:  # it lasts since before anybody looked
            began -= self._kind(row).on_delay
        if self._at - min(began, condition.since_utc or began) < self._kind(row).on_delay:
            return None
        row |= {"active": True, "pending_utc": None}
        return Event.ALARM

    def _absent(self, row: Row) -> Event | None:
        if not row["active"]:
            row["dropped"] = row["state"] == State.NORMAL  # it was never annunciated
            row["pending_utc"] = None
            return None
        began = row["pending_utc"] = row["pending_utc"] or self._at
        at_once = row["state"] == State.SUPPRESSED  # else it would be annunciated when its cause is over, though it is over as well
        if not at_once and row["kind"] in self._kinds and self._at - began < self._kind(row).off_delay:
            return None
        row |= {"active": False, "pending_utc": None}
        return Event.CLEAR


def opened(condition: Condition, alarm_id: int, priority: int, at_utc: datetime, district: str) -> Row:
    """A new row for a condition, normal as yet: the delay of its kind decides when it is annunciated."""
    kind, source = condition.key
    names = {"alarm_id": alarm_id, "kind": kind, "source": source, "subject": condition.subject[:120], "priority": priority}
    begun = {"state": State.NORMAL, "active": False, "pending_utc": at_utc, "since_utc": condition.since_utc or at_utc}
    return NEW | names | begun | {"follows": condition.follows, "district": district, "facts": condition.facts}
