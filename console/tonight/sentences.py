"""The optimiser's stored sentences in the session's language."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from console import look
from console.words import known, language, say
from console.words import plan_sentences as p
from console.words.catalogue import Catalogue

_LIMIT = Catalogue(
    p.LIMITS, {"quantity": known, "value": lambda text: text.replace(" to ", " 至 "), "cause": lambda text: p.CAUSES.get(text, text)}
)
_SPAN = Catalogue(p.SPANS)


def _limit(text: str) -> str:
    return _LIMIT.chinese(text) or text


_CHANGE = Catalogue(p.CHANGES, {"name": known})
_INSIDE = {
    "limit": _limit,
    "span": lambda text: _SPAN.chinese(text) or text,
    "what": lambda text: p.OVER.get(text) or _CHANGE.chinese(text) or text,
}
_REASON = Catalogue(p.REASONS, _INSIDE)


def _reasons(text: str) -> str:
    return "；".join(_REASON.chinese(part) or part for part in text.split("; "))


_ALL = Catalogue({**p.BINDING, **p.WISHES, **p.NOTES, **p.DIFFERENCES, **p.REASONS}, _INSIDE | {"reasons": _reasons})
_CHANGED = Catalogue({**p.WINDOWS, "{what}": "{what}"}, _INSIDE)


def _changes(text: str) -> str:
    return "；".join(_CHANGED.chinese(_short(part)) or part for part in text.split("; "))


_ANSWER = Catalogue(p.ANSWERS, _INSIDE | {"status": known, "way": p.WAYS.get, "way2": p.WAYS.get, "what": _changes})


def told(sentence: str) -> str:
    """A binding limit, a broken wish, a reason, a note or a difference."""
    return _ALL.told(sentence)


def answer(sentence: str) -> str:
    """What came of a request."""
    return _ANSWER.told(sentence)


def changes(sentence: str) -> str:
    """The changes of a what-if, as they were stored."""
    return _changes(sentence) if language() == "zh" else _short(sentence)


def _short(text: str) -> str:
    """Instants of a window without their offset: the console's times are the city's."""
    return re.sub(r"(\d\d:\d\d)[+-]\d{4}", r"\1", text)


def change_said(change: Mapping[str, Any]) -> str:
    """A setpoint that was tried: asset, setpoint and span in local time."""
    start, end = (look.hour(datetime.fromisoformat(change[end])) for end in ("start", "end"))
    if change["quantity"] == "running":
        value = say("running_on") if change["value"] else say("resting")
    else:
        value = f"{say('at_most') if change['limit'] else ''} {look.number(change['value'])} kW".strip()
    return f"{change['asset']} · {value} · {start} – {end}"
