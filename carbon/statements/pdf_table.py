"""Tables of PDF statements: columns that fit, text that wraps, numbers to the right in threes, the head on every page."""

from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from carbon.statements.document import Cell, Column, Table, Value
from carbon.statements.tidy import stated
from carbon.statements.typeface import FONT, Typeface
from carbon.statements.words import say
from city.problems import fault

_PAD = 3.0  # left and right of a cell [pt]
_SLACK = 0.5  # what a paragraph may need beyond the width of its letters [pt]
_MOST_ROWS = 500  # of a table in print; longer ones are for the workbook
_SIZES = (8.0, 7.5, 7.0, 6.5, 6.0, 5.5)  # of tables [pt]; the first at which all columns fit
_WIDEST = {"label": 170.0, "text": 260.0}  # natural width a column of wrapping text may ask for [pt]
_NARROWEST = {"label": 80.0, "text": 100.0}  # and what a longer one is left with at least [pt]
_TOGETHER = 90.0  # room for a table's title, head and first rows, or it begins on the next page [pt]
_CLOSING = "，。、；：？！）》〉」』】〕”’…％,.;:?!)]}%"  # marks that may not begin a line
_GREY, _RULE, _PALE = "#e2e6ea", "#7a828a", "#f1f3f5"


def spaced(text: str) -> str:
    """Digits of the integer part in threes, parted by thin spaces, with a true minus (ISO 80000-1, 7.3.1)."""
    sign, digits = ("−", text[1:]) if text.startswith("-") else ("", text)
    whole, point, decimals = digits.partition(".")
    head = len(whole) % 3
    parts = [whole[:head]] * bool(head) + [whole[i : i + 3] for i in range(head, len(whole), 3)]
    return sign + "\u202f".join(parts) + point + decimals


def shown(cell: Cell) -> str:
    """A cell as a reader sees it."""
    if isinstance(cell, Value):
        return spaced(stated(cell.exact if cell.printed is None else cell.printed))
    return cell or ""


@lru_cache
def styles(language: str) -> dict[str, Any]:
    """Paragraph styles by name; Chinese text breaks between any two characters."""
    from reportlab.lib.styles import ParagraphStyle

    wrap = {"wordWrap": "CJK"} if language == "zh" else {"splitLongWords": 1}
    base = {"fontName": FONT, "textColor": "#1f2326", **wrap}
    return {
        "title": ParagraphStyle("title", **base, fontSize=19, leading=26),
        "where": ParagraphStyle("where", **base, fontSize=11, leading=16, spaceAfter=10),
        "section": ParagraphStyle("section", **base, fontSize=13, leading=18, spaceBefore=8, spaceAfter=4),
        "table": ParagraphStyle("table", **base, fontSize=9, leading=13, spaceBefore=6, spaceAfter=2),
        "text": ParagraphStyle("text", **base, fontSize=9, leading=13, spaceAfter=4),
        "note": ParagraphStyle("note", **base, fontSize=7, leading=9.5, spaceBefore=2),
    }


@cache
def _chinese() -> Any:
    """A paragraph whose lines never begin with a closing mark: it hangs in the margin of the line before (GB/T 15834-2011, 5.1)."""
    from reportlab.platypus import Paragraph

    class Hanging(Paragraph):
        def breakLinesCJK(self, maxWidths: Any) -> Any:
            made = super().breakLinesCJK(maxWidths)
            for before, line in pairwise(made.lines):
                # in one font a line is (space left, [text]), in several an object with pieces
                first, last = (line[1], before[1]) if made.kind == 0 else (line.words, before.words)
                text = first[0] if made.kind == 0 else first[0].text
                rest = text.lstrip(_CLOSING)
                if rest == text:
                    continue
                marks = text[: len(text) - len(rest)]
                if made.kind == 0:
                    first[0], last[-1] = rest, last[-1] + marks
                else:
                    last.append(first[0].clone(text=marks))
                    first[0].text = rest
            return made

    return Hanging


def paragraph(face: Typeface, look: Any, text: str) -> Any:
    """A paragraph of plain text, whatever characters it holds."""
    return _paragraph(face.markup(text), look)


def _paragraph(markup: str, look: Any) -> Any:
    from reportlab.platypus import Paragraph

    return (_chinese() if look.wordWrap == "CJK" else Paragraph)(markup, look)


def _wraps(column: Column) -> bool:
    return column.kind != "number"


def _head(column: Column, face: Typeface) -> str:
    """Markup of a column's head: its unit stands on a line of its own, so that it never breaks."""
    return face.markup(column.title) + (f"<br/>[{face.markup(column.unit)}]" if column.unit else "")


def _words(text: str) -> list[str]:
    """What a head may break into: at spaces, and between Chinese characters four at a time."""
    return [word[i : i + 4] if ord(max(word)) > 0x2E80 else word for word in text.split() for i in range(0, len(word), 4)]


