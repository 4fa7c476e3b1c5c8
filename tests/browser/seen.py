"""What the browser tests share: a page that remembers every error and every request that leaves the machine, and ways through it."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

BLOCK = "document.querySelector('[data-testid=stMain] [data-testid=stMainBlockContainer]')"
HEIGHT = f"{BLOCK}.scrollHeight"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LANGUAGES = (("English", "en", "en"), ("中文", "zh", "zh-CN"))  # as the switch shows it, as files are named, as the browser is told
NOT_OURS: dict[str, str] = {}  # axe rule -> why Streamlit's own page breaks it; none does today


@dataclass
class Seen:
    """A page of the console, and what went wrong on it."""

    page: Any
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self) -> "Seen":
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("websocket", lambda socket: self._asked(socket.url))
        return self

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.outside.append(url)

    def sign_in(self, console: Any, query: str = "", name: str = "") -> None:
        """Open the console and sign in, as the operator where no name is given."""
        who = name or console.name
        self.page.goto(console.url + query)
        self.page.get_by_label("Name").wait_for(timeout=30_000)
        self.page.get_by_label("Name").fill(who)
        self.page.get_by_label("Password", exact=True).fill(f"{who}-demo")
        self.page.get_by_role("button", name="Sign in").click()
        self.page.locator("h2.section").first.wait_for(timeout=30_000)
        self.settled()

    def open(self, name: str) -> None:
        """A page by its place in the list."""
        self.page.locator(f'header a[href$="/{"" if name == "now" else name}"]').first.click()
        self.page.locator("h2.section").first.wait_for(timeout=30_000)
        self.settled()

    def settled(self) -> None:
        """Wait until the script is done and the page has had one height for 0.45 s: the last of its parts has arrived."""
        self.page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=30_000)
        former, same = -1, 0
        for _ in range(100):
            self.page.wait_for_timeout(150)
            height = self.page.evaluate(HEIGHT)
            same = same + 1 if height == former else 0
            if same >= 3:
                return
            former = height
        pytest.fail("the page keeps changing its height")

    def text(self) -> str:
        """Everything that stands on the page, without blanks."""
        return "".join(self.page.locator("[data-testid=stMain]").inner_text().split())

    def barriers(self) -> list[str]:
        """What axe-core calls serious or critical here, but the rules of `NOT_OURS`."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
        found = axe.Axe().run(self.page).response["violations"]
        hard = [one for one in found if one["impact"] in ("serious", "critical") and one["id"] not in NOT_OURS]
        return [f"{one['id']}: {node['html'][:120]}" for one in hard for node in one["nodes"]]

    def check(self) -> None:
        """Nothing failed in the browser, and nothing was asked of another machine."""
        assert not self.outside, f"requests that leave the machine: {sorted(set(self.outside))}"
        assert not self.errors, f"errors in the browser's console: {self.errors[:5]}"
