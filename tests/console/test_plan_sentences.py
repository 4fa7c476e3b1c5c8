"""What the optimiser says, in Chinese: every limit it can name and every wish it can break has its template, and no number is lost."""

import ast
import re
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from console.tonight import sentences
from console.words import plan_sentences as p
from console.words.catalogue import Catalogue

ROOT = Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"\d[\d,.]*\d|\d")


# Where a word, not a number, is filled in: the forms it comes out in.
FORMS = {
    "7 7": ("pump at most", "turbine least"),
    "draws at 7 its 7_kw while it runs": ("draws at most its max_kw while it runs", "draws at least its min_kw while it runs"),
    "7: 7 by up to 7 m3, most at 7.": tuple(
        f"7: volume {what} by up to 7 m3, most at 7."
        for what in ("below the wished band", "above the wished band", "below its fire reserve", "below empty")
    ),
    "7 7, 7 m3 below the 7 m3 wished.": ("7 ends with 7 m3, 7 m3 below the 7 m3 wished.", "7 holds 7 m3 at 7, 7 m3 below the 7 m3 wished."),
    "7 7 up to 7 kW above the 7 of 7 kW in 7 steps, first at 7: 7 kWh.": (
        "7 imports up to 7 kW above the rating of 7 kW in 7 steps, first at 7: 7 kWh.",
    ),
    "Balance 7 7 up to 7 kW in 7 steps, first at 7: nothing covers 7 kWh.": (
        "Balance 7 lacks up to 7 kW in 7 steps, first at 7: nothing covers 7 kWh.",
        "Balance 7 has too much, by up to 7 kW in 7 steps, first at 7: nothing covers 7 kWh.",
    ),
}


