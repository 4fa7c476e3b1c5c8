"""`[alarms]` in city.toml."""

from pydantic import Field

from city.places import Place


class Alarms(Place):
    """How many people work on the alarms of the city, and how long one may put an alarm aside."""

    operator_positions: int = Field(default=1, ge=1, description="desks that share the alarms; rates and floods are counted per desk")
    shift_hours: int = Field(default=8, ge=1, le=12, description="longest time an operator may shelve an alarm [h]")
    engineer_shelving_days: int = Field(default=30, ge=1, le=365, description="longest time an engineer may shelve an alarm [d]")
