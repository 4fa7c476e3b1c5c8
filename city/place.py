"""What every table of city.toml is made from; apart from the places, so that a command which reads one table loads no more."""

from pydantic import BaseModel, ConfigDict


class Place(BaseModel):
    """Base of all places: immutable, and an unknown key is an error rather than a setting that does nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
