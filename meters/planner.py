"""Which registers to ask for together: few requests, none longer or more ragged than the device answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from meters.registers import Register

MAX_WORDS = 125  # Modbus Application Protocol V1.1b3, 6.3: quantity of registers 1 to 125


@dataclass(frozen=True, slots=True)
class Request:
    """One read: `count` registers of `table` from `address`, which hold `registers`."""

    table: Literal["holding", "input"]
    address: int
    count: int
    registers: tuple[Register, ...]

    def words(self, register: Register, reply: Sequence[int]) -> Sequence[int]:
        """The part of `reply` that is `register`."""
        first = register.address - self.address
        return reply[first : first + register.words]


def coalesce(registers: Iterable[Register], max_words: int = MAX_WORDS, max_gap: int = 0) -> tuple[Request, ...]:
    """Cover `registers` with as few reads as the limits allow; none is split over two reads.

    Parameters
    ----------
    max_words : most registers in one read
    max_gap : most unwanted registers between two wanted ones in one read

    Going through the addresses upward and closing a read only when it must be closed is optimal: a read that ends earlier
    leaves the following ones at least as much to cover (interval covering by a greedy sweep).
    """
    requests: list[Request] = []
    for table in ("holding", "input"):
        group: list[Register] = []
        for register in sorted((r for r in registers if r.table == table), key=lambda r: (r.address, r.end)):
            end = max((r.end for r in group), default=register.address)
            if group and (register.address - end > max_gap or max(end, register.end) - group[0].address > max_words):
                requests.append(_closed(group))
                group = []
            group.append(register)
        if group:
            requests.append(_closed(group))
    return tuple(requests)


def _closed(group: list[Register]) -> Request:
    first = group[0].address
    return Request(group[0].table, first, max(register.end for register in group) - first, tuple(group))
