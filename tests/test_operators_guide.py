"""The operators' guide quotes the screen: every label in it is a word of the console, in its language."""

import re
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from console.words import WORDS

DOCS = Path(__file__).resolve().parents[1] / "docs"
# page, how a label is quoted, which of the two languages, labels it has at least
GUIDES = (
    ("operators_guide.md", r"(?<!\*)\*([^*\n][^*]*?)\*(?!\*)", 0, 25),
    ("operators_guide_zh.md", r"“([^”]+)”", 1, 25),
)


@pytest.mark.parametrize(("page", "quoted", "language", "least"), GUIDES)
def test_every_label_of_the_guide_stands_on_the_screen(page: str, quoted: str, language: int, least: int) -> None:
    labels = {" ".join(label.split()) for label in re.findall(quoted, (DOCS / page).read_text(encoding="utf-8"))}
    words = [re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(pair[language].strip()))) for pair in WORDS.values()]
    assert len(labels) >= least
    assert [label for label in sorted(labels) if not any(word.fullmatch(label) for word in words)] == []


def test_both_guides_show_the_same_pages() -> None:
    shown = [re.findall(r"\(pictures/(\w+)-\w\w\.png\)", (DOCS / page).read_text(encoding="utf-8")) for page, *_ in GUIDES]
    assert shown[0] == shown[1] == ["now", "tonight", "water", "grid", "cases", "meters", "carbon", "runs"]
