"""The worked example of docs/ledger.md is run as it stands there."""

import re
from pathlib import Path

from carbon.ledger.batch import COLUMNS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")


def test_the_example_by_hand_gives_the_roots_that_the_page_prints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    exec("\n".join(blocks), {})  # noqa: S102 - the page's own example, which asserts what it says


def test_the_page_lists_every_column_in_order():
    table = PAGE.split("## An entry")[1].split("An entry is called")[0]
    assert re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.MULTILINE) == [(name, dtype.str[1:]) for name, dtype in COLUMNS.items()]
