"""`[metrics]` in city.toml: how often figures are read anew, and which certificates are watched."""

from typing import Annotated

from pydantic import Field

from city.named_files import Names
from city.place import Place


class Metrics(Place):
    """What `penstock metrics` needs to know."""

    cache_s: float = Field(default=5.0, ge=0, le=300, description="figures this young are told again instead of being read [s]")
    certificates: Annotated[tuple[str, ...], Names.BESIDE] = Field(
        default=(), description="PEM files whose end is watched; relative to the city file"
    )
    certificate_days: int = Field(default=21, ge=1, description="days before its end from which on `penstock doctor` names a certificate")
