"""An alarm in the words of this session."""

from typing import Any

from console import data, look
from console.tonight import sentences
from console.water.districts import name_of
from console.words import known, language
from service.alarms import told as words
from service.alarms.shown import Shown


def told(alarm: Shown) -> tuple[str, str]:
    """(what is abnormal, what to do) in the session's language."""
    return told_of(alarm.kind, alarm.subject, alarm.facts)


def told_of(kind: str, subject: str, facts: dict[str, Any]) -> tuple[str, str]:
    """The same from an alarm's parts."""
    index = words.CHINESE if language() == "zh" else words.ENGLISH
    if "zone" in facts:
        facts = facts | {"zone": place(facts["zone"])}
    return words.words(kind, place(subject), facts, index, lambda text: sentences.told(known(text)), look.number)


def place(subject: str) -> str:
    """A district, a site or the city as it is called in the session's language; anything else by its id."""
    settings = data.station().city.settings
    return name_of("" if subject in (settings.city.id, settings.city.name) else subject)
