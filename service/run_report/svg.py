"""Small line charts as SVG inside the page: no script, no outside request, legible on paper."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from service.run_report.markup import Html, html, joined

Values = Sequence[float | None]
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 8, 22  # margins [px]
_TICKS_H = (1, 2, 3, 6, 12, 24)


def nice(low: float, high: float, most: int = 4) -> list[float]:
    """Round numbers that span [low, high] in at most about `most` steps."""
    if not high > low:
        low, high = low - 1, low + 1
    raw = (high - low) / most
    power = 10.0 ** len(str(int(raw))) / 10 if raw >= 1 else 10.0 ** -(len(f"{1 / raw:.0f}"))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20, 50, 100) if power * factor >= raw)
    first = int(low // step)
    last = -int(-high // step)
    return [i * step for i in range(first, last + 1)]


class Chart:
    """The frame of a chart from `start` on, in steps of `step_s`, that holds every value of `series`."""

    def __init__(self, width: int, height: int, start: datetime, step_s: int, zone: ZoneInfo, series: Sequence[Values]) -> None:
        found = [value for values in series for value in values if value is not None]
        self.width, self.height, self.start, self.step_s, self.zone = width, height, start, step_s, zone
        self.count = max((len(values) for values in series), default=0)
        low, high = min([0.0, *found]), max([0.0, *found])
        self.ticks = nice(low, high)

    def x(self, place: float) -> float:
        return LEFT + (self.width - LEFT - RIGHT) * place / max(self.count - 1, 1)

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return TOP + (self.height - TOP - BOTTOM) * (high - value) / (high - low)

    def grid(self) -> Html:
        """Horizontal lines with their values, vertical ones with local times; midnights are stronger and carry the date."""
        parts = [
            html(
                '<line class="g" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/><text x="{t}" y="{ty}" text-anchor="end">{v}</text>',
                a=LEFT,
                b=self.width - RIGHT,
                y=f"{self.y(v):.1f}",
                t=LEFT - 6,
                ty=f"{self.y(v) + 3.5:.1f}",
                v=f"{v:,.6g}",
            )
            for v in self.ticks
        ]
        hours = self.count * self.step_s / 3600
        every = next((h for h in _TICKS_H if hours / h <= self.width / 70), 24)
        for place in range(self.count):
            local = (self.start + timedelta(seconds=place * self.step_s)).astimezone(self.zone)
            if local.minute == 0 and local.second == 0 and local.hour % every == 0:
                midnight = local.hour == 0
                parts.append(
                    html(
                        '<line class="{c}" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/><text x="{x}" y="{ty}" text-anchor="middle">{v}</text>',
                        c="m" if midnight else "g",
                        x=f"{self.x(place):.1f}",
                        a=TOP,
                        b=self.height - BOTTOM,
                        ty=self.height - 7,
                        v=f"{local:%m-%d}" if midnight else f"{local:%H:%M}",
                    )
                )
        return joined(parts)

    def line(self, values: Values, name: str) -> Html:
        """A line that breaks where a value is missing."""
        parts = []
        for known, run in groupby(enumerate(values), key=lambda one: one[1] is not None):
            if known:
                points = " ".join(f"{self.x(place):.1f},{self.y(float(value or 0.0)):.1f}" for place, value in run)
                parts.append(html('<polyline class="{name}" points="{points}"/>', name=name, points=points))
        return joined(parts)

    def band(self, low: Values, high: Values) -> Html:
        """The area between two lines, where both are known."""
        known = [(place, a, b) for place, (a, b) in enumerate(zip(low, high, strict=True)) if a is not None and b is not None]
        there = [f"{self.x(place):.1f},{self.y(b):.1f}" for place, _, b in known]
        back = [f"{self.x(place):.1f},{self.y(a):.1f}" for place, a, _ in reversed(known)]
        return html('<polygon class="band" points="{points}"/>', points=" ".join([*there, *back]))

    def drawn(self, told: str, *parts: Html) -> Html:
        """The chart as SVG; `told` says it to who does not see it."""
        return html(
            '<svg viewBox="0 0 {w} {h}" role="img" aria-label="{told}">{inside}</svg>',
            w=self.width,
            h=self.height,
            told=told,
            inside=joined([self.grid(), *parts]),
        )
