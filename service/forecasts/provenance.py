"""What a machine was made by: code, versions and settings. With the hash of its data they say whether it can be made again."""

import hashlib
import json
import platform
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import forecasting
from forecasting import sun
from service.settings import LoadedCity

COMPUTES = ("penstock", "lightgbm", "numba", "numpy", "scipy", "statsmodels", "holidays")
_NOT_LEARNED = {"retrain_days", "num_threads", "chunk_series"}
"""Settings that change no machine."""


@lru_cache(maxsize=1)
def code() -> str:
    """SHA-256 of everything that makes a machine or an answer: the text of the forecasting package."""
    folder = Path(forecasting.__file__).parent
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(path.relative_to(folder).as_posix().encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def versions() -> dict[str, str]:
    """Of what computes: another one may give other bits."""
    sky = ("pvlib",) if sun.available() else ()
    return {name: version(name) for name in (*COMPUTES, *sky)} | {"python": platform.python_version()}


def settings_of(city: LoadedCity) -> dict[str, Any]:
    """The settings that a machine depends on; the calendar, which may be long, by its hash."""
    own = {name: value for name, value in city.settings.forecast.model_dump().items() if name not in _NOT_LEARNED}
    days = json.dumps(city.settings.calendar.model_dump(mode="json", exclude={"names"}), sort_keys=True)
    return own | {"calendar": hashlib.sha256(days.encode()).hexdigest()[:12]}
