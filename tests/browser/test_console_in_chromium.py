"""The console as it is seen: every page in both languages in Chromium, no error in its console, nothing fetched from outside,
no barrier that axe-core calls serious or critical.

`PENSTOCK_PICTURES=<folder>` also keeps the pictures (README and guide show some of them).
"""

import os
from pathlib import Path

import pytest

from console.pages import PAGES
from console.words import WORDS
from service import schema as t
from service.store import ledger, open_store, results
from tests.browser.seen import HEIGHT, LANGUAGES, WIDE, Seen
from tests.commands import Penstock

HEADINGS = {"now": "alarms", "tonight": "approval", "water": "network", "carbon": "targets", "meters": "points", "runs": "audit"}
SCREENS = ((1366, 768), (1920, 1080))
TABS = ("schedules", "forecasts", "prices", "what_if", "known_events")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def numbers(city: Penstock) -> dict[str, list[str]]:
    """What each page must show, read from the store; digits only, as pages group them with spaces."""
    engine = open_store(f"sqlite:///{city.home / 'penstock.db'}")
    plan, case = results.last_plan(engine), results.rows(engine, t.leak_case, t.leak_case.c.kind == "burst")[0]
    (cut,) = results.rows(engine, t.isolation, t.isolation.c.case_id == case.case_id)
    head = ledger.head(engine)
    assert plan is not None
    assert head is not None
    return {
        "tonight": [f"{plan.cost:.0f}", f"{plan.baseline_cost:.0f}", f"{plan.co2_kg / 1000:.1f}"],
        "water": [f"{case.flow_m3_per_h:.1f}", case.pipe, *cut.detail["valves"]],
        "carbon": [head.root[:12]],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = os.environ.get("PENSTOCK_PICTURES")
    made = Path(kept) if kept else tmp_path
    made.mkdir(parents=True, exist_ok=True)
    return made


def test_every_page_in_both_languages_without_an_error_a_barrier_or_a_request_that_leaves_the_machine(console, seen, folder: Path) -> None:
    page = seen(1600, 1000)
    page.page.goto(console.url)
    page.page.get_by_label("Name").wait_for(timeout=30_000)
    page.page.screenshot(path=folder / "sign-in.png")
    assert page.barriers() == []
    page.sign_in(console)
    shown = numbers(console.city)
    for index, (switch, short, tongue) in enumerate(LANGUAGES):
        page.page.get_by_role("radio", name=switch).click()
        page.settled()
        assert page.page.evaluate("document.documentElement.lang") == tongue
        for name in PAGES:
            page.open(name)
            if name in HEADINGS:
                page.page.locator("h2.section", has_text=WORDS[HEADINGS[name]][index]).first.wait_for(timeout=30_000)
            _look(page, f"{name}-{short}", folder, SCREENS[: 2 - index])
            assert [number for number in shown.get(name, []) if number not in page.text()] == [], name
    page.open("tonight")
    for tab in TABS:
        page.page.get_by_role("tab", name=WORDS[tab][1]).click()
        page.settled()
        _look(page, f"tonight-{tab}-zh", folder, ())


def _look(page: Seen, name: str, folder: Path, screens: tuple[tuple[int, int], ...]) -> None:
    """No fault on it, no barrier, nothing cut off on any of the screens; and its picture, whole."""
    assert page.page.get_by_text("Traceback").count() == 0
    assert page.page.locator(".banner.p1", has_text="Something unexpected").count() == 0
    assert page.barriers() == [], name
    for width, height in screens:
        page.page.set_viewport_size({"width": width, "height": height})
        page.page.wait_for_timeout(100)
        wide = page.page.evaluate(WIDE)
        assert wide <= 0, f"{name} overflows {width} px by {wide} px"
        links = page.page.locator("header a[href]")
        tops = {round(links.nth(i).bounding_box()["y"]) for i in range(links.count())}
        assert len(tops) == 1, f"the page list wraps at {width} px"
        assert links.count() == len(PAGES), f"the page list hides pages at {width} px"
    page.page.set_viewport_size({"width": 1600, "height": 1000})
    page.page.wait_for_timeout(100)
    tall = int(page.page.evaluate(HEIGHT))
    page.page.set_viewport_size({"width": 1600, "height": min(max(tall + 80, 1000), 6000)})
    page.page.wait_for_timeout(300)
    page.page.screenshot(path=folder / f"{name}.png")
    page.page.set_viewport_size({"width": 1600, "height": 1000})
