"""Every word of a statement in English and Chinese."""

from typing import Literal, get_args

from carbon.statements.document import Column, Kind
from carbon.statements.labels import LABELS
from carbon.statements.sentences import SENTENCES
from city.problems import fault

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_WORDS = {**LABELS, **SENTENCES}


def say(language: str, key: str, **values: object) -> str:
    """The word or sentence `key` in a language, with values put in. Raises `PenstockError` for an unknown language."""
    if language not in LANGUAGES:
        raise fault("statement language", f"'{language}'", " or ".join(LANGUAGES), "Choose one of these.")
    return _WORDS[key][LANGUAGES.index(language)].format(**values)


def column(language: str, key: str, kind: Kind = "label", unit: str = "", places: int = 0, adds: tuple[str, ...] = ()) -> Column:
    """A column that is called by its key."""
    return Column(key, say(language, key), kind, unit, places, adds)


def known(key: str) -> bool:
    """Is there a word for `key`?"""
    return key in _WORDS
