"""The models: one file, one frozen class with `fit`, and the frozen class that a fit leaves behind; the unions name them all."""

from typing import Annotated

from pydantic import Field

from forecasting.models.boosted import Boosted, FittedBoosted
from forecasting.models.group_shape import FittedShape, GroupShape
from forecasting.models.holt_winters import FittedHoltWinters, HoltWinters
from forecasting.models.linear import OWN_SERIES, FittedLinear, Linear
from forecasting.models.naive import Naive
from forecasting.models.profile import Profile
from forecasting.models.solar import FittedSolar, Solar
from forecasting.models.task import Model
from forecasting.models.usage import FittedUsage, Usage
from forecasting.models.wind import FittedWind, Wind

AnyFitted = Annotated[
    FittedBoosted | FittedLinear | FittedHoltWinters | Profile | Naive | FittedShape | FittedSolar | FittedWind | FittedUsage,
    Field(discriminator="kind"),
]

LADDER: dict[str, tuple[Model, ...]] = {
    "boosted": (Boosted(), Boosted(start="last-day"), Linear(), Profile()),
    "holt-winters": (HoltWinters(), Profile()),
    "profile": (Profile(),),
    "naive": (Naive(),),
    "group-shape": (GroupShape(),),
    "solar": (Solar(),),
    "wind": (Wind(),),
    "usage": (Usage(),),
}
"""The rungs, best first, each with its members: they answer together; the last of several is their guard instead."""


def members(rung: str, series: int) -> tuple[Model, ...]:
    """Who is asked about a group of that many series: equations of its own for each series pay only while there are few."""
    return tuple(model for model in LADDER[rung] if series <= OWN_SERIES or not isinstance(model, Linear))
