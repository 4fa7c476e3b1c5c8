"""The console attacked from the network and from within its own texts, as `penstock console` starts it, on a city of hostile names."""

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from console.pages import PAGES
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.seen import Seen
from tests.security.conftest import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
OUTSIDE = "http://attacker.example"


def said(url: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a request whose path is sent as it is."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in ({"Content-Length": str(len(body))} if body is not None else {}).items():
            connection.putheader(name, value)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def alive(url: str) -> bool:
    return said(url, "/_stcore/health")[0] == 200


def test_no_cookie_is_a_session_and_the_one_against_forgery_stays_on_the_site(console: str) -> None:
    for path in ("/", "/_stcore/health", "/_stcore/host-config"):
        _, headers, _ = said(console, path)
        cookies = headers.get("set-cookie", "")
        assert all(word not in cookies.lower() for word in ("session", "token=")), cookies
        assert not cookies or ("_streamlit_xsrf" in cookies and "samesite=strict" in cookies.lower()), cookies


@pytest.mark.parametrize("origin", [OUTSIDE, "http://127.0.0.1.attacker.example", "null"])
def test_a_page_of_another_site_gets_no_socket_of_the_console(console: str, origin: str) -> None:
    """Cross-site WebSocket hijacking: a browser sends whom it asks for, and who asks."""

    def handshake(came_from: str) -> int:
        upgrade = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec_WebSocket_Version": "13",
            "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        at = urlsplit(console)
        lines = [f"GET /_stcore/stream HTTP/1.1\r\nHost: {at.netloc}\r\nOrigin: {came_from}\r\n"]
        lines += [f"{name.replace('_', '-')}: {value}\r\n" for name, value in upgrade.items()]
        with socket.create_connection((at.hostname, at.port), timeout=20) as raw:
            raw.sendall(("".join(lines) + "\r\n").encode())
            return int(raw.recv(200).split(b" ")[1])

    assert handshake(console) == 101, "the console's own page gets one"
    assert handshake(origin) == 403


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_an_upload_without_the_token_against_forgery_is_refused(console: str, method: str) -> None:
    body = None if method == "DELETE" else b"x" * 1000
    status, _, _ = said(console, "/_stcore/upload_file/00000000-0000-0000-0000-000000000000/f", method, body, Origin=OUTSIDE)
    assert status in (400, 403, 404, 405)
    status, _, _ = said(
        console, "/_stcore/upload_file/0/f", method, body, Cookie="_streamlit_xsrf=planted", X_Xsrftoken="planted", Origin=OUTSIDE
    )
    assert status in (400, 403, 404, 405)


PATHS = [
    "/../city.toml", "/../../accounts.toml", "/%2e%2e/accounts.toml", "/..%2faccounts.toml", "/static/../../accounts.toml", "//etc/passwd",
    "/static/%2e%2e/%2e%2e/app.py", "/media/../accounts.toml", "/media/..%2f..%2faccounts.toml", "/app/static/../../app.py", "/etc/passwd",
    "/component/x/../../../app.py", "/_stcore/../accounts.toml", "/static/..\\..\\accounts.toml", "/penstock.db", "/access.key", "/%00",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_to_a_file_of_the_machine(console: str, hostile: Path, path: str) -> None:
    _, _, body = said(console, path)
    for secret in (b"argon2", b"root:x:0", b"accounts_file", b"from console.pages import", b"SQLite format"):
        assert secret not in body, path


@pytest.mark.parametrize(
    "path",
    [
        "//attacker.example/",
        "//attacker.example/%2e%2e",
        "/\\attacker.example",
        "/?next=http://attacker.example",
        "/auth/login?next=//attacker.example",
        "/oauth2callback?state=x&code=y&redirect_uri=http://attacker.example",
        "/auth/logout?next=http://attacker.example",
    ],
)
def test_the_console_sends_nobody_to_another_site(console: str, path: str) -> None:
    status, headers, _ = said(console, path)
    target = headers.get("location", "")
    assert "attacker.example" not in urlsplit(target if "//" not in target[:2] else "http:" + target).netloc, (status, target)


def test_requests_out_of_size_cost_their_sender_an_error_and_nobody_the_console(console: str) -> None:
    assert said(console, "/_stcore/upload_file/0/f", "PUT", b"x" * 8_000_000)[0] >= 400
    with _either():
        assert said(console, "/" + "a" * 200_000)[0] >= 400
    with _either():
        assert said(console, "/", Cookie="a=" + "b" * 200_000)[0] >= 400
    assert alive(console)


class _either:
    """A refusal is a status or a closed connection."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, *_: object) -> bool:
        return kind is not None and issubclass(kind, (http.client.HTTPException, OSError))


def test_rubbish_on_the_socket_ends_that_socket_alone(console: str) -> None:
    at = urlsplit(console)
    for rubbish in (
        b"\x00" * 4096,
        b"GET /\r\n\r\n" * 100,
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01" + b"\xff" * 500,
    ):
        with socket.create_connection((at.hostname, at.port), timeout=20) as raw:
            raw.sendall(rubbish)
            raw.settimeout(3)
            with _either():
                assert b"Traceback" not in raw.recv(10_000)
    assert alive(console)


def test_an_error_page_shows_no_inside(console: str) -> None:
    for path in ("/_stcore/nothing", "/_stcore/upload_file/x", "/media/nothing.png"):
        _, _, body = said(console, path)
        assert b"Traceback" not in body
        assert b"site-packages" not in body


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


def opened_case(seen: Seen, column: int) -> int:
    """Open the first case of a column of the board, and come back; returns how often a crew or a text was shown as it is written."""
    seen.page.locator(".st-key-board [data-testid=stColumn]").nth(column).get_by_role("button").first.click()
    seen.page.locator("h2.case").wait_for(timeout=60_000)
    seen.settled()
    told = seen.page.locator("body").inner_text()
    assert "Crew <img" in told or column == 0
    assert "![p](http://attacker.example/p.png)" in told
    assert seen.page.evaluate("window.ran") is None, "a script of a case ran"
    assert seen.page.locator("img[src=x], a[href^=javascript], a[href*=attacker], img[src*=attacker]").count() == 0
    seen.page.keyboard.press("Escape")
    seen.page.locator(".st-key-board").wait_for(timeout=60_000)
    seen.settled()
    return told.count("window.ran=1")


@pytest.mark.browser
def test_no_script_in_a_name_a_note_a_reason_or_an_alarm_ever_runs(console: str, chromium: Any) -> None:
    seen = Seen(chromium.new_page(viewport={"width": 1600, "height": 1000}))
    asked: list[str] = []
    seen.page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    seen.page.on("request", lambda request: seen._asked(request.url))
    seen.page.goto(console)
    seen.page.get_by_label("Name").wait_for(timeout=60_000)
    seen.page.get_by_label("Name").fill("operator")
    seen.page.get_by_label("Password", exact=True).fill(PASSWORD)
    seen.page.get_by_role("button", name="Sign in").click()
    seen.page.locator("h2.section").first.wait_for(timeout=60_000)
    seen.settled()
    shown = 0
    for name in PAGES:
        seen.page.locator(f'header a[href$="/{"" if name == "now" else name}"]').first.click()
        seen.page.wait_for_timeout(1500)
        seen.settled()  # a page of what the city does not have has no heading to wait for
        told = seen.page.content()
        shown += told.count("window.ran=1")
        assert seen.page.evaluate("window.ran") is None, f"a script ran on {name}"
        assert seen.page.locator("img[src=x]").count() == 0, f"a name became an element on {name}"
        assert seen.page.locator("script", has_text="window.ran").count() == 0, name
        assert seen.page.locator("a[href^=javascript], a[href*=attacker], img[src*=attacker]").count() == 0, f"Markdown ran on {name}"
        if name == "cases":
            for column in range(4):
                shown += opened_case(seen, column)
    assert shown > 3, "the hostile names were on the pages, as text"
    assert asked == []
    assert seen.outside == []
    assert PASSWORD not in seen.page.content()
    cookies = {cookie["name"]: cookie for cookie in seen.page.context.cookies()}
    assert set(cookies) <= {"_streamlit_xsrf"}, "no session in a cookie"
    assert all(cookie["sameSite"] == "Strict" for cookie in cookies.values())
    assert seen.page.evaluate("JSON.stringify([localStorage, sessionStorage])").lower().count("token") == 0
    assert "token" not in seen.page.url
    seen.page.close()
