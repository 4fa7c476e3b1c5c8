"""The run report as one HTML page: nothing in it asks for anything outside, and every text from data is escaped."""

from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from service.run_report import sections
from service.run_report.markup import Html, html, joined
from service.run_report.reading import Reader
from service.run_report.words import words

_PAGE = """<!doctype html>
<html lang="{tongue}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head>
<body><main>{head}{cards}{parts}<footer>{foot}</footer></main></body></html>
"""


def page(document: Mapping[str, Any], language: str) -> str:
    """The page of a report in a language. The same document gives the same text."""
    say = words(language)
    reader = Reader(say, language, ZoneInfo(document["city"]["time_zone"]))
    style = Html(files("service.run_report").joinpath("report.css").read_text(encoding="utf-8"))
    city = reader.city(document["city"])
    parts = (
        sections.todo(document, reader),
        sections.plan(document, reader),
        sections.forecasts(document, reader),
        sections.steps(document, reader),
        sections.targets(document, reader),
        sections.ledger(document, reader),
        sections.settings(document, reader),
    )
    return html(
        _PAGE,
        tongue={"en": "en", "zh": "zh-CN"}[language],
        title=f"{city} · {say('title')} {document['night']}",
        style=style,
        head=_head(document, reader, city),
        cards=sections.cards(document, reader),
        parts=joined(parts),
        foot=say("foot"),
    )


def _head(document: Mapping[str, Any], reader: Reader, city: str) -> Html:
    run, say = document["run"], reader.say
    now = datetime.fromisoformat(document["now_utc"]).astimezone(reader.zone)
    facts = [f"{say('run')} {run['id']}", f"{say('as_of')} {now:%Y-%m-%d %H:%M %Z}"]
    if run["seconds"] is not None:
        facts.append(f"{say('took')} {reader.number(run['seconds'], 0)} s")
    return html(
        '<header><div><h1>{city}</h1><p class="night">{night}</p></div>'
        '<div class="state {status}">{mark}<b>{word}</b><span>{facts}</span></div></header>',
        city=city, night=say("night_of", night=document["night"]), status=run["status"],
        mark=reader.status_mark(run["status"]), word=reader.status(run["status"]), facts=" · ".join(facts),
    )  # fmt: skip
