"""An alarm in words: what is abnormal and what to do, from the words of its kind and the facts of its condition."""

from collections.abc import Callable
from typing import Any

from service.alarms.shown import Shown
from service.alarms.sources import KINDS
from service.alarms.sources.water import FAULTS, TASKS

ENGLISH, CHINESE = 0, 1
NEVER = ("never", "从未")


class _Facts(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "–"


def short(value: float) -> str:
    return f"{value:,.4g}"


def told(
    alarm: Shown, language: int = ENGLISH, word: Callable[[str], str] = str, number: Callable[[float], str] = short
) -> tuple[str, str]:
    """An alarm as `words` has it."""
    return words(alarm.kind, alarm.subject, alarm.facts, language, word, number)


def words(
    kind_name: str,
    subject: str,
    known: dict[str, Any],
    language: int = ENGLISH,
    word: Callable[[str], str] = str,
    number: Callable[[float], str] = short,
) -> tuple[str, str]:
    """(what is abnormal, what to do). `word` turns what is stored (a cause, a state, a sentence of the night) into words of the language,
    `number` writes numbers.

    An alarm of a kind that this release does not know is told by its name.
    """
    facts = _Facts(known, subject=subject)
    for name, value in facts.items():
        if value is None:
            facts[name] = NEVER[language] if name == "last" else "–"
        elif name in ("cause", "state", "quantity", "sentence"):
            facts[name] = word(str(value))
        elif name == "share":
            facts[name] = f"{100 * float(value):.0f} %"
        elif name == "size":
            facts[name] = f"{float(value):.2f}"
        elif isinstance(value, float):
            facts[name] = number(value)
    if "task" in facts:
        facts["task"] = TASKS[facts["task"]][language]
    if "fault" in facts:
        facts["fault"] = FAULTS[facts["fault"]][language].format_map(facts)
    kind = KINDS.get(kind_name)
    if kind is None:
        return f"{kind_name} {subject}", ""
    return kind.text[language].format_map(facts), kind.action[language].format_map(facts)
