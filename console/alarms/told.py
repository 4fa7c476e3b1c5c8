"""An alarm in the words of this session."""

from typing import Any

from console import look
from console.tonight import sentences
from console.words import known, language
from service.alarms import told as words
from service.alarms.shown import Shown


def told(alarm: Shown) -> tuple[str, str]:
    """(what is abnormal, what to do) in the session's language."""
    return told_of(alarm.kind, alarm.subject, alarm.facts)


def told_of(kind: str, subject: str, facts: dict[str, Any]) -> tuple[str, str]:
    """The same from an alarm's parts."""
    index = words.CHINESE if language() == "zh" else words.ENGLISH
    return words.words(kind, subject, facts, index, lambda text: sentences.told(known(text)), look.number)
