"""A figure's last and next 24 hours as one small picture: what was measured, what is expected with its band, and the limits.

An <img> with its own SVG and a sentence for who cannot see it: quick to send, drawn without a script.
"""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from console import look
from console.words import say

WIDTH, HEIGHT = 200.0, 46.0
LINE, BAND, LIMIT, AXIS = "#2f4f70", "#8ea6bb", "#6e7478", "#9aa2a8"
_QUANTILES = ("p10", "p50", "p90")


def picture(
    name: str, unit: str, trend: Sequence[float | None], ahead: pd.DataFrame | None, low: float | None = None, high: float | None = None
) -> str:
    """`trend` float[n] [unit] ends now and began 24 h ago; `ahead` has p10, p50, p90 from 24 h ago to 24 h from now, evenly.

    Limits near the values are drawn dashed. Empty where there is nothing to draw.
    """
    past = np.array([np.nan if value is None else value for value in trend], dtype=float)
    band = {q: np.zeros(0) if ahead is None else ahead[q].to_numpy(dtype=float) for q in _QUANTILES}
    every = np.concatenate([past, *band.values()])
    if np.isfinite(every).sum() < 2:
        return ""
    bottom, top = float(np.nanmin(every)), float(np.nanmax(every))
    spread = (top - bottom) or max(abs(top), 1.0) * 0.1
    lines = [limit for limit in (low, high) if limit is not None and bottom - spread <= limit <= top + spread]
    bottom, top = min([bottom, *lines]), max([top, *lines])
    level = (top - bottom) or 1.0

    def y(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return HEIGHT - 4 - (HEIGHT - 8) * (values - bottom) / level

    whole, half = np.linspace(0, WIDTH, len(band["p50"])), np.linspace(0, WIDTH / 2, len(past))
    drawn = _area(whole, y(band["p10"]), y(band["p90"])) + _course(whole, y(band["p50"]), LINE, 'stroke-dasharray="3 2" stroke-width="1"')
    drawn += "".join(_rule(0, WIDTH, float(y(np.array([v]))[0]), LIMIT) for v in lines)
    drawn += f'<line x1="{WIDTH / 2}" x2="{WIDTH / 2}" y1="0" y2="{HEIGHT}" stroke="{AXIS}" stroke-width="1"/>'
    drawn += _course(half, y(past), LINE, 'stroke-width="1.8"')
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">{drawn}</svg>'
    source = base64.b64encode(svg.encode()).decode()
    axis = f'<div class="axis" aria-hidden="true"><span>−24 h</span><span>{escape(say("now_axis"))}</span><span>+24 h</span></div>'
    return f'<img class="spark" alt="{escape(_told(name, unit, past, band["p50"]))}" src="data:image/svg+xml;base64,{source}"/>{axis}'


def course(name: str, unit: str, values: Sequence[float]) -> str:
    """A course over the whole width of the picture, without forecast: float[n] [unit], NaN where nothing is known."""
    array = np.asarray(values, dtype=float)
    if np.isfinite(array).sum() < 2:
        return ""
    bottom, top = float(np.nanmin(array)), float(np.nanmax(array))
    y = HEIGHT - 4 - (HEIGHT - 8) * (array - bottom) / ((top - bottom) or 1.0)
    drawn = _course(np.linspace(0, WIDTH, len(array)), y, LINE, 'stroke-width="1.8"')
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">{drawn}</svg>'
    source = base64.b64encode(svg.encode()).decode()
    return f'<img class="spark" alt="{escape(_told(name, unit, array, array[:0]))}" src="data:image/svg+xml;base64,{source}"/>'


def _runs(known: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The stretches without a gap."""
    places = np.flatnonzero(known)
    return [run for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(run) > 1] if len(places) else []


def _course(x: NDArray[np.float64], y: NDArray[np.float64], color: str, more: str) -> str:
    made = ""
    for run in _runs(np.isfinite(y)):
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[run], y[run], strict=True))
        made += f'<polyline points="{points}" fill="none" stroke="{color}" {more} vector-effect="non-scaling-stroke"/>'
    return made


def _area(x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> str:
    made = ""
    for run in _runs(np.isfinite(low) & np.isfinite(high)):
        there, back = zip(x[run], high[run], strict=True), zip(x[run][::-1], low[run][::-1], strict=True)
        made += f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in (*there, *back))}" fill="{BAND}" fill-opacity="0.55"/>'
    return made


def _rule(x1: float, x2: float, y: float, color: str) -> str:
    more = 'stroke-width="1" stroke-dasharray="6 3" vector-effect="non-scaling-stroke"'
    return f'<line x1="{x1}" x2="{x2}" y1="{y:.1f}" y2="{y:.1f}" stroke="{color}" {more}/>'


def _told(name: str, unit: str, past: NDArray[np.float64], expected: NDArray[np.float64]) -> str:
    """The picture as a sentence."""
    told = ""
    good = past[np.isfinite(past)]
    if len(good):
        words = {"value": look.number(past[-1]), "low": look.number(good.min()), "high": look.number(good.max())}
        told = say("alt_course", name=name, unit=unit, **words)
    coming = expected[len(expected) // 2 :]
    if np.isfinite(coming).any():
        span = {"low": look.number(float(np.nanmin(coming))), "high": look.number(float(np.nanmax(coming)))}
        told += say("alt_ahead", unit=unit, **span)
    return told


def arrow(trend: Sequence[float | None]) -> tuple[str, str]:
    """(sign, word) of the last hour against the day's range: rising, falling or steady; blank where an hour is not known.

    Less than a twentieth of the day's range is steady.
    """
    past = [value for value in trend if value is not None]
    if len(past) < 5 or trend[-1] is None or trend[-5] is None:
        return "", ""
    change, day = past[-1] - trend[-5], max(past) - min(past)
    if abs(change) <= 0.05 * day:
        return "→", say("steady")
    return ("↗", say("rising")) if change > 0 else ("↘", say("falling"))
