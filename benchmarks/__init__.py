"""Every figure the documents state, as a command: `python -m benchmarks NAME --json`."""

import os
from pathlib import Path

from city.problems import fault


def data_folder(part: str = "") -> Path:
    """The folder of measuring data, or its sub-folder `part`. Raises `PenstockError` when it is not there."""
    folder = Path(os.environ.get("PENSTOCK_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / part
    if not folder.exists():
        raise fault(
            f"measuring data '{part or 'all'}'", "not found", "a folder named by PENSTOCK_DATA", "Set PENSTOCK_DATA to where the data lie."
        )
    return folder


def cached(part: str) -> Path:
    """The folder for what a benchmark makes once and keeps: `part` of PENSTOCK_CACHE, or of var/cache of the checkout."""
    folder = Path(os.environ.get("PENSTOCK_CACHE", Path(__file__).resolve().parents[1] / "var" / "cache")) / part
    folder.mkdir(parents=True, exist_ok=True)
    return folder
