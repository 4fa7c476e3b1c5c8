"""Where the files of a run report lie, and how they are put there: whole, or not at all."""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

JSON_NAME = "report.json"


def folder_of(city_folder: Path, night: date) -> Path:
    """The folder of a night's report below the data folder."""
    return city_folder / "nights" / night.isoformat()


def html_name(language: str) -> str:
    """The name of the page in a language."""
    return f"report.{language}.html"


def put(folder: Path, texts: Mapping[str, str]) -> None:
    """Write each text beside its place, flush it to the disk and rename it. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        half = folder / f".{name}.part"
        with half.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        half.replace(folder / name)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
