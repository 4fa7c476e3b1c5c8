"""The files of a run report: <home>/nights/YYYY-MM-DD/report.json, report.en.html, report.zh.html."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from city.problems import fault
from service.run_report.document import document
from service.run_report.files import JSON_NAME, folder_of, html_name, put
from service.run_report.page import page
from service.run_report.words import LANGUAGES
from service.settings import LoadedCity


def write(engine: Engine, city: LoadedCity, night: date, languages: Sequence[str] = LANGUAGES) -> list[Path]:
    """Write the report of a night, or write it again. Returns the paths: the page of each language, then the data.

    Every file is whole at any time. Raises `PenstockError` for a night without a run and where the folder cannot be written.
    """
    made = document(engine, city, night)
    texts = {html_name(language): page(made, language) for language in languages} | {JSON_NAME: told(made)}
    folder = folder_of(city.folder, night)
    try:
        put(folder, texts)
    except OSError as error:
        observed, remedy = error.strerror or str(error), "Free the disk or mend the rights, then `penstock run-report`."
        raise fault(f"run report {folder}", observed, "a folder with room that can be written", remedy) from None
    return [folder / name for name in texts]


def told(made: Mapping[str, Any]) -> str:
    """The document as JSON text."""
    return json.dumps(made, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
