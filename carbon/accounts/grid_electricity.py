"""Electricity that consumers take: from the grid, or in the same hour from what the city generates itself."""

from typing import ClassVar, Literal

from carbon.accounts.electricity import FromGrid


class GridElectricity(FromGrid):
    """Electricity used, at the average factor of its region and civil year; the own share of an hour weighs nothing."""

    kind: Literal["grid-electricity"] = "grid-electricity"
    usual_activity: ClassVar[str] = "grid electricity"
    takes_own_supply: ClassVar[bool] = True
