"""Which keys of city.toml name a file or a folder, and where it lies: a backup holds what the city cannot be run without."""

from enum import Enum


class Names(Enum):
    """Annotates a key: `str` that is a path. Those of `BESIDE` and `DATA` are in a backup."""

    BESIDE = "beside city.toml"
    DATA = "in the data folder, put there by the city and read again and again"
    PRIVATE = "a private key, or passwords: in no backup"
    ELSEWHERE = "taken into the store already, made anew, or of use only on another disk"
