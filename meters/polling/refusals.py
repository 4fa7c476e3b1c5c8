"""What units refuse to read: learnt once, planned around, kept over a restart, tried again now and then."""

import json
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from city.problems import fault
from meters.polling.planner import Request, Span

AGAIN = timedelta(days=1)  # a register that never answered is asked again so often
AGAIN_HEARD = timedelta(hours=1)  # one that answered before: many inverters refuse their measurements at night


class Refusals:
    """The refused spans of one unit. `walls` are planned around; border walls (start == end) hold nothing and are never tried again."""

    def __init__(self, until: dict[Span, datetime] | None = None) -> None:
        self._until = until or {}  # refused span: not asked before then [slot time]
        self._heard: set[Span] = set()  # reads that were answered in this process
        self.walls = frozenset(self._until)
        self.changed = False
        self.all_until: datetime | None = None  # it refused everything: until then it is not asked in pieces
        self.unsearched: list[Request] = []  # where a search that has met no answer yet goes on in the next slot

    def heard(self, read: Span) -> None:
        """The unit answered a read of this span."""
        self._heard.add(read)

    def refused(self, span: Span, slot_utc: datetime) -> None:
        """The unit refuses `span`, and nothing else is to blame."""
        before = any(read.table == span.table and read.start <= span.start and span.end <= read.end for read in self._heard)
        self._until[span] = slot_utc + (AGAIN_HEARD if before else AGAIN)
        self.walls, self.changed = frozenset(self._until), True

    def answered(self, span: Span) -> None:
        """The unit gives `span` after all."""
        del self._until[span]
        self.walls, self.changed = frozenset(self._until), True

    def due(self, slot_utc: datetime) -> list[Span]:
        """The refused spans whose time has come, the longest waiting first."""
        if not self._until:
            return []
        return sorted((s for s, until in self._until.items() if until <= slot_utc and s.end > s.start), key=lambda s: (self._until[s], s))

    def listed(self) -> list[list[Any]]:
        """As JSON: table, start, end, not before."""
        return [[s.table, s.start, s.end, until.isoformat()] for s, until in sorted(self._until.items())]


class RefusalFile:
    """The refusals of all units in one JSON file: {"<link>/<unit>/<step>/<model>+<base> ...": [[table, start, end, not before], ...]}.

    A convenience, not a record: a file that is lost costs a few more reads until everything is learnt again.
    """

    def __init__(self, path: Path | None) -> None:
        """Raises `PenstockError` when the file is there and is not what was written."""
        self._path, self._units = path, dict[str, Refusals]()
        if path is None or not path.exists():
            return
        try:
            for name, rows in json.loads(path.read_text(encoding="utf-8")).items():
                self._units[name] = Refusals({Span(t, s, e): datetime.fromisoformat(until) for t, s, e, until in rows})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise fault(str(path), str(error), "the refusals as poll wrote them", "Delete the file; poll learns again.") from None

    def of(self, name: str) -> Refusals:
        """The refusals of the unit of that name."""
        return self._units.setdefault(name, Refusals())

    def keep(self) -> None:
        """Write the file when something has changed. A disk that refuses costs only the memory, never the reading."""
        changed = [refusals for refusals in self._units.values() if refusals.changed]
        if not changed or self._path is None:
            return
        fresh = self._path.with_suffix(".new")
        listed = {name: rows for name, refusals in sorted(self._units.items()) if (rows := refusals.listed())}
        with suppress(OSError):
            fresh.write_text(json.dumps(listed), encoding="utf-8")
            fresh.replace(self._path)
            for refusals in changed:
                refusals.changed = False