def _template(node: ast.expr) -> str:
    """A string of the code as it comes out, with 7 for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value).replace("{value}", "7 kW")
    if isinstance(node, ast.JoinedStr):
        return "".join(_template(part) if isinstance(part, ast.Constant) else "7" for part in node.values).replace("{value}", "7 kW")
    return ""


def _code() -> list[ast.AST]:
    return [
        node for path in sorted((ROOT / "optimisation").rglob("*.py")) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]


def test_every_limit_the_optimiser_can_name_has_a_chinese_template() -> None:
    told = [
        _template(node.args[0]) for node in _code() if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Words" and node.args
    ]
    told = [form for text in told if len(text) > 3 for form in FORMS.get(text, (text,))]
    assert len(told) > 60
    lacking = [text for text in told if sentences._LIMIT.chinese(text) is None]
    assert not lacking


def test_every_note_of_a_plan_that_stands_in_or_leaves_zones_out_has_a_chinese_template() -> None:
    """Those that are written into `notes` where they are made; a reason that is filled in is told by its own template."""
    told = [
        _template(node)
        for name in ("plans/fallback.py", "night/plan.py", "replanning.py")
        for node in ast.walk(ast.parse((ROOT / "service" / name).read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr) and re.search("stand in|stands in|left to itself|cut back|Nothing is planned", _template(node))
    ]
    tree = ast.parse((ROOT / "service" / "plans" / "fallback.py").read_text(encoding="utf-8"))
    unfit = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "_unfit")
    why = [text for node in ast.walk(unfit) if isinstance(node, ast.Return) and node.value and (text := _template(node.value))]
    told = [text for text in told if text != "7 is left to itself: 7."] + [f"7 is left to itself: {text}." for text in why]
    assert (len(told), len(why)) == (11, 5)
    notes = Catalogue(p.NOTES)
    assert [text for text in told if notes.chinese(text) is None] == []


def test_every_wish_that_is_told_as_broken_has_a_chinese_template() -> None:
    made = [
        _template(node.value)
        for node in _code()
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "sentence" and isinstance(node.value, ast.JoinedStr)
    ]
    assert len(made) >= 10
    forms = [form for text in made if text.endswith(".") for form in FORMS.get(text, (text,))]
    lacking = [text for text in forms if sentences._ALL.chinese(text) is None]
    assert not lacking


SAID = [
    "Nothing is planned for zone 7, as in the night's plan.",
    "Nothing is planned for zone 7: these limits cannot hold together: a: volume at least 0 m3 (empty); b: gives no more than its curve",
    "Nothing is planned for zone 7: The plan is impossible: 1 limit cannot hold.",
    "battery-01: charge at least 200 kWh: binds in 8 steps, first 2022-06-16 11:00; one more would save up to 0.3684 CNY/kWh.",
    "industry: interrupted energy within the daily budget of 600 kWh: binds on 2 days; one more would save up to 0.6309 CNY/kWh.",
    "tanks: volume at the end at least 16,933 m3: binds; one more would save up to 1 CNY/m3.",
    "tanks: volume below the wished band by up to 55.0 m3, most at 2022-06-16 23:15.",
    "tanks ends with 16,838.3 m3, 94.7 m3 below the 16,933.0 m3 wished.",
    "grid imports up to 120 kW above the contract capacity of 4,800 kW in 3 steps, first at 2022-06-16 18:00: 61.0 kWh.",
    "The plan is impossible: 2 limits cannot hold together; without any one of them the rest can.",
    "battery-01: edit of power_kw at 0 until 2022-06-18 02:30 (2022-06-16 17:00 to 2022-06-16 20:00)",
    "ps-lake is planned with 767 m3/h for 62 kW, as EPANET finds at the day's heads.",
    "grid: 22,920 kWh differ, 1,000 kWh less in sum; most at 2022-06-18 00:30, 1,803 instead of 3,200 kW.",
]


@pytest.mark.parametrize("sentence", SAID)
def test_a_sentence_keeps_every_number_in_chinese(sentence: str) -> None:
    chinese = sentences._ALL.chinese(sentence)
    assert chinese is not None
    assert sorted(NUMBER.findall(chinese)) == sorted(NUMBER.findall(sentence))
    assert re.search(r"[\u4e00-\u9fff]", chinese)


def test_what_came_of_a_request_is_told_in_chinese() -> None:
    said = (
        "plan-20220616-1: relaxed (gap 0.03 %): 83,628 CNY and 63.0 t CO2, 8,251 CNY (9.0 %) less and 0.17 t more than doing nothing"
        "; peak 3,724 kW instead of 3,523 kW (3.3 s for forecasts, 5.9 s for the plan)"
    )
    chinese = sentences._ANSWER.chinese(said)
    assert chinese is not None
    assert "费用减少 8,251" in chinese
    assert "碳排增加 0.17 吨" in chinese
    asked = "what if outage of b; import price x 1.2: optimal, 9 CNY, 1.0 t CO2, peak 3 kW; 1 CNY more and +0.10 t against plan-1. (3.9 s)"
    assert str(sentences._ANSWER.chinese(asked)).startswith("假设 b 停运；购电价 × 1.2：")


def test_templates_have_the_same_facts_but_those_that_chinese_leaves_out() -> None:
    for part in (p.LIMITS, p.SPANS, p.BINDING, p.WISHES, p.REASONS, p.NOTES, p.DIFFERENCES, p.CHANGES, p.WINDOWS):
        for english, chinese in part.items():
            known, used = set(re.findall(r"{(\w+)}", english)), set(re.findall(r"{(\w+)}", chinese))
            assert used <= known, english
            assert known - used <= {"does", "what"}, english


def test_what_no_template_fits_is_shown_as_it_was_stored() -> None:
    assert Catalogue({"{a} is {b}.": "{a}为{b}。"}).chinese("nothing of the kind") is None
    assert sentences.told("nothing of the kind") == "nothing of the kind"


def test_a_what_if_is_told_without_offsets_in_its_times() -> None:
    stored = "battery-01 power_kw at 0 from 2022-06-16 17:00+0200 to 2022-06-16 20:00+0200; import price x 1.2 daily 18:00-21:00"
    assert sentences._CHANGED.chinese("import price x 1.2 daily 18:00-21:00") == "购电价 × 1.2，每日 18:00–21:00"
    assert "+0200" not in sentences.changes(stored)
