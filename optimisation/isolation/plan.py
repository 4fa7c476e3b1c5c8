"""What an isolation plan says: which valves to close around a burst, who loses water by it, and what to do when a valve does not turn."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Alternative:
    """Another way of supply: open a closed valve or link, shut the `close` valves too, and these junctions have water again."""

    kind: Literal["valve", "link"]
    open: str
    close: tuple[str, ...]
    nodes: tuple[str, ...]
    customers: float


@dataclass(frozen=True)
class IsolationPlan:
    """Valves to close for one pipe and what that costs.

    `valves_to_close` is the least set; `valves_to_spare` bound the dry part towards areas without any source: closing them too
    keeps those areas from draining. `nodes_cut` are the junctions in the isolated segments, `unintended` those outside them that
    lose their only supply; a junction that had none before is in neither. `customers`, `critical`, `hydrants_lost` and
    `demand_m3_per_h` count both. `length_m` is the pipe without supply. `next_ring` says per valve what to close in its place, and
    what more, when it turns out stuck or missing; `unsure` why a valve to close may do so. `alternatives` can give water back to
    unintended junctions. `sources_inside` (tanks, reservoirs) have no valve between them and the burst: the plan isolates only
    once each of them is shut at its own outlet.
    """

    pipe: str
    valves_to_close: tuple[str, ...]
    valves_to_spare: tuple[str, ...]
    customers: float
    critical: dict[str, str]
    demand_m3_per_h: float
    length_m: float
    nodes_cut: tuple[str, ...]
    unintended: tuple[str, ...]
    pumps_inside: tuple[str, ...]
    sources_inside: tuple[str, ...]
    next_ring: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)
    alternatives: tuple[Alternative, ...] = ()
    hydrants_lost: tuple[str, ...] = ()

    @property
    def isolates(self) -> bool:
        """Does closing the valves leave the burst without any source?"""
        return not self.sources_inside

    @property
    def sentence(self) -> str:
        """The plan in words for the operator."""
        if not self.isolates:
            inside = ", ".join(self.sources_inside)
            return f"Pipe {self.pipe} cannot be isolated by valves: {inside} is in the same segment; shut it at its own outlet first."
        told = [
            f"Close {', '.join(self.valves_to_close) or 'no valve'} to isolate pipe {self.pipe}: {self.customers:.0f} customers and "
            f"{self.demand_m3_per_h:.1f} m3/h lose water over {self.length_m / 1000:.2f} km"
        ]
        if self.unintended:
            told.append(f"of these {len(self.unintended)} nodes outside the segment ({', '.join(self.unintended[:6])})")
        told += [f"opening {way.kind} {way.open} gives {len(way.nodes)} of them water again" for way in self.alternatives]
        if self.critical:
            told.append("critical: " + ", ".join(f"{name} ({node})" for node, name in self.critical.items()))
        if self.pumps_inside:
            told.append(f"stop pump {', '.join(self.pumps_inside)} first")
        told += [f"look at {valve} before you rely on it: {why}" for valve, why in self.unsure.items()]
        return "; ".join(told) + "."
