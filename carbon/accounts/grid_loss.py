"""Losses of the utility's own grid: what was fed in and nobody's meter saw."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from carbon.accounts.electricity import FromGrid


class GridLoss(FromGrid):
    """Electricity lost in the city's own grid: infeed and own generation less all meters, at the grid's factor.

    Scope 2 of whoever runs the grid (GHG Protocol Corporate Standard, chapter 4); in a city inventory by the GPC it is a third part.
    No meter counts it: it is derived (`carbon.accounts.balance.grid_loss`), or stated from documents.
    """

    kind: Literal["grid-loss"] = "grid-loss"
    usual_activity: ClassVar[str] = "grid losses"
    usual_gpc: ClassVar[str | None] = "I.6.3"
    takes_own_supply: ClassVar[bool] = True

    point: str = Field(default="", description="left out: the night derives its usage, as point <id>.loss")
    infeed: tuple[str, ...] = Field(default=(), description="points that measure what comes in from the grid above; none where `stated`")
    outfeed: tuple[str, ...] = Field(default=(), description="points that measure what goes back to the grid above")
    generation: tuple[str, ...] = Field(default=(), description="points of generation in this grid that no own-renewable account counts")

    @model_validator(mode="before")
    @classmethod
    def _derived(cls, raw: Any) -> Any:
        """Its usage stands under a point of its own."""
        if not isinstance(raw, dict) or raw.get("stated"):
            return raw
        own = f"{raw.get('id')}.loss"
        if raw.get("point") not in (None, "", own):
            raise ValueError("grid losses are derived; leave out the point")
        return {**raw, "point": own}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.infeed) == bool(self.stated):
            raise ValueError("either infeed, from which losses are derived, or stated amounts")
        return self
