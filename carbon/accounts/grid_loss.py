"""Losses of the utility's own grid: what was fed in and nobody's meter saw."""

from typing import ClassVar, Literal

from pydantic import Field

from carbon.accounts.electricity import FromGrid


class GridLoss(FromGrid):
    """Electricity lost in the city's own grid: infeed and own generation less all meters, at the grid's factor.

    Scope 2 of whoever runs the grid (GHG Protocol Corporate Standard, chapter 4); in a city inventory by the GPC it is a third part.
    Its point is no meter: the night derives it (`carbon.accounts.balance.grid_loss`).
    """

    kind: Literal["grid-loss"] = "grid-loss"
    usual_activity: ClassVar[str] = "grid losses"
    usual_gpc: ClassVar[str | None] = "I.6.3"
    takes_own_supply: ClassVar[bool] = True

    infeed: tuple[str, ...] = Field(min_length=1, description="points that measure what comes in from the grid above")
    outfeed: tuple[str, ...] = Field(default=(), description="points that measure what goes back to the grid above")
    generation: tuple[str, ...] = Field(default=(), description="points of generation in this grid that no own-renewable account counts")
