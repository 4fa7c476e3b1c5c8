"""Statements to take away: one line each with its files, read when they are asked for."""

import io
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path

import streamlit as st

from console import data, look
from console.words import WORDS, say

_KINDS = (("pdf", ".pdf"), ("xlsx", ".xlsx"), ("json", ".json"), ("csv", ".csv"))
_DATED = (1980, 1, 1, 0, 0, 0)  # the same files make the same bytes


def section() -> None:
    """Every statement that was written, the newest period first; CSV tables and proof files come as one archive."""
    look.heading("statements")
    files = data.statements()
    if not files:
        look.banner(say("no_statements"), None)
        return
    reports = data.station().city.folder / "reports"
    groups: dict[tuple[str, str], list[Path]] = {}
    for path in files:
        period, *rest = path.relative_to(reports).parts  # <period>/<statement>.pdf, <period>/<statement>/<table>.csv, <period>/proof/...
        groups.setdefault((period, rest[0].split(".")[0] if rest else period), []).append(path)
    for period in sorted({of for of, _ in groups}, reverse=True):
        st.html(f'<div class="chart-title">{escape(period)}</div>')
        for (of, stem), paths in sorted(groups.items()):
            if of == period:
                _statement(period, stem, paths)


def _statement(period: str, stem: str, paths: Sequence[Path]) -> None:
    title, *places = st.columns([2.2, 1, 1, 1, 1], vertical_alignment="center")
    title.html(f'<div class="sentence">{escape(_named(stem))}</div>')
    if stem == "proof":
        _button(places[0], "ZIP", partial(_archive, paths), f"proof-{period}.zip", f"proof_{period}")
        return
    for place, (kind, suffix) in zip(places, _KINDS, strict=True):
        own = [path for path in paths if path.suffix == suffix]
        if kind == "csv" and own:
            _button(place, "CSV", partial(_archive, own), f"{stem}-{period}-csv.zip", f"{stem}_{period}_csv")
        elif own:
            _button(place, kind.upper(), own[0].read_bytes, f"{stem}-{period}{suffix}", f"{stem}_{period}_{kind}")


def _named(stem: str) -> str:
    """What a statement is called: its word, or its own name with what it is of."""
    base, _, rest = stem.removesuffix("-zh").partition("-")
    word = say(f"statement_{base}") if f"statement_{base}" in WORDS else base
    return " ".join(part for part in (word, rest, "中文" if stem.endswith("-zh") else "") if part)


def _button(place: "st.delta_generator.DeltaGenerator", label: str, content: Callable[[], bytes], name: str, key: str) -> None:
    place.download_button(label, content, name, key=f"statement_{key}", on_click="ignore", width="stretch")


def _archive(paths: Sequence[Path]) -> bytes:
    """Files as one ZIP, byte for byte the same for the same files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(paths):
            archive.writestr(zipfile.ZipInfo(path.name, _DATED), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return made.getvalue()
