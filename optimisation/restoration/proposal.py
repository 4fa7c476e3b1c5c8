"""What a restoration proposal says: which switches to turn in which order, what each step gives back, what stays dark and why."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Why = Literal["fault", "overload", "low", "high", "collapse", "no way", "small"]


@dataclass(frozen=True)
class Worth:
    """What having supply is worth, in customers, and what a switching must at least give back.

    A critical customer counts as `critical` others, a kilowatt as `kw`; a remote switch is turned for `remote`, a hand switch for `hand`
    customers or more; a section that changes its feeder goes dark for a moment, at `transfer` of its worth.
    """

    critical: float = 1000.0
    customer: float = 1.0
    kw: float = 0.05
    remote: float = 0.1
    hand: float = 1.0
    transfer: float = 0.05


@dataclass(frozen=True)
class Crews:
    """How long switching takes: a remote switch [min], the drive to a hand switch [min], turning it there [min], how many crews drive."""

    remote_min: float = 1.0
    drive_min: float = 20.0
    turn_min: float = 5.0
    crews: int = 1
    drive_min_of: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One switch turned. `at_min`: done so long after the start [min]; `kw`, `customers`: what it gives back, below 0 while a section
    changes its feeder; `loading`, `voltage_pu`: the highest of the branches and the lowest of the buses after it, by AC power flow."""

    switch: str
    action: Literal["open", "close"]
    by: Literal["remote", "hand"]
    branch: str
    at_min: float
    kw: float
    customers: float
    loading: float
    loaded_branch: str
    voltage_pu: float
    lowest_bus: str
    proved: bool


@dataclass(frozen=True)
class Left:
    """Buses that stay dark together, and why: in the faulted section; a limit (`switch` would be closed, `at` is the branch or bus,
    `value` against `limit`: share of the rating or pu); or no switch leads there."""

    buses: tuple[str, ...]
    kw: float
    customers: float
    critical: tuple[str, ...]
    why: Why
    switch: str = ""
    at: str = ""
    value: float = 0.0
    limit: float = 0.0


@dataclass(frozen=True)
class Alternative:
    """What to do when `without` does not turn: the other steps, and what they give back in all."""

    without: str
    steps: tuple[Step, ...]
    kw: float
    customers: float


@dataclass(frozen=True)
class Proposal:
    """Which switches to turn after a fault.

    `tripped` are open already, by protection. `steps` give back `restored_kw` and `restored_customers`; the first `remote_steps` of them
    need nobody in the field. `lost_kw`, `lost_customers` were dark at the beginning. `back` are the steps to the normal position once
    the fault is mended. `proved`: every step is radial, keeps off the fault and holds all limits in AC power flow; `best`: no position
    of the switches is worth more; `refused`: how many answers the power flow did not accept.
    """

    faulted: tuple[str, ...]
    tripped: tuple[str, ...]
    steps: tuple[Step, ...]
    remote_steps: int
    lost_kw: float
    lost_customers: float
    restored_kw: float
    restored_customers: float
    critical_restored: tuple[str, ...]
    left: tuple[Left, ...]
    alternatives: tuple[Alternative, ...]
    back: tuple[Step, ...]
    proved: bool
    best: bool
    refused: int
    cold_load: float

    @property
    def left_kw(self) -> float:
        """Still dark after the last step [kW]."""
        return self.lost_kw - self.restored_kw

    @property
    def left_customers(self) -> float:
        """Customers still dark after the last step."""
        return self.lost_customers - self.restored_customers

    @property
    def minutes(self) -> float:
        """Until the last step is done [min]."""
        return self.steps[-1].at_min if self.steps else 0.0

    def record(self) -> dict[str, Any]:
        """All of it for the store: plain JSON."""
        more = {"left_kw": self.left_kw, "left_customers": self.left_customers, "minutes": self.minutes, "sentence": self.sentence}
        return {**asdict(self), **more}

    @property
    def sentence(self) -> str:
        """The proposal in words for the operator."""
        if not self.lost_customers and not self.lost_kw:
            return "Nobody has lost supply: nothing is to be switched back."
        if not self.steps:
            return f"Nothing can be switched back: {self.lost_customers:.0f} customers wait for the repair. " + self._dark()
        work = ", ".join(f"{step.action} {step.switch}" for step in self.steps)
        told = (
            f"{work[0].upper()}{work[1:]}: {self.restored_customers:.0f} of {self.lost_customers:.0f} customers and "
            f"{self.restored_kw:.0f} of {self.lost_kw:.0f} kW have supply again after {self.minutes:.0f} min."
        )
        return " ".join(part for part in (told, self._by_hand(), self._dark()) if part)

    def _by_hand(self) -> str:
        rest = self.steps[self.remote_steps :]
        if not rest or not self.remote_steps:
            return ""
        names = ", ".join(step.switch for step in rest if step.by == "hand")
        return f"{names} turned by hand: {sum(step.customers for step in rest):.0f} of them, after {rest[-1].at_min:.0f} min."

    def _dark(self) -> str:
        return " ".join(reason(one) for one in self.left if one.customers or one.kw)


def reason(left: Left) -> str:
    """Why buses stay dark, as a sentence."""
    what = f"{left.customers:.0f} customers, {left.kw:.0f} kW ({', '.join(left.buses[:4])}{' ...' if len(left.buses) > 4 else ''})"
    match left.why:
        case "fault":
            return f"Dark until the repair: {what} in the faulted section."
        case "no way":
            return f"Dark: {what}; no switch leads there from a live feeder."
        case "overload":
            return f"Dark: {what}; with {left.switch} closed {left.at} would be at {100 * left.value:.0f} % of its rating."
        case "small":
            return f"Dark: {what}; too little to be worth a switching."
        case "collapse":
            return f"Dark: {what}; with {left.switch} closed no voltage would hold."
        case _:
            side = "below" if left.why == "low" else "above"
            return f"Dark: {what}; with {left.switch} closed {left.at} would be at {left.value:.3f} pu, {side} {left.limit:.3f} pu."
