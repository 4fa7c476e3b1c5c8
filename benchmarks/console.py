"""The console under load: 20 signed-in sessions click at a city of 100,000 points, over Streamlit's own protocol.

What is timed is the time from a click until the whole answer (every delta of every part of the page, and the media that it names) has
arrived. Twenty browsers do not fit on two cores beside the server, so drawing is not in it; one Chromium measures that by itself.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _console_browser, _console_people
from benchmarks._console_people import Clicks
from benchmarks._console_server import Server, serving
from benchmarks._console_session import Answer, Session
from benchmarks._console_store import Home, Size, finished_demo, store

SUMMARY = "a console with 100,000 points and 20 sessions that click every 10 s: seconds until the answer is whole"
TARGET_S = 2.0
_QUICK = Size(points=200, opened=2, nights=2, lines=20)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--seconds", type=float, default=180.0, help="how long each number of sessions clicks [s]")
    parser.add_argument(
        "--pace", type=float, default=10.0, help="seconds between two clicks of a session; a lone one clicks five times as often"
    )
    parser.add_argument("--demo", type=Path, help="data folder of a finished demo; var/demo of the checkout, made when it is not there")
    parser.add_argument("--no-browser", action="store_true", help="leave Chromium out")


def run(args: argparse.Namespace) -> dict[str, Any]:
    if args.quick:
        args.sessions, args.seconds, args.pace, args.no_browser = [2], 3.0, 0.5, True
        home, written = store(_QUICK, args.seed, None)
    else:
        home, written = store(Size(points=args.points), args.seed, args.demo or finished_demo())
    with tempfile.TemporaryDirectory(dir=home.folder.parent) as folder:
        own = Home(home.city, Path(folder) / "home")  # what is clicked is written: into a copy
        shutil.copytree(home.folder, own.folder)
        with serving(own, Path(folder) / "console.log") as server:
            cold = asyncio.run(_cold(server))
            scales = [_scale(server, sessions, args) for sessions in args.sessions]
            drawn = [] if args.no_browser else _console_browser.drawn(server.port)
            cost, log = server.cost(), server.log.read_text(errors="replace")
    last = scales[-1]
    return {
        "sessions": last["sessions"],
        "p95_s": last["p95_s"],
        "year_p95_s": next((page["p95_s"] for page in last["pages"] if page["name"] == _console_people.YEAR), None),
        "target_s": TARGET_S,
        "pages": last["pages"],
        "scales": [{key: value for key, value in scale.items() if key != "pages"} for scale in scales],
        "by_sessions": {str(scale["sessions"]): scale["pages"] for scale in scales[:-1]},
        "first_opening": cold,
        "browser": drawn,
        "server": cost,
        "tracebacks": log.count("Traceback"),
        "written": written,
    }


async def _cold(server: Server) -> list[dict[str, Any]]:
    """The first person after the start: the city is read, nothing is in memory."""
    session = await Session.open(server.port)
    answer = await session.sign_in("operator", "operator-demo")
    made = [{"name": "sign in and Now", "s": round(answer.seconds, 3)}]
    for page in list(session.pages):
        answer = await session.open_page(page)
        made.append({"name": page, "s": round(answer.seconds, 3)} | ({"error": answer.error} if answer.error else {}))
    await session.close()
    return made


def _scale(server: Server, sessions: int, args: argparse.Namespace) -> dict[str, Any]:
    """One number of sessions, clicking for a while."""
    pace = args.pace / 5 if sessions == 1 else args.pace
    print(f"{sessions} sessions, a click every {pace:g} s each", file=sys.stderr)
    before = server.cost()["cpu_s"]
    clicks, sign_in_s, refreshed = asyncio.run(_console_people.crowd(server.port, sessions, pace, args.seconds, args.seed))
    cpu = server.cost()["cpu_s"] - before
    pages = [_page(what, answers) for what, answers in sorted(clicks.answers.items()) if what != "sign in"]
    every = [answer for what, answers in clicks.answers.items() if what != "sign in" for answer in answers]
    return {
        "sessions": sessions,
        "every_s": pace,
        "sign_in_s": round(sign_in_s, 2),
        **_page("all", every),
        "worst_s": round(max(answer.seconds for answer in every), 3),
        "refreshed": refreshed,
        "server_cpu_s_per_click": round(cpu / len(every), 3),
        "absent": clicks.absent,
        "faults": _faults(clicks),
        "pages": pages,
    }


def _page(what: str, answers: list[Answer]) -> dict[str, Any]:
    seconds = np.array([answer.seconds for answer in answers])
    return {
        "name": what,
        "clicks": len(answers),
        "median_s": round(float(np.median(seconds)), 3),
        "p95_s": round(float(np.quantile(seconds, 0.95)), 3),
        "kb": round(float(np.median([answer.received for answer in answers])) / 1000, 1),
        "errors": sum(bool(answer.error) for answer in answers),
    }


def _faults(clicks: Clicks) -> list[str]:
    """What went wrong, each once."""
    return sorted({f"{what}: {answer.error}" for what, answers in clicks.answers.items() for answer in answers if answer.error})[:10]
