"""The files of a run report: <home>/reports/nights/YYYY-MM-DD/report.json, report.en.html, report.zh.html."""

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from city.problems import fault
from service.run_report.document import document
from service.run_report.page import page
from service.run_report.words import LANGUAGES
from service.settings import LoadedCity

JSON_NAME = "report.json"


def folder_of(city_folder: Path, night: date) -> Path:
    return city_folder / "reports" / "nights" / night.isoformat()


def html_name(language: str) -> str:
    return f"report.{language}.html"


def write(engine: Engine, city: LoadedCity, night: date, languages: Sequence[str] = LANGUAGES) -> list[Path]:
    """Write the report of a night, or write it again. Returns the paths: the page of each language, then the data.

    Every file is whole at any time: it is made beside its place, flushed to the disk and renamed. Raises `PenstockError` for a night
    without a run and where the folder cannot be written.
    """
    made = document(engine, city, night)
    texts = {html_name(language): page(made, language) for language in languages}
    texts[JSON_NAME] = told(made)
    folder = folder_of(city.folder, night)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            _put(folder / name, text)
        _flush(folder)
    except OSError as error:
        observed, remedy = error.strerror or str(error), "Free the disk or mend the rights, then `penstock run-report`."
        raise fault(f"run report {folder}", observed, "a folder with room that can be written", remedy) from None
    return [folder / name for name in texts]


def told(made: dict[str, Any]) -> str:
    """The document as JSON text."""
    return json.dumps(made, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _put(path: Path, text: str) -> None:
    half = path.with_name(f".{path.name}.part")
    with half.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
