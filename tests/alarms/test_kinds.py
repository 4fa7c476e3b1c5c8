"""Every kind is declared once, with both languages, its rationalisation, and a line in the philosophy page."""

import re
from pathlib import Path
from string import Formatter

import pytest

from console.pages import PAGES
from service.alarms.kinds import Kind
from service.alarms.sources import KINDS, SOURCES

PAGE = Path(__file__).parents[2] / "docs" / "alarms.md"

TASK = "What its case asks for: approve the isolation, send a crew, or repair."


def fields(text: str) -> set[str]:
    return {name for _, name, *_ in Formatter().parse(text) if name}


def test_no_kind_is_declared_twice() -> None:
    names = [kind.name for source in SOURCES.values() for kind in source.KINDS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_says_in_both_languages_what_to_do_and_what_follows_from_not_doing_it(kind: Kind) -> None:
    for english, chinese in (kind.text, kind.action, kind.consequence):
        assert english
        assert fields(english) == fields(chinese)
        assert re.search("[\u4e00-\u9fff]", chinese) or set(chinese) <= set("{}sentcak"), chinese
    assert kind.page in PAGES or kind.page == "grid"
    assert set(kind.suppressed_by) <= set(KINDS)
    assert kind.name not in kind.suppressed_by


@pytest.mark.parametrize(
    ("severity", "minutes", "priority"),
    [
        ("severe", 15, 1),
        ("severe", 60, 1),
        ("severe", 240, 2),
        ("major", 15, 1),
        ("major", 60, 2),
        ("major", 240, 3),
        ("minor", 15, 2),
        ("minor", 60, 3),
    ],
)
def test_the_priority_follows_from_consequence_and_time_to_respond(severity, minutes: int, priority: int) -> None:
    words = ("x", "x")
    assert Kind("k", words, words, words, severity, minutes, "now").priority == priority


def test_few_kinds_are_of_priority_1() -> None:
    assert sum(kind.priority == 1 for kind in KINDS.values()) / len(KINDS) <= 0.25


def test_the_philosophy_page_lists_every_kind_as_it_is_declared() -> None:
    rows = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in PAGE.read_text(encoding="utf-8").splitlines()]
    listed = {row[0].strip("`"): row for row in rows if len(row) == 7 and row[0].startswith("`")}
    assert sorted(listed) == sorted(KINDS)
    for name, (_, priority, severity, respond, delays, consequence, action) in listed.items():
        kind = KINDS[name]
        assert (priority, severity, respond) == (str(kind.priority), kind.severity, f"{kind.respond_min} min"), name
        assert delays == kind.delays, name
        assert (consequence, action) == (kind.consequence[0], kind.action[0].replace("{task}", TASK)), name
