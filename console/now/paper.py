"""The shift on one page of paper: what changed, the notes, and who handed over to whom, as a file that any browser prints."""

from collections.abc import Sequence
from html import escape

from console import data, header, look
from console.words import language, say
from service.shifts.changes import GROUPS
from service.shifts.log import HandOver, Note

MOST = 15  # lines of one group: all nine fit on the page
_STYLE = """@page { size: A4; margin: 14mm; } body { font: 8.5pt sans-serif; color: #000; }
.changes { columns: 2; } h1 { font-size: 14pt; margin: 0; }
h2 { font-size: 10.5pt; margin: 3mm 0 1mm; border-bottom: 0.3mm solid #000; } ul { margin: 0; padding-left: 4mm; }
.names { display: flex; gap: 20mm; margin-top: 12mm; } .names div { flex: 1; border-top: 0.3mm solid #000; } s { color: #555; }"""


def sheet(title: str, lines: Sequence[tuple[str, str]], notes: Sequence[Note], last: HandOver | None) -> str:
    """An HTML page of its own. `lines`: (group, what it says); every text is escaped here."""
    parts = [f"<h1>{escape(header.city_name())} · {escape(say('shift_log'))}</h1><p>{escape(title)}<br>{escape(_printed())}</p>"]
    parts.append('<div class="changes">')
    for group in GROUPS:
        own = [told for of, told in lines if of == group]
        shown = [*own[:MOST], *([say("show_more", count=len(own) - MOST)] if len(own) > MOST else [])]
        if own:
            listed = "".join(f"<li>{escape(told)}</li>" for told in shown)
            parts.append(f"<h2>{escape(say(f'group_{group}'))} · {len(own)}</h2><ul>{listed}</ul>")
    parts.append("</div>")
    if notes:
        parts.append(f"<h2>{escape(say('shift_notes'))}</h2><ul>{''.join(map(_noted, notes))}</ul>")
    if last is not None:
        parts.append(f"<h2>{escape(say('hand_over'))} {escape(look.clock(last.at_utc))}</h2><p>{escape(last.text)}</p>")
    names = (last.outgoing, last.incoming or "") if last is not None else ("", "")
    signs = "".join(f"<div>{escape(say(word))}: {escape(name)}</div>" for word, name in zip(("outgoing", "incoming"), names, strict=True))
    body = f'{"".join(parts)}<div class="names">{signs}</div>'
    return f'<!doctype html><html lang="{language()}"><meta charset="utf-8"><style>{_STYLE}</style><body>{body}</body></html>'


def _printed() -> str:
    return f"{say('clock')} {look.clock(data.now().now_utc)}"


def _noted(note: Note) -> str:
    about = f"<b>{escape(note.about)}</b> " if note.about else ""
    text = f"<s>{escape(note.text)}</s>" if note.corrected_by else escape(note.text)
    return f"<li>{escape(look.clock(note.at_utc))} {escape(note.who)}: {about}{text}</li>"
