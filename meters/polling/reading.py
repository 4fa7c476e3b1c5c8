"""One unit at one slot: what is asked, in which order, and what becomes of each answer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from city.quality import Cause
from meters.links.link import LinkFault
from meters.maps.registers import same_serial, text
from meters.polling.actor import Steps
from meters.polling.images import Images, microseconds
from meters.polling.planner import Request, Span
from meters.polling.refusals import AGAIN
from meters.polling.unit import Slot, Unit
from meters.polling.wiring import NOTHING

EXTRA_READS = 24  # most reads per unit and slot to find what it refuses: two for each halving of 2000 coils
IDENTITY_EVERY = timedelta(hours=6)
_SILENT = frozenset({Cause.TIMEOUT, Cause.STALE, Cause.GATEWAY, Cause.DRIP, Cause.TRUNCATED})  # what used up the time for a reply


class UnitReading:
    """`unit` at `slot`, exchange by exchange. Its rows of `images` then hold this slot's words, or the causes why not."""

    def __init__(self, unit: Unit, slot: Slot, images: Images) -> None:
        self._unit, self._slot, self._images = unit, slot, images
        self._link, self._wiring = unit.actor.link, unit.wiring
        self._breaker, self._refusals = unit.state.breaker, unit.state.refusals
        self._asked: list[tuple[Request, Cause]] = []
        self._ended = False
        self._plan = NOTHING
        limit_s = min(slot.limit_s, self._link.config.budget_s)
        self._deadline, self._latest_utc = slot.began + limit_s, slot.time_utc + timedelta(seconds=limit_s)

    async def steps(self) -> Steps:
        """Pauses between two exchanges. Raises nothing for what the field does; what nobody foresaw leaves INVALID_REPLY."""
        try:
            if self._begin():
                for number, request in enumerate(self._plan.requests):
                    if number:
                        yield
                    await self._ask(request)
                    if self._ended:
                        return
                for following in self._following():
                    async for _ in following():
                        yield
                        if self._ended:
                            return
                self._breaker.answered()
        except Exception:
            self._rest(Cause.INVALID_REPLY)
            raise
        finally:
            time_us, slot_us = microseconds(self._slot.now()), microseconds(self._slot.time_utc)
            for row in self._unit.rows:
                self._images.received_us[row.index], self._images.slot_us[row.index] = time_us, slot_us

    def _begin(self) -> bool:
        """Is the unit to be asked at all? Until it has answered, its registers say why not."""
        unasked = Cause.OVERRUN if self._breaker.closed else Cause.UNIT_BACKOFF
        if self._unit.actor.unreachable_utc == self._slot.time_utc:
            unasked = Cause.NO_CONNECTION
        for row in self._unit.rows:
            row.causes[:] = unasked
        if unasked is Cause.NO_CONNECTION or self._breaker.open(self._slot.time_utc):
            return False
        self._plan = self._wiring.plan(self._refusals.walls)
        for member, register in self._plan.refused:
            self._unit.rows[member].causes[register] = Cause.REFUSED
        return True

    def _following(self) -> Iterator[Callable[[], AsyncIterator[None]]]:
        """What else there is to ask once everything planned was."""
        if any(cause is Cause.REFUSED for _, cause in self._asked):
            yield self._find_refused
        if self._refusals.walls:
            yield self._try_refused
        if self._wiring.pairs:
            yield self._untear
        if self._unit.serials:
            yield self._identify

    async def _ask(self, request: Request) -> Cause:
        """One read, its words put where they belong. NONE when that went well."""
        span = request.span
        words, cause = await self._exchange(span)
        for target in self._wiring.targets(span):
            self._unit.rows[target.member].causes[target.registers] = cause
        if words is not None:
            self._put(span, words)
            self._refusals.heard(span)
        if self._ended and cause is not Cause.OVERRUN:
            self._rest(Cause.UNIT_BACKOFF if cause in _SILENT else cause)
        self._asked.append((request, cause))
        return cause

    async def _exchange(self, span: Span) -> tuple[NDArray[np.uint16] | None, Cause]:
        """The words of `span`, or why there are none; `_ended` when the unit is to be asked no more in this slot."""
        clock = asyncio.get_running_loop().time
        if self._over(clock()):
            return None, self._end(Cause.OVERRUN)
        whole = clock() + self._link.config.timeout_s
        try:
            words = await self._link.read(self._unit.number, span.table, span.start, span.end - span.start, min(whole, self._deadline))
        except LinkFault as failure:
            if failure.cause in _SILENT and self._deadline < whole:
                return None, self._end(Cause.OVERRUN)  # the slot ended before the unit's time for an answer did
            if failure.cause in _SILENT:
                self._breaker.failed(self._slot.time_utc)
                return None, self._end(failure.cause)
            if failure.cause is Cause.NO_CONNECTION:
                if not failure.reachable:
                    self._unit.actor.unreachable_utc = self._slot.time_utc  # one attempt to connect per link and slot
                return None, self._end(failure.cause)
            return None, failure.cause
        return words, Cause.NONE

    def _over(self, at: float) -> bool:
        """Is the slot over, by the loop's clock, or by the wall clock after the machine slept?"""
        return at >= self._deadline or (self._slot.live and self._slot.now() >= self._latest_utc)

    def _end(self, cause: Cause) -> Cause:
        self._ended = True
        return cause

    def _rest(self, cause: Cause) -> None:
        """Why nothing was asked that is not asked yet."""
        for row in self._unit.rows:
            row.causes[(row.causes == Cause.OVERRUN) | (row.causes == Cause.UNIT_BACKOFF)] = cause

    async def _find_refused(self) -> AsyncIterator[None]:
        """Bisect refused reads: a refused register costs only itself, and from then on not even a read."""
        slot, left = self._slot.time_utc, EXTRA_READS
        todo = [request for request, cause in self._asked if cause is Cause.REFUSED and len(request.spans) > 1]
        if all(cause is Cause.REFUSED for _, cause in self._asked):
            if self._refusals.all_until is not None and slot < self._refusals.all_until:
                return
            todo = self._refusals.unsearched or todo
        while todo and left > 1:
            for half in todo.pop().halves():
                left -= 1
                cause = await self._ask(half)
                yield
                if self._ended:
                    return
                if cause is Cause.REFUSED and len(half.spans) > 1:
                    todo.append(half)
        self._learn(todo)

    def _learn(self, unsearched: list[Request]) -> None:
        """Remember what was refused while something else was answered; a unit that refuses everything is refusing something else."""
        slot, answered = self._slot.time_utc, {request.span for request, cause in self._asked if cause is Cause.NONE}
        refused = [request for request, cause in self._asked if cause is Cause.REFUSED]
        self._refusals.unsearched = [] if answered else unsearched
        if not answered:
            self._refusals.all_until = None if unsearched else slot + AGAIN
            return
        for request in refused:
            if len(request.spans) == 1:
                self._refusals.refused(request.span, slot)
                continue
            left, right = (half.span for half in request.halves())
            if left in answered and right in answered and left.end <= right.start:
                self._refusals.refused(Span(left.table, left.end, right.start), slot)

    async def _untear(self) -> AsyncIterator[None]:
        """A value and its scale factor from two reads disagree when the factor changed in between.

        So the value counts only when the factor was read before it and, asked once more now, is still the same; else it is an
        invalid reply. A value that was read before its factor is read again first.
        """
        read = self._read_in()
        torn = [pair for pair in self._wiring.pairs if set(pair) <= read.keys() and read[pair[0]] != read[pair[1]]]
        self._mark([value for value, _ in torn], Cause.INVALID_REPLY)
        early = {value for value, factor in torn if read[value] < read[factor]}
        for request in _parts(early, read):
            words, _ = await self._exchange(request.span)
            if words is not None:
                self._put(request.span, words)
                early.difference_update(request.spans)
            yield
            if self._ended:
                return
        steady = set[Span]()
        for request in _parts({factor for _, factor in torn}, read):
            words, _ = await self._exchange(request.span)
            if words is not None:
                start = request.span.start
                steady.update(s for s in request.spans if words[s.start - start : s.end - start].tobytes() == self._words_of(s))
            yield
            if self._ended:
                return
        doubtful = early | {value for value, factor in torn if factor not in steady}
        self._mark([value for value, _ in torn if value not in doubtful], Cause.NONE)

    def _read_in(self) -> dict[Span, int]:
        """In which exchange of this slot each value that has a scale factor, and each of these, was read last; not where that failed."""
        read: dict[Span, int] = {}
        spans = {span for pair in self._wiring.pairs for span in pair}
        for number, (request, cause) in enumerate(self._asked):
            whole = request.span
            for span in spans:
                if span.table == whole.table and whole.start <= span.start and span.end <= whole.end:
                    read[span] = number if cause is Cause.NONE else -1
        return {span: number for span, number in read.items() if number >= 0}

    async def _try_refused(self) -> AsyncIterator[None]:
        """Ask for what was refused long ago, until one is refused again."""
        for span in self._refusals.due(self._slot.time_utc):
            if not self._wiring.places(span):
                continue
            cause = await self._ask(Request.of((span,)))
            yield
            if cause is not Cause.NONE:
                if cause is Cause.REFUSED:
                    self._refusals.refused(span, self._slot.time_utc)
                return
            self._refusals.answered(span)

    async def _identify(self) -> AsyncIterator[None]:
        """Compare serial numbers at the start, behind each new connection, and every few hours."""
        on, slot = self._link.connections, self._slot.time_utc
        known = self._unit.identified
        if known is not None and known[0] == on and slot < known[1] + IDENTITY_EVERY:
            return
        refused = False
        for number, serial in self._unit.serials:
            member, row = self._wiring.members[number], self._unit.rows[number]
            register = member.model.identity
            if register is None:
                continue
            words, cause = await self._exchange(member.span(register))
            yield
            if self._ended or (words is None and cause is not Cause.REFUSED):
                return  # not known, so it is asked again in the next slot; until then the last answer holds
            self._images.wrong[row.index] = words is None or not same_serial(text(register, words.tolist()), serial)
            refused = refused or words is None
        if refused:
            return  # a device that does not have the register is another make, or is starting up: asked again in the next slot
        self._unit.identified = (self._link.connections, slot)

    def _put(self, span: Span, words: NDArray[np.uint16]) -> None:
        for target in self._wiring.targets(span):
            self._unit.rows[target.member].words[target.columns] = words[target.offsets]

    def _words_of(self, span: Span) -> bytes:
        number, index = self._wiring.places(span)[0]
        layout, row = self._wiring.members[number].layout, self._unit.rows[number]
        return row.words[layout.columns[layout.registers[index].name]].tobytes()

    def _mark(self, spans: Iterable[Span], cause: Cause) -> None:
        for span in spans:
            for number, index in self._wiring.places(span):
                self._unit.rows[number].causes[index] = cause


def _parts(spans: Iterable[Span], read: Mapping[Span, int]) -> list[Request]:
    """Reads of `spans` alone, each a part of one that went well: so the device answers it."""
    groups: dict[int, list[Span]] = {}
    for span in sorted(spans):
        groups.setdefault(read[span], []).append(span)
    return [Request.of(tuple(group)) for group in groups.values()]
