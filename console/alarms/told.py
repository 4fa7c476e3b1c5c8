"""An alarm in the words of this session."""

from console import look
from console.tonight import sentences
from console.words import known, language
from service.alarms import told as words
from service.alarms.shown import Shown


def told(alarm: Shown) -> tuple[str, str]:
    """(what is abnormal, what to do) in the session's language."""
    index = words.CHINESE if language() == "zh" else words.ENGLISH
    return words.told(alarm, index, lambda text: sentences.told(known(text)), look.number)
