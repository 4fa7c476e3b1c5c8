"""Charts of PDF statements: vectors that stay readable when printed in grey (tone, dash, mark and outline, not hue)."""

from math import ceil, floor, log10
from typing import Any

from carbon.statements.document import Chart, Series
from carbon.statements.typeface import FONT, clean

_TONES = ("#1d3a5f", "#6f93b5", "#c3d3e0", "#8c8c8c", "#e9edf0", "#474747")
_LINE_TONES = ("#1d3a5f", "#5f86aa", "#111111", "#7d7d7d")
_DASHES: tuple[list[float] | None, ...] = (None, [5, 2], [1.5, 2], [6, 2, 1.5, 2])
_MARKS = ("circle", "square", "triangle", "diamond")
_NAMES = 14  # more labels than this are days or years, not names
_SIZE, _LEFT, _BOTTOM, _TOP = 7, 46, 20, 30


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that span low to high."""
    if high <= low:
        high = low + (abs(low) or 1)
    rough = (high - low) / about
    power = 10.0 ** floor(log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    first = floor(low / step)
    made = [first * step]
    while made[-1] < high - step * 1e-9:
        made.append((first + len(made)) * step)
    return made


def _span(chart: Chart) -> tuple[float, float]:
    """Lowest and highest value drawn: of stacks for bars, of points for lines."""
    if chart.kind == "lines":
        seen = [v for s in chart.series for v in s.values if v is not None]
        low, high = min(seen, default=0.0), max(seen, default=1.0)
        return (low if low > 0.5 * high > 0 else min(0.0, low)), high
    stacks = [[s.values[i] or 0.0 for s in chart.series] for i in range(len(chart.labels))]
    return (
        min([0.0, *(sum(v for v in stack if v < 0) for stack in stacks)]),
        max([0.0, *(sum(v for v in stack if v > 0) for stack in stacks)]),
    )


def drawing(chart: Chart, width: float, height: float = 150) -> Any:
    """A reportlab drawing of the chart, `width` x `height` [pt]: title, legend, axis with round ticks, bars or lines."""
    from reportlab.graphics.shapes import Drawing, Line
    from reportlab.lib.colors import HexColor

    made = Drawing(width, height)
    marks = ticks(*_span(chart))
    low, high = marks[0], marks[-1]

    def y(value: float) -> float:
        return _BOTTOM + (value - low) / (high - low) * (height - _BOTTOM - _TOP)

    _text(made, 0, height - 9, f"{chart.title} [{chart.unit}]", 8)
    _legend(made, chart, width, height - 21)
    for mark in marks:
        made.add(Line(_LEFT, y(mark), width, y(mark), strokeColor=HexColor("#d9d9d9" if mark else "#404040"), strokeWidth=0.4))
        places = max(0, -floor(log10(marks[1] - marks[0]) + 1e-9))
        _text(made, _LEFT - 4, y(mark) - 2.5, f"{mark:,.{places}f}".replace(",", "\u202f"), _SIZE, "end")
    slot = (width - _LEFT) / max(1, len(chart.labels))
    for i, label in _labels(chart, slot):
        _text(made, _LEFT + slot * (i + 0.5), 7, label, _SIZE, "middle")
    (_bars if chart.kind == "bars" else _lines)(made, chart, slot, y)
    return made


def _labels(chart: Chart, slot: float) -> list[tuple[int, str]]:
    """The labels that fit: of names each, cut off where its slot ends; of many days or years every second, third, ..."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    widths = [stringWidth(clean(label), FONT, _SIZE) for label in chart.labels]
    if len(widths) > _NAMES:
        every = max(1, ceil((max(widths) + 4) / slot))
        return list(enumerate(chart.labels))[::every]
    made = []
    for i, (label, width) in enumerate(zip(chart.labels, widths, strict=True)):
        kept = len(label) if width <= slot - 4 else max(1, int(len(label) * (slot - 10) / width))
        made.append((i, label if kept == len(label) else label[:kept] + "…"))
    return made


def _text(made: Any, x: float, y: float, text: str, size: float, anchor: str = "start") -> None:
    from reportlab.graphics.shapes import String

    made.add(String(x, y, clean(text), fontName=FONT, fontSize=size, textAnchor=anchor))


def _legend(made: Any, chart: Chart, width: float, y: float) -> None:
    from reportlab.graphics.shapes import Line, Rect
    from reportlab.lib.colors import black
    from reportlab.pdfbase.pdfmetrics import stringWidth

    x = float(_LEFT)
    for place, series in enumerate(chart.series):
        tone = _tone(chart, place)
        if chart.kind == "bars":
            made.add(Rect(x, y, 8, 6, fillColor=tone, strokeColor=black, strokeWidth=0.3))
        else:
            made.add(Line(x, y + 3, x + 16, y + 3, strokeColor=tone, strokeWidth=1.3, strokeDashArray=_dash(place, series)))
            _mark(made, x + 8, y + 3, place, tone)
        x += 12 if chart.kind == "bars" else 20
        _text(made, x, y, series.name, _SIZE)
        x += stringWidth(clean(series.name), FONT, _SIZE) + 12
        if x > width - 60:
            x, y = float(_LEFT), y - 9


def _tone(chart: Chart, place: int) -> Any:
    from reportlab.lib.colors import HexColor

    tones = _TONES if chart.kind == "bars" else _LINE_TONES
    return HexColor(tones[place % len(tones)])


def _dash(place: int, series: Series) -> list[float] | None:
    return [3, 2] if series.dashed else _DASHES[place % len(_DASHES)]


def _bars(made: Any, chart: Chart, slot: float, y: Any) -> None:
    from reportlab.graphics.shapes import Rect
    from reportlab.lib.colors import black

    for i in range(len(chart.labels)):
        above = below = 0.0
        for place, series in enumerate(chart.series):
            value = series.values[i] or 0.0
            base = above if value >= 0 else below
            bottom, top = sorted((y(base), y(base + value)))
            tone = _tone(chart, place)
            if top > bottom:
                left = _LEFT + slot * (i + 0.5) - min(slot * 0.35, 22)
                made.add(Rect(left, bottom, min(slot * 0.7, 44), top - bottom, fillColor=tone, strokeColor=black, strokeWidth=0.3))
            above, below = (above + value, below) if value >= 0 else (above, below + value)


def _lines(made: Any, chart: Chart, slot: float, y: Any) -> None:
    from reportlab.graphics.shapes import Line

    for place, series in enumerate(chart.series):
        tone, before = _tone(chart, place), None
        for i, value in enumerate(series.values):
            here = None if value is None else (_LEFT + slot * (i + 0.5), y(value))
            if before and here:
                made.add(Line(*before, *here, strokeColor=tone, strokeWidth=1.3, strokeDashArray=_dash(place, series)))
            if here and (len(series.values) <= 40 or before is None):
                _mark(made, *here, place, tone)
            before = here


def _mark(made: Any, x: float, y: float, place: int, tone: Any) -> None:
    from reportlab.graphics.shapes import Circle, Polygon, Rect

    shape, look = _MARKS[place % len(_MARKS)], {"fillColor": tone, "strokeColor": tone, "strokeWidth": 0.3}
    if shape == "circle":
        made.add(Circle(x, y, 2, **look))
    elif shape == "square":
        made.add(Rect(x - 1.8, y - 1.8, 3.6, 3.6, **look))
    else:
        points = (
            [x - 2.2, y - 1.8, x + 2.2, y - 1.8, x, y + 2.3] if shape == "triangle" else [x - 2.5, y, x, y - 2.5, x + 2.5, y, x, y + 2.5]
        )
        made.add(Polygon(points, **look))
