"""The console behind a proxy that ends TLS, as docs/access.md says: cookies, guards, and forwarding headers that somebody made up."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from console.entry.behind_tls import secured
from service import station
from service.environment import Environment
from tests import tls_proxy
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.consoles import of_city, running
from tests.security.conftest import PASSWORD, small_city

XSRF = "_streamlit_xsrf"
FORGED = {  # what a client writes so that the console takes the connection for a plain one, or for another host's
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "attacker.example",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Port": "80",
    "X-Forwarded-Ssl": "off",
    "Forwarded": "for=127.0.0.1;host=attacker.example;proto=http",
}


class Front(NamedTuple):
    """The console as the office sees it."""

    url: str
    authority: Path

    def said(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, list[str], bytes]:
        """Status, Set-Cookie headers and body."""
        at, context = urlsplit(self.url), ssl.create_default_context(cafile=self.authority)
        connection = http.client.HTTPSConnection(at.hostname or "", at.port, timeout=20, context=context)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get_all("Set-Cookie") or [], answer.read()
        finally:
            connection.close()

    def handshake(self, origin: str, headers: dict[str, str]) -> int:
        """Status of a request for the page's socket that comes from a page of `origin`."""
        at, context = urlsplit(self.url), ssl.create_default_context(cafile=self.authority)
        own = {"Host": at.netloc, "Origin": origin, "Upgrade": "websocket", "Connection": "Upgrade"}
        own |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers}
        with (
            socket.create_connection((at.hostname, at.port), timeout=20) as raw,
            context.wrap_socket(raw, server_hostname=at.hostname) as line,
        ):
            told = "".join(f"{name}: {value}\r\n" for name, value in own.items())
            line.sendall(f"GET /_stcore/stream HTTP/1.1\r\n{told}\r\n".encode())
            return int(line.recv(200).split(b" ")[1])


def city(folder: Path, access: str) -> Path:
    small_city().build(folder, {"operator": PASSWORD})
    with (folder / "city.toml").open("a") as file:
        file.write(f"\n[access]\n{access}\n")
    return folder


@pytest.fixture(scope="module")
def internet() -> Iterator[socket.socket]:
    """The only way to the internet that the console knows: who asks something there calls here."""
    with socket.create_server(("127.0.0.1", 0)) as way:
        way.settimeout(0.5)
        yield way


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, internet: socket.socket) -> Iterator[Front]:
    """`penstock console` with `[access] behind_tls`, behind a proxy that believes what a client says was forwarded."""
    folder = city(tmp_path_factory.mktemp("behind-tls"), "behind_tls = true")
    way = f"http://127.0.0.1:{internet.getsockname()[1]}"
    environment = of_city(folder) | {"http_proxy": way, "https_proxy": way}
    with running(environment, folder / "console.log") as url, tls_proxy.before(url, folder, careless=True) as (https, authority):
        yield Front(https, authority)
    assert "Traceback" not in (folder / "console.log").read_text()


def cookies(set_cookie: list[str]) -> dict[str, Any]:
    return {name: one for text in set_cookie for name, one in SimpleCookie(text).items()}


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["plain", "forged"])
@pytest.mark.parametrize("path", ["/_stcore/health", "/_stcore/host-config"])
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_cookie_against_forgery_is_for_encrypted_connections_of_this_site_alone(
    front: Front, path: str, headers: dict[str, str]
) -> None:
    status, told, _ = front.said(path, **headers)
    found = cookies(told)
    assert status == 200
    assert set(found) <= {XSRF}, "no session in a cookie"
    assert found or path == "/_stcore/host-config"
    for one in found.values():
        assert one["secure"] is True
        assert one["samesite"] == "Strict"
        assert one["domain"] == ""
        assert one["httponly"] == ""  # the page's script sends it back as a header: so it guards


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["plain", "forged"])
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_guard_against_forgery_works_through_the_proxy(front: Front, headers: dict[str, str]) -> None:
    """403: the guard refuses; 400: it lets pass, and there is no such session to upload to."""
    token = cookies(front.said("/_stcore/health")[1])[XSRF].value
    place = "/_stcore/upload_file/00000000-0000-0000-0000-000000000000/f"
    assert front.said(place, "PUT", b"x", Cookie=f"{XSRF}={token}", **headers)[0] == 403
    assert front.said(place, "PUT", b"x", Cookie=f"{XSRF}={token}", **{"X-Xsrftoken": "planted"}, **headers)[0] == 403
    assert front.said(place, "PUT", b"x", Cookie=f"{XSRF}={token}", **{"X-Xsrftoken": token}, **headers)[0] == 400


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_a_page_of_another_site_gets_no_socket_whatever_it_says_was_forwarded(front: Front, internet: socket.socket) -> None:
    """And the console asks nobody on the internet whether the other site is itself."""
    assert front.handshake(front.url, {}) == 101
    for headers in ({}, FORGED, {"X-Forwarded-Host": "attacker.example", "X-Forwarded-Proto": "https"}):
        assert front.handshake("https://attacker.example", headers) == 403
        assert front.handshake("https://localhost.attacker.example", headers) == 403
    with pytest.raises(TimeoutError):
        internet.accept()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_somebody_signs_in_through_the_proxy_and_no_cookie_is_without_secure(front: Front) -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.goto(front.url)
        page.get_by_label("Name").fill("operator", timeout=60_000)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.locator("h2.section").first.wait_for(timeout=60_000)
        found = {cookie["name"]: cookie for cookie in page.context.cookies()}
        browser.close()
    assert set(found) == {XSRF}
    assert (found[XSRF]["secure"], found[XSRF]["sameSite"]) == (True, "Strict")


def test_every_cookie_becomes_secure_and_keeps_what_it_had() -> None:
    """That of the identity provider's sign-in is made without it."""
    assert secured("_streamlit_user=2|a; Path=/; HttpOnly; SameSite=Lax") == "_streamlit_user=2|a; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert secured("a=secure; Path=/") == "a=secure; Path=/; Secure"
    assert secured("a=1; secure; Path=/") == "a=1; secure; Path=/"


@pytest.mark.parametrize(
    ("access", "entry"),
    [
        ("", "app.py"),
        ("behind_tls = false", "app.py"),
        ("behind_tls = true", "behind_tls.py"),
        ('[access.oidc]\nredirect_uri = "https://console.city.example/oauth2callback"', "behind_tls.py"),
        ('[access.oidc]\nredirect_uri = "http://localhost:8501/oauth2callback"', "app.py"),
    ],
)
def test_the_city_file_alone_says_that_a_proxy_ends_tls(access: str, entry: str, tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text(f"[access]\n{access}\n")
    found = station.entry(Environment(city=file, home=tmp_path))
    assert found.name == entry
    assert found.is_file()
