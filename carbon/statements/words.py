"""Every word of a statement in English and Chinese."""

from collections.abc import Mapping
from typing import Literal, get_args

from city.problems import fault

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_WORDS: Mapping[str, tuple[str, str]] = {
    "ledger_root": ("Ledger root", "账本根"),
}


def say(language: str, key: str, **values: object) -> str:
    """The word or sentence `key` in a language, with values put in. Raises `PenstockError` for an unknown language."""
    if language not in LANGUAGES:
        raise fault("statement language", f"'{language}'", " or ".join(LANGUAGES), "Choose one of these.")
    return _WORDS[key][LANGUAGES.index(language)].format(**values)
