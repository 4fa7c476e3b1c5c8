"""The console as it is seen: every page in both languages in Chromium, no error in its console, nothing fetched from outside.

`PENSTOCK_PICTURES=<folder>` also keeps the pictures (the README shows one of them).
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service import schema as t
from service.store import ledger, open_store, results
from tests.commands import Penstock

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=swiftshader",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
]
HEIGHT = "document.querySelector('[data-testid=stMain] [data-testid=stMainBlockContainer]').scrollHeight"
HEADINGS = {
    "now": ("Alarms", "报警"),
    "tonight": ("Schedules", "设备日程"),
    "water": ("Network", "管网"),
    "carbon": ("Targets", "目标"),
    "meters": ("Points", "测点"),
    "runs": ("Audit trail", "审计记录"),
}


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


pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = os.environ.get("PENSTOCK_PICTURES")
    made = Path(kept) if kept else tmp_path
    made.mkdir(parents=True, exist_ok=True)
    return made


def test_every_page_in_both_languages_without_an_error_or_a_request_that_leaves_the_machine(console, folder: Path) -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium fonts-noto-cjk")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    errors: list[str] = []
    outside: list[str] = []
    shown = numbers(console.city)

    def asked(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in ("127.0.0.1", "localhost"):
            outside.append(url)

    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000}, timezone_id="America/New_York")
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked(request.url))
        page.on("websocket", lambda socket: asked(socket.url))
        page.goto(console.url)
        _sign_in(page, console, folder)
        for language, index in (("English", 0), ("中文", 1)):
            page.get_by_role("radio", name=language).or_(page.get_by_role("button", name=language)).first.click()
            for name, headings in HEADINGS.items():
                _walk(page, name, headings[index], index, folder)
                text = "".join(page.locator("[data-testid=stMain]").inner_text().split())
                assert [number for number in shown.get(name, []) if number not in text] == [], name
        browser.close()
    assert not outside, f"requests that leave the machine: {sorted(set(outside))}"
    assert not errors, f"errors in the browser's console: {errors[:5]}"


def _sign_in(page, console, folder: Path) -> None:
    page.get_by_label("Name").wait_for(timeout=30_000)
    page.screenshot(path=folder / "sign-in.png")
    page.get_by_label("Name").fill(console.name)
    page.get_by_label("Password", exact=True).fill(console.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Alarms").first.wait_for(timeout=30_000)


def _walk(page, name: str, heading: str, index: int, folder: Path) -> None:
    """Open a page by its place in the list, wait for its heading and its charts, and look at it."""
    page.locator(f'header a[href$="/{"" if name == "now" else name}"]').first.click()
    page.locator("h2.section", has_text=heading).first.wait_for(timeout=30_000)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=30_000)
    _settled(page)
    assert page.get_by_text("Traceback").count() == 0
    assert page.locator(".banner.p1", has_text="Something unexpected").count() == 0
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} overflows the window by {wide} px"
    height = page.evaluate(HEIGHT)
    page.set_viewport_size({"width": 1600, "height": min(max(int(height) + 80, 1000), 6000)})
    page.wait_for_timeout(400)
    page.screenshot(path=folder / f"{name}-{('en', 'zh')[index]}.png")
    page.set_viewport_size({"width": 1600, "height": 1000})


def _settled(page) -> None:
    """Wait until the page has had one height for 0.6 s: the last of its parts has arrived."""
    former, same = -1, 0
    for _ in range(100):
        page.wait_for_timeout(200)
        height = page.evaluate(HEIGHT)
        same = same + 1 if height == former else 0
        if same >= 3:
            return
        former = height
    pytest.fail("the page keeps changing its height")
