"""How the run report writes numbers, times, states and tables in a language."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.run_report.markup import Html, html, joined
from service.run_report.words import Say, named

_SHAPES = {1: "square", 2: "triangle", 3: "circle"}
_WORRY = {"failed": 1, "running": 2, "problems": 3}


class Reader:
    """A language and a time zone."""

    def __init__(self, say: Say, language: str, zone: ZoneInfo) -> None:
        self.say, self.language, self.zone = say, language, zone

    def city(self, city: Mapping[str, Any]) -> str:
        return str((city["name_zh"] if self.language == "zh" else "") or city["name"])

    def status(self, status: str) -> str:
        return named(self.say, "status", status)

    def mark(self, priority: int) -> Html:
        """The shape of a priority: red square, amber triangle, yellow circle; a word stands beside it wherever it is used."""
        return html('<i class="mark {shape}"></i>', shape=_SHAPES.get(priority, "circle"))

    def status_mark(self, status: str) -> Html:
        return self.mark(_WORRY[status]) if status in _WORRY else html('<i class="mark ok"></i>')

    def number(self, value: float | None, digits: int | None = None) -> str:
        """A number with as many digits as are worth reading, thousands apart by a narrow blank that does not break."""
        if value is None:
            return "–"
        if digits is None:
            size = abs(value)
            digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 4
        return f"{value:,.{digits}f}".replace(",", "\u202f").replace("-", "−")

    def clock(self, utc: str | None) -> str:
        """A stored time in the city's zone."""
        if not utc:
            return "–"
        return f"{datetime.fromisoformat(utc).astimezone(self.zone):%m-%d %H:%M}"

    def when(self, utc: str | None) -> Html:
        """A stored time as a cell of a table: it does not break in two lines."""
        return html('<span class="when">{time}</span>', time=self.clock(utc))

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[int] = (), wide: int | None = None) -> Html:
        """A table; columns in `right` hold numbers, column `wide` takes what room is left."""
        kind = ['class="n"' if i in right else 'class="w"' if i == wide else "" for i in range(len(heads))]
        top = joined(html("<th {kind}>{head}</th>", kind=Html(kind[i]), head=head) for i, head in enumerate(heads))
        body = joined(
            html(
                "<tr>{cells}</tr>",
                cells=joined(html("<td {kind}>{cell}</td>", kind=Html(kind[i]), cell=cell) for i, cell in enumerate(row)),
            )
            for row in rows
        )
        return html("<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>", top=top, body=body)

    def listed(self, title: str, lines: Sequence[object], more: int = 0) -> Html:
        """A titled list; nothing where there is nothing to say."""
        shown = [*lines, *([self.say("more", count=more)] if more else [])]
        items = joined(html("<li>{line}</li>", line=line) for line in shown)
        return html("<h3>{title}</h3><ul>{items}</ul>", title=title, items=items) if shown else Html("")

    def section(self, key: str, inside: Html, note: str = "") -> Html:
        if not inside:
            return Html("")
        return html("<section><h2>{name}<span>{note}</span></h2>{inside}</section>", name=self.say(key), note=note, inside=inside)

    def card(self, title: str, value: object, unit: str, under: str, priority: int | None = None) -> Html:
        return html(
            '<div class="card{rank}"><div class="t">{title}</div>'
            '<div class="v">{value}<span>{unit}</span></div><div class="u">{under}</div></div>',
            rank=f" p{priority}" if priority else "", title=title, value=value, unit=unit, under=under,
        )  # fmt: skip
