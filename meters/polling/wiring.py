"""How the registers of the meters behind one unit lie on its wire: which reads fetch them, and where each reply's words belong.

Units of the same make share one `Wiring`, so 10,000 equal meters are planned once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meters.maps.batch import Layout
from meters.maps.model import DeviceModel, Register
from meters.polling.planner import Reach, Request, Span, coalesce

Cut = slice | NDArray[np.intp]
Walls = frozenset[Span]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the words of one reply go in the image of one member: `image[columns] = reply[offsets]`; `registers` are then read."""

    member: int
    columns: Cut
    offsets: Cut
    registers: Cut


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask a unit for: the reads, and the (member, register) left out because they are refused."""

    requests: tuple[Request, ...]
    refused: tuple[tuple[int, int], ...]


NOTHING = Plan((), ())


@dataclass(frozen=True, slots=True)
class Member:
    """One of the meters behind a unit: its model, how the model lies in an image, and what is added to its addresses."""

    model: DeviceModel
    layout: Layout
    base: int

    def span(self, register: Register) -> Span:
        """Where `register` lies on the wire."""
        start = self.base + register.address
        return Span(register.table, start, start + register.words)


class Wiring:
    """The members of one unit and every plan made for them so far."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        # One physical unit answers them all, so the strictest of their limits holds.
        self._reach = Reach(min(m.model.max_words for m in members), min(m.model.max_gap for m in members))
        self._places: dict[Span, list[tuple[int, int]]] = {}  # the member and its register that a span holds
        for number, member in enumerate(self.members):
            for index, register in enumerate(member.layout.registers):
                self._places.setdefault(member.span(register), []).append((number, index))
        self.pairs = self._pairs()
        self._plans: dict[Walls, Plan] = {}
        self._targets: dict[Span, tuple[Target, ...]] = {}

    def plan(self, walls: Walls) -> Plan:
        """The fewest reads that fetch everything that does not lie behind `walls`, what the unit is known to refuse.

        Those with a scale factor whose value is in another come first: then one look at the factor afterwards tells whether it stood.
        """
        if walls not in self._plans:
            wanted = [span for span in self._places if not any(span.holds(wall) for wall in walls)]
            requests = coalesce(wanted, self._reach, self.pairs, walls)
            read_by = {span: request for request in requests for span in request.spans}
            first = {read_by[factor] for value, factor in self.pairs if factor in read_by and read_by.get(value) != read_by[factor]}
            self._plans[walls] = Plan(
                tuple(sorted(requests, key=lambda request: request not in first)),
                tuple(place for span in self._places if span not in read_by for place in self._places[span]),
            )
        return self._plans[walls]

    def targets(self, span: Span) -> tuple[Target, ...]:
        """Where the reply to a read of `span` belongs."""
        if span not in self._targets:
            by_member: dict[int, list[tuple[int, int]]] = {}
            for place, places in self._places.items():
                if place.table == span.table and span.start <= place.start and place.end <= span.end:
                    for number, index in places:
                        by_member.setdefault(number, []).append((index, place.start - span.start))
            self._targets[span] = tuple(self._target(number, placed) for number, placed in by_member.items())
        return self._targets[span]

    def places(self, span: Span) -> Sequence[tuple[int, int]]:
        """The members, and which of their registers, that `span` holds."""
        return self._places.get(span, ())

    def _pairs(self) -> tuple[tuple[Span, Span], ...]:
        """Each value that has a scale factor, with it."""
        pairs = [
            (member.span(register), member.span(member.model.register(register.scale_factor)))
            for member in self.members
            for register in member.layout.registers
            if register.scale_factor is not None
        ]
        return tuple(dict.fromkeys(pairs))

    def _target(self, number: int, placed: list[tuple[int, int]]) -> Target:
        layout, columns, offsets = self.members[number].layout, list[int](), list[int]()
        for index, offset in placed:
            cut = layout.columns[layout.registers[index].name]
            columns += range(cut.start, cut.stop)
            offsets += range(offset, offset + cut.stop - cut.start)
        return Target(number, _cut(columns), _cut(offsets), _cut([index for index, _ in placed]))


def _cut(indices: list[int]) -> Cut:
    """The indices as a slice where they are consecutive: copying one costs a third of picking."""
    first, last = indices[0], indices[-1]
    return slice(first, last + 1) if indices == list(range(first, last + 1)) else np.array(indices, dtype=np.intp)
