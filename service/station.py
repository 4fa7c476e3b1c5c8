"""`penstock console`: the console as a process of its own, with its settings as flags, so that it is the same from any folder."""

import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import datetime
from os import environ
from pathlib import Path

from city.problems import PenstockError
from service.environment import Environment
from service.extras import EXTRA, lacking

ROOT = Path(__file__).resolve().parents[1]  # of the checkout, or of site-packages


def flags(port: int | None) -> Iterator[str]:
    """console/streamlit.toml as words of a command line; a list is one flag per member."""
    settings = tomllib.loads((ROOT / "console" / "streamlit.toml").read_text(encoding="utf-8"))
    if port is not None:
        settings["server"]["port"] = port
    for section, keys in settings.items():
        for key, value in keys.items():
            for one in value if isinstance(value, list) else (value,):
                yield f"--{section}.{key}={str(one).lower() if isinstance(one, bool) else one}"


def serve(env: Environment, port: int | None = None, now_utc: datetime | None = None) -> int:
    """Run the console of the city until it is stopped; `now_utc` replaces its clock. Returns its exit code.

    Raises `PenstockError` without the extra `console`.
    """
    for package in (name for name, extra in EXTRA.items() if extra == "console"):
        if importlib.util.find_spec(package) is None and (told := lacking(ModuleNotFoundError(name=package))):
            raise PenstockError(told)
    words = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *flags(port)]
    given = {"PENSTOCK_CITY": str(env.city_file.resolve()), "PENSTOCK_HOME": str(env.folder.resolve())}
    if now_utc is not None:
        given["PENSTOCK_NOW"] = now_utc.isoformat()
    with subprocess.Popen(words, env={**environ, **given}) as process:  # noqa: S603 - our own console
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the terminal told the console as well; it ends by itself