def _natural(table: Table, face: Typeface, size: float) -> tuple[list[float], list[float]]:
    """Width each column would like, and the least it can do with [pt]: a number never wraps, a head at spaces."""
    likes, leasts = [], []
    for c, column in enumerate(table.columns):
        texts = {shown(row.cells[c]) for row in table.rows}
        widest = max((face.width(text, size) for text in texts), default=0.0) + 2 * _PAD + _SLACK
        unit = f"[{column.unit}]" if column.unit else ""
        word = max(face.width(part, size) for part in [*_words(column.title), unit]) + 2 * _PAD + _SLACK
        head = max(word, min(face.width(column.title, size) + 2 * _PAD + _SLACK, 64.0))
        if _wraps(column):
            likes.append(min(max(widest, head), _WIDEST[column.kind]))
            leasts.append(max(word, min(widest, _NARROWEST[column.kind])))
        else:
            likes.append(max(widest, head))
            leasts.append(max(widest, word))
    return likes, leasts


def too_wide(table: Table, face: Typeface, width: float) -> bool:
    """Would the table need smaller letters than 7 pt, or squeeze its text, on a page of this inner width [pt]?"""
    if len(table.rows) > _MOST_ROWS:
        return False
    likes, leasts = _natural(table, face, 7.0)
    return sum(leasts) > width or sum(likes) > 1.35 * width


def _widths(table: Table, face: Typeface, width: float) -> tuple[list[float], float]:
    """Column widths [pt] that fill `width` at most, and the size of letters at which they fit."""
    for size in _SIZES:
        likes, leasts = _natural(table, face, size)
        if sum(likes) <= width:
            return likes, size
        if sum(leasts) <= width:
            share = (width - sum(leasts)) / (sum(likes) - sum(leasts))
            return [least + share * (like - least) for like, least in zip(likes, leasts, strict=True)], size
    observed = f"{len(table.columns)} columns, {sum(leasts):.0f} pt at {size} pt letters"
    raise fault(f"table '{table.key}' as PDF", observed, f"at most {width:.0f} pt", "Write XLSX or CSV, or ask for a shorter span.")


def flowables(table: Table, face: Typeface, looks: dict[str, Any], width: float, language: str) -> list[Any]:
    """The table's title, grid and notes, ready to flow over pages with its head repeated; of a very long one where to find it."""
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import CondPageBreak, LongTable

    if len(table.rows) > _MOST_ROWS:
        elsewhere = say(language, "elsewhere", rows=spaced(str(len(table.rows))), sheet=table.key)
        return [paragraph(face, looks["table"], table.title), paragraph(face, looks["text"], elsewhere)]
    widths, size = _widths(table, face, width)
    left = ParagraphStyle("cell", parent=looks["note"], fontSize=size, leading=size * 1.3, spaceBefore=0)
    right = ParagraphStyle("number", parent=left, alignment=2)
    head = [_paragraph(_head(c, face), left if _wraps(c) else right) for c in table.columns]
    body = [[_drawn(cell, column, face, left, right) for cell, column in zip(row.cells, table.columns, strict=True)] for row in table.rows]
    grid = LongTable([head, *body], colWidths=widths, repeatRows=1, hAlign="LEFT", style=_grid_style(table, size))
    notes = [paragraph(face, looks["note"], note) for note in table.notes]
    return [CondPageBreak(_TOGETHER), paragraph(face, looks["table"], table.title), grid, *notes]


def _drawn(cell: Cell, column: Column, face: Typeface, left: Any, right: Any) -> Any:
    """A number as plain text (it never wraps), text as a paragraph, notation keys among numbers to the right."""
    text = shown(cell)
    return text if isinstance(cell, Value) or not text else paragraph(face, left if _wraps(column) else right, text)


def _grid_style(table: Table, size: float) -> list[tuple[Any, ...]]:
    numbers = [c for c, column in enumerate(table.columns) if not _wraps(column)]
    totals = [r for r, row in enumerate(table.rows, 1) if row.of]
    return [
        ("FONT", (0, 0), (-1, -1), FONT, size, size * 1.3),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("VALIGN", (0, 1), (-1, -1), "TOP"),
        ("BACKGROUND", (0, 0), (-1, 0), _GREY),
        ("LINEABOVE", (0, 0), (-1, 0), 0.8, _RULE),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, _RULE),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, "#c9ced3"),
        ("LEFTPADDING", (0, 0), (-1, -1), _PAD),
        ("RIGHTPADDING", (0, 0), (-1, -1), _PAD),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        *(("ALIGN", (c, 0), (c, -1), "RIGHT") for c in numbers),
        *(("BACKGROUND", (0, r), (-1, r), _PALE) for r in totals),
        *(("LINEABOVE", (0, r), (-1, r), 0.6, _RULE) for r in totals),
    ]
