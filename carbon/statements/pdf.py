"""Statements as PDF: A4, embedded font, repeated table heads, page numbers, the ledger root on every page; no clock."""

from io import BytesIO
from pathlib import Path
from typing import Any

from carbon.statements.chart import drawing
from carbon.statements.document import Document, Section
from carbon.statements.pdf_table import flowables, paragraph, shown, styles, too_wide
from carbon.statements.tidy import write_bytes
from carbon.statements.typeface import Typeface
from carbon.statements.words import say

_MARGIN, _HEAD = 51.0, 22.0  # 18 mm, and the strip of the running head [pt]
_PORTRAIT = (595.28, 841.89)  # A4 [pt]
_TOGETHER = 120.0  # room for a section's title and what follows, or it begins on the next page [pt]
_RULE = "#7a828a"


def _texts(document: Document) -> list[str]:
    """Everything that will be printed, to find a missing glyph before a page is made."""
    texts = [document.title, document.city, document.period, say(document.language, "ledger_root")]
    for section in document.sections:
        texts += [section.title, *section.text]
        for table in section.tables:
            texts += [table.title, *table.notes, *(c.title + c.unit for c in table.columns)]
            texts += [shown(cell) for row in table.rows for cell in row.cells]
        for chart in section.charts:
            texts += [chart.title, chart.unit, *chart.labels, *(series.name for series in chart.series)]
    return texts


def pdf_of(document: Document) -> bytes:
    """The document as PDF; the same document gives the same bytes. Needs the extra `reports`.

    Raises `PenstockError` for a character that no installed font has and for a table too wide for a page.
    """
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    face, made = Typeface(_texts(document)), BytesIO()
    about = {"title": document.title, "author": "Penstock", "subject": document.period, "lang": document.language}
    template = BaseDocTemplate(made, invariant=1, allowSplitting=1, **about)
    for name in sorted(("portrait", "landscape"), key=lambda name: name != _orientation(document.sections[0], face)):
        size = _PORTRAIT if name == "portrait" else _PORTRAIT[::-1]
        frame = Frame(_MARGIN, _MARGIN, _inner(name), size[1] - 2 * _MARGIN - _HEAD, 0, 0, 0, 0)
        template.addPageTemplates(PageTemplate(name, [frame], pagesize=size))
    template.build(_story(document, face), canvasmaker=_numbered(document, face))
    return made.getvalue()


def _orientation(section: Section, face: Typeface) -> str:
    return "landscape" if any(too_wide(table, face, _inner("portrait")) for table in section.tables) else "portrait"


def _inner(orientation: str) -> float:
    return _PORTRAIT[orientation == "landscape"] - 2 * _MARGIN


def _numbered(document: Document, face: Typeface) -> Any:
    """A canvas that draws head and foot when the number of pages is known."""
    from reportlab.pdfgen.canvas import Canvas

    class Numbered(Canvas):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                _strip(self, document, face, f"{number} / {len(self._pages)}")
                super().showPage()
            super().save()

    return Numbered


def _strip(canvas: Any, document: Document, face: Typeface, page: str) -> None:
    """Running head (statement, city, period) and foot (ledger root, page)."""
    width, height = canvas._pagesize
    canvas.setStrokeColor(_RULE)
    canvas.setLineWidth(0.5)
    top, foot = height - _MARGIN - 8, _MARGIN - 10
    canvas.line(_MARGIN, top, width - _MARGIN, top)
    canvas.line(_MARGIN, foot, width - _MARGIN, foot)
    where = f"{document.city} · {document.period}"
    for text, size, y, right in (
        (document.title, 8.0, top + 4, False),
        (where, 8.0, top + 4, True),
        (f"{say(document.language, 'ledger_root')} {document.seal.root}", 6.0, foot - 9, False),
        (page, 8.0, foot - 10, True),
    ):
        x = width - _MARGIN - face.width(text, size) if right else _MARGIN
        for font, part in face.runs(text):
            canvas.setFont(font, size)
            canvas.drawString(x, y, part)
            x += canvas.stringWidth(part, font, size)


def _story(document: Document, face: Typeface) -> list[Any]:
    """Title, then the sections with what is in them; wide tables turn their section's pages."""
    from reportlab.platypus import CondPageBreak, NextPageTemplate, PageBreak, Spacer

    looks = styles(document.language)
    story: list[Any] = [
        paragraph(face, looks["title"], document.title),
        paragraph(face, looks["where"], f"{document.city} · {document.period}"),
    ]
    orientation = _orientation(document.sections[0], face)  # the first page's
    for section in document.sections:
        wanted = _orientation(section, face)
        if wanted != orientation or section.new_page:
            story += [NextPageTemplate(wanted), PageBreak()]
            orientation = wanted
        story += [CondPageBreak(_TOGETHER), paragraph(face, looks["section"], section.title)]
        story += [paragraph(face, looks["text"], text) for text in section.text]
        story += [drawing(chart, _inner(orientation)) for chart in section.charts]
        for table in section.tables:
            story += [*flowables(table, face, looks, _inner(orientation), document.language), Spacer(1, 8)]
    return story


def write_pdf(document: Document, path: Path) -> Path:
    """Write the document as PDF to `path`."""
    return write_bytes(path, pdf_of(document))
