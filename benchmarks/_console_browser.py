"""How long a page takes until it stands still in a real browser: one Chromium, alone with the server."""

from pathlib import Path
from typing import Any

from city.problems import fault

_CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = ["--no-sandbox", "--use-gl=swiftshader", "--disable-background-networking", "--no-first-run", "--disable-sync"]
_QUIET_MS = 1000  # without a change for so long a page stands still; it counts until its last change
_WATCH = """() => {
  window.changed = performance.now();
  const watch = new MutationObserver(() => { window.changed = performance.now() });
  watch.observe(document.body, {childList: true, subtree: true, attributes: true});
}"""
_STILL = f"() => !document.querySelector('[data-testid=stStatusWidget]') && performance.now() - window.changed > {_QUIET_MS}"
_CLICK = "element => { window.clicked = performance.now(); window.changed = window.clicked; element.click() }"
_TIMES = 3


def drawn(port: int) -> list[dict[str, Any]]:
    """Median seconds from the click on a page's link until it stands still, of three visits each.

    Raises `PenstockError` without Chromium or playwright.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        raise fault(
            "benchmark console", "no playwright", "playwright and Chromium", "Install the dev extra, or use --no-browser."
        ) from None
    if not _CHROMIUM.exists():
        raise fault("benchmark console", f"no {_CHROMIUM}", "playwright and Chromium", "apt-get install chromium, or use --no-browser.")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(_CHROMIUM), args=_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.goto(f"http://127.0.0.1:{port}")
        page.get_by_label("Name").fill("operator", timeout=60_000)
        page.get_by_label("Password", exact=True).fill("operator-demo")
        page.get_by_role("button", name="Sign in").click()
        page.locator("header a").first.wait_for(timeout=60_000)
        page.evaluate(_WATCH)
        links = page.locator("header a")
        made = [_settled(page, links.nth(i)) for i in range(links.count())]
        browser.close()
    return made


def _settled(page: Any, link: Any) -> dict[str, Any]:
    name = (link.get_attribute("href") or "").rsplit("/", 1)[-1] or "now"
    seconds = []
    for _ in range(_TIMES):
        link.evaluate(_CLICK)
        page.wait_for_timeout(100)
        page.wait_for_function(_STILL, timeout=60_000)
        seconds.append(page.evaluate("() => (window.changed - window.clicked) / 1000"))
        page.wait_for_timeout(200)
    return {"name": name, "settled_s": round(sorted(seconds)[_TIMES // 2], 2)}
