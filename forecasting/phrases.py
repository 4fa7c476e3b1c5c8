"""Explanations in the words of a control room, in English and Chinese."""

from typing import Any, Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
WORTH_SAYING = 0.005
"""An effect below this share of the reference is left out [1]."""

_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
}
_DAY_KINDS = {  # the first that holds is said
    "holiday": ("{day}, a holiday", "{day}（节假日）"),
    "made_up": ("{day} worked in place of a holiday", "{day}（调休上班）"),
    "bridge": ("{day} between days off", "{day}（假日之间的工作日）"),
    "after": ("{day} after a holiday", "{day}（节后首日）"),
    "eve": ("{day} before a holiday", "{day}（节前）"),
    "school": ("{day} in the school holidays", "{day}（学校假期）"),
}
_VARIABLES = {  # name -> (unit, more in en, less in en, more in zh, less in zh)
    "temperature_degc": ("°C", "warmer", "colder", "气温高", "气温低"),
    "wind_m_per_s": ("m/s", "windier", "calmer", "风速大", "风速小"),
    "irradiance_w_per_m2": ("W/m2", "sunnier", "duller", "辐照强", "辐照弱"),
    "cloud_pct": ("%", "cloudier", "clearer", "云量多", "云量少"),
    "rain_mm_per_h": ("mm/h", "wetter", "drier", "降雨多", "降雨少"),
}
_WORDS = {
    "en": {
        "as_usual": "Peak at {hour}, as on the last four days like it",
        "head": "Peak at {hour}, {size} % {side} the last four days like it",
        "above": "above",
        "below": "below",
        "weather": "the weather",
        "recent": "the last days",
        "last_day": "the last day {size} % {side} the week before it",
        "pattern": "the usual pattern at this time",
        "other": "the other models' view",
        "joint": ("; ", ": ", "."),
        "effect": "{what} ({effect:+.0f} %)",
    },
    "zh": {
        "as_usual": "峰值 {hour}，与最近四个同类日持平",
        "head": "峰值 {hour}，比最近四个同类日{side} {size} %",
        "above": "高",
        "below": "低",
        "weather": "天气",
        "recent": "近日走势",
        "last_day": "最近一天比前一周{side} {size} %",
        "pattern": "该时刻的常规规律",
        "other": "其他模型的判断",
        "joint": ("；", "：", "。"),
        "effect": "{what}（{effect:+.0f} %）",
    },
}


def told(language: Language, value: float, reference: float, effects: dict[str, float], facts: dict[str, Any]) -> str:
    """One sentence: how far the peak lies from the reference, and what moved it there, the largest effect first [% of the reference]."""
    words = _WORDS[language]
    hour = f"{int(facts['hour']):02d}:{round(facts['hour'] % 1 * 60):02d}"
    whole = max(abs(reference), 1e-9)
    moved = (value - reference) / whole
    head = words["as_usual"] if abs(moved) < WORTH_SAYING else words["head"]
    first = str(head).format(hour=hour, size=f"{abs(moved) * 100:.0f}", side=words["above"] if moved > 0 else words["below"])
    said = sorted(((kind, e / whole) for kind, e in effects.items() if abs(e) >= WORTH_SAYING * whole), key=lambda pair: -abs(pair[1]))
    between, colon, stop = words["joint"]
    parts = [str(words["effect"]).format(what=_what(language, kind, facts), effect=100 * share) for kind, share in said]
    return first + (colon + between.join(parts) if parts else "") + stop


def _what(language: Language, kind: str, facts: dict[str, Any]) -> str:
    words = _WORDS[language]
    if kind == "calendar":
        return day_in_words(language, facts)
    if kind == "weather" and facts.get("weather"):
        return _weather(language, facts["weather"])
    if kind == "recent" and abs(facts.get("last_day_change", 0)) >= WORTH_SAYING:
        change = facts["last_day_change"]
        return str(words["last_day"]).format(size=f"{abs(change) * 100:.0f}", side=words["above"] if change > 0 else words["below"])
    return str(words[kind])


def day_in_words(language: Language, facts: dict[str, Any]) -> str:
    """'Monday after a holiday'."""
    day = _DAYS[language][facts["weekday"]]
    which = LANGUAGES.index(language)
    return next((said[which].format(day=day) for kind, said in _DAY_KINDS.items() if facts.get(kind)), day)


def _weather(language: Language, differences: dict[str, float]) -> str:
    """'6.1 °C colder': the first variable that has words; the others only have effects."""
    for name, (unit, more, less, more_zh, less_zh) in _VARIABLES.items():
        if name in differences:
            difference = differences[name]
            size = f"{abs(difference):.1f} {unit}"
            return f"{size} {more if difference > 0 else less}" if language == "en" else f"{more_zh if difference > 0 else less_zh} {size}"
    return str(_WORDS[language]["weather"])
