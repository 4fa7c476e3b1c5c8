"""Which registers to ask for together: the fewest requests, none longer or more ragged than the device answers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from meters.maps.formats import BIT_TABLES, Table

MAX_WORDS = 125  # Modbus Application Protocol V1.1b3, 6.3: quantity of registers 1 to 125
_BITS = 16  # coils in the place of one register: 6.1 allows 2000 of them, which are as many bytes as 125 registers


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The registers [start, end) of a table, or the border between two of them where start == end."""

    table: Table
    start: int
    end: int

    def holds(self, other: "Span") -> bool:
        """Does reading this mean reading all of `other`? A border is nothing to be read."""
        return self.table == other.table and self.start <= other.start < other.end <= self.end


@dataclass(frozen=True, slots=True)
class Request:
    """One read: everything from the first of `spans` to the end of the last; they are sorted by address."""

    span: Span
    spans: tuple[Span, ...]

    @property
    def count(self) -> int:
        return self.span.end - self.span.start

    def halves(self) -> tuple["Request", "Request"]:
        """The two reads that it falls into when it is refused. Only of a read of several spans."""
        middle = len(self.spans) // 2
        return Request.of(self.spans[:middle]), Request.of(self.spans[middle:])

    @classmethod
    def of(cls, spans: tuple[Span, ...]) -> "Request":
        """The read that covers `spans`, sorted by address."""
        return cls(Span(spans[0].table, spans[0].start, max(span.end for span in spans)), spans)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one read of a device may go: most registers (of coils 16 times as many), and most unwanted ones between two wanted ones."""

    words: int = MAX_WORDS
    gap: int = 0

    def most(self, table: Table) -> int:
        return self.words * (_BITS if table in BIT_TABLES else 1)


def coalesce(
    wanted: Iterable[Span], reach: Reach = Reach(), pairs: Iterable[tuple[Span, Span]] = (), barriers: Iterable[Span] = ()
) -> tuple[Request, ...]:
    """Cover `wanted` with as few reads as the limits allow; none of them is split over two reads.

    Parameters
    ----------
    pairs : spans that belong together, a value and its scale factor: among the plans with the fewest reads, one that reads the most
        pairs in one exchange is taken, and among those one that reads the fewest registers
    barriers : what the device refuses; no read of several spans reaches into it. A wanted span that holds one is to be left out

    Sorted by address, some plan with the fewest reads cuts the list into consecutive runs: a span that is passed over in one run
    begins behind the start of the next and ends before its end. So the best last cut is sought for 1, 2, ... n leading spans.
    """
    together: dict[Span, set[Span]] = {}
    for one, other in pairs:
        together.setdefault(one, set()).add(other)
        together.setdefault(other, set()).add(one)
    spans, walls = sorted(set(wanted)), tuple(barriers)
    requests: list[Request] = []
    for table in dict.fromkeys(span.table for span in spans):
        own = [span for span in spans if span.table == table]
        requests += _best(own, reach, [wall for wall in walls if wall.table == table], together)
    return tuple(requests)


def _best(spans: Sequence[Span], reach: Reach, walls: Sequence[Span], together: dict[Span, set[Span]]) -> list[Request]:
    """The best plan of one table. A cost counts reads, then pairs torn (as minus the pairs kept), then registers read."""
    never = (len(spans) + 1, 0, 0)
    cost, cut = [(0, 0, 0)] + [never] * len(spans), [0] * (len(spans) + 1)
    for first in range(len(spans)):
        reads, torn, registers = cost[first]
        registers -= spans[first].start
        held = set[Span]()
        for last, end in _runs(spans, first, reach, walls):
            if spans[last] in together:
                torn -= len(together[spans[last]] & held)
                held.add(spans[last])
            made = (reads + 1, torn, registers + end)
            if made <= cost[last + 1]:
                cost[last + 1], cut[last + 1] = made, first
    requests, end = [], len(spans)
    while end:
        requests.append(Request.of(tuple(spans[cut[end] : end])))
        end = cut[end]
    return requests[::-1]


def _runs(spans: Sequence[Span], first: int, reach: Reach, walls: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Every read that begins with `spans[first]`: the last span in it, and where it ends. One span alone is always a read."""
    start, end, gap = spans[first].start, spans[first].end, reach.gap
    # The first wall from the start on is the end of every longer run; of a wall before the start no read holds all.
    wall = min((wall.start for wall in walls if wall.end > start and wall.start >= start), default=65536)
    limit = min(start + reach.most(spans[first].table), max(wall, end))
    yield first, end
    for last in range(first + 1, len(spans)):
        span = spans[last]
        if span.start - end > gap:
            return
        if span.end > end:
            end = span.end
            if end > limit:
                return
        yield last, end
