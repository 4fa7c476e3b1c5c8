"""A console in a process of its own, on the demo city after its night."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser.seen import Seen
from tests.commands import Penstock
from tests.consoles import running

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=swiftshader",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
]


@dataclass(frozen=True)
class RunningConsole:
    url: str
    city: Penstock
    name: str = "operator"
    password: str = "operator-demo"


@pytest.fixture(scope="session")
def console(worked: Penstock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningConsole]:
    log = tmp_path_factory.mktemp("log") / "console.log"
    with running(worked.environment, log) as url:
        yield RunningConsole(url, worked)
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for the tests of a file: its event loop runs as long as it does, and other files' tests start loops of their own."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium fonts-noto-cjk")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def seen(chromium: Any) -> Iterator[Callable[[int, int], Seen]]:
    """Makes a page of a width and height in a browser of another zone; what went wrong on any of them fails the test."""
    made: list[Seen] = []

    def opened(width: int, height: int) -> Seen:
        made.append(Seen(chromium.new_page(viewport={"width": width, "height": height}, timezone_id="America/New_York")).watch())
        return made[-1]

    yield opened
    for one in made:
        one.page.close()
        one.check()
