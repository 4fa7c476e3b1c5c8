"""Text on its way into a CSV cell and back: no spreadsheet runs it, and importing it gives the same text again.

`city.spreadsheets.neutral` is for tables that people read; here nothing may be lost, so an apostrophe that stands where a formula would
begin is doubled by the same rule. Reference: OWASP, CSV Injection; RFC 4180 for quotes.
"""

import re

from city.spreadsheets import STARTS

_BEGINNERS = "".join(map(re.escape, STARTS))
_BEFORE = r"(?:\A|(?<=[;|\t\r\n]))"
_DEFUSE = re.compile(rf"{_BEFORE}(?=[{_BEGINNERS}'])")
_RESTORE = re.compile(rf"{_BEFORE}'")
_QUOTED = re.compile(r'[",\r\n]')


def defused(text: str) -> str:
    """The text with an apostrophe wherever a formula, or an apostrophe of its own, would begin a cell."""
    return _DEFUSE.sub("'", text)


def restored(text: str) -> str:
    """The text that `defused` was given: restored(defused(x)) == x."""
    return _RESTORE.sub("", text)


def cell(text: str) -> str:
    """The text as a cell of a CSV file; an empty text is told from none by its quotes."""
    safe = defused(text)
    return '"' + safe.replace('"', '""') + '"' if not safe or _QUOTED.search(safe) or safe != safe.strip() else safe
