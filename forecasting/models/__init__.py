"""The models: one file, one frozen class, one `fit_predict` each; the union is what a configuration may name."""

from typing import Annotated

from pydantic import Field

from forecasting.models.boosted import Boosted
from forecasting.models.group_shape import GroupShape
from forecasting.models.holt_winters import HoltWinters
from forecasting.models.naive import Naive
from forecasting.models.profile import Profile

Model = Annotated[Boosted | HoltWinters | Profile | Naive | GroupShape, Field(discriminator="kind")]
LADDER: tuple[Boosted | HoltWinters | Profile | Naive | GroupShape, ...] = (Boosted(), HoltWinters(), Profile(), Naive(), GroupShape())
