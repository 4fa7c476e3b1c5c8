"""docs/exchange.md tells of every exported kind how it comes in again; held against the code's own lists."""

import re
from pathlib import Path

from service.exchange.kinds import KINDS
from service.exchange.take_events import COLUMNS as EVENTS
from service.exchange.take_history import COLUMNS as HISTORY
from service.exchange.take_readings import COLUMNS as READINGS
from service.exchange.taking import KINDS as TAKEN

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exchange.md"


def section() -> str:
    return PAGE.read_text(encoding="utf-8").split("## What comes in again\n")[1].split("\n## ")[0]


def table() -> dict[str, str]:
    """How each kind comes in again, as the page says it."""
    rows = [line.strip("|").split("|") for line in section().splitlines() if line.startswith("| `")]
    named = [(name, how) for names, how in rows for name in re.findall(r"`([a-z_]+)`", names)]
    assert len(named) == len(dict(named)), "a kind stands in one row"
    return dict(named)


def test_the_page_says_of_every_exported_kind_how_it_comes_in_again() -> None:
    assert set(table()) == set(KINDS)
    assert f"Of the {len(KINDS)} kinds" in section()


def test_what_is_said_to_come_in_has_a_command_that_takes_the_columns_of_the_export() -> None:
    commands = {name: re.findall(r"exchange take (\w+)", how) for name, how in table().items()}
    assert {word for words in commands.values() for word in words} == set(TAKEN)
    taken = {name for name, how in table().items() if "exchange take" in how and "not the exported table" not in how}
    assert taken == {"readings", "days", "known_event"}
    for name, columns in (("readings", READINGS), ("days", HISTORY), ("known_event", EVENTS)):
        told = KINDS[name].schema.names
        fitting = columns.of(told)
        assert set(fitting.needed) <= set(told) <= set(fitting.all)
    assert all("restore" in how for name, how in table().items() if name not in taken)
