"""The part of the pumps' electricity that went into lost water."""

from typing import ClassVar, Literal

from carbon.accounts.electricity import FromGrid
from carbon.accounts.weights import Kind


class WaterLossEnergy(FromGrid):
    """Electricity in lost water, told a second time beside the sum: it is in the pumps' own accounts already."""

    kind: Literal["water-loss-energy"] = "water-loss-energy"
    carrier_name: ClassVar[str] = "water"
    usual_activity: ClassVar[str] = "electricity in lost water"
    usual_gpc: ClassVar[str | None] = "VI.1"
    entry: ClassVar[Kind] = "outside"
