"""`[backup]` of city.toml: where backups go and how many of them stay."""

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from city.named_files import Names
from city.places import Place
from city.problems import fault


class Keep(Place):
    """How many days, weeks and months back a backup stays: the newest one of each."""

    daily: int = Field(default=7, ge=0, le=3660, description="days of which the newest backup stays")
    weekly: int = Field(default=4, ge=0, le=520, description="ISO weeks of which the newest backup stays")
    monthly: int = Field(default=12, ge=0, le=1200, description="months of which the newest backup stays")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.daily + self.weekly + self.monthly:
            raise ValueError("daily, weekly and monthly are all 0: at least one backup has to stay")
        return self


class Backup(Keep):
    """Where `penstock backup` goes when it is told no folder, which backups stay there, and from when on the newest is too old."""

    into: Annotated[str | None, Names.ELSEWHERE] = Field(
        default=None, description="folder for backups, best on another machine's disk; relative to the data folder"
    )
    old_hours: float = Field(default=26, gt=0, description="age from which on the newest backup is told as too old [h]")


def kept(text: str) -> Keep:
    """`daily=7,weekly=4,monthly=12` as an object; what is not named is 0. Raises `PenstockError` for anything else."""
    parts = [part.strip() for part in text.split(",")]
    found = dict(part.split("=", 1) for part in parts if re.fullmatch(r"(daily|weekly|monthly)=\d{1,4}", part))
    try:
        if len(found) != len(parts):
            raise ValueError("not each of daily, weekly and monthly at most once")
        return Keep.model_validate({"daily": 0, "weekly": 0, "monthly": 0} | {name: int(number) for name, number in found.items()})
    except ValueError:
        raise fault(
            f"--keep {text}", "cannot be read", "e.g. daily=7,weekly=4,monthly=12, not all 0", "Name the numbers to be kept."
        ) from None
