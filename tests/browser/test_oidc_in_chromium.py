"""Sign-in through a real identity provider (Canaille) on the loopback address, in Chromium, with `penstock console` as it is shipped."""

import importlib.util
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.words import WORDS
from service import schema as t
from service.store import open_store, results
from tests.commands import ROOT, free_port

HERE = Path(__file__).parent
PROVIDER = HERE / "identity_provider.py"
PYTHON = Path(os.environ.get("PENSTOCK_TEST_PROVIDER", ROOT / ".provider" / "bin" / "python"))  # of an environment with canaille
ACCESS = """
[access]
second_factor_for = ["switch"]

[access.oidc]
discovery_url = "http://localhost:{provider}/.well-known/openid-configuration"
client_id = "penstock-console"
redirect_uri = "http://localhost:{port}/oauth2callback"
scope = "openid profile email groups"
name_claim = "sub"
grants = [
  {{ group = "grid-operators", role = "operator" }},
  {{ group = "visitors", role = "viewer" }},
]
"""
LOCAL = "open the gate"
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PEOPLE, SECRET = (getattr(_module(PROVIDER), name) for name in ("PEOPLE", "SECRET"))


@dataclass(frozen=True)
class Station:
    url: str
    home: Path
    log: Path


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """The small city with a console and an identity provider, each a process of its own."""
    if not PYTHON.exists():
        pytest.skip("no identity provider: make .provider/installed")
    home, port, provider = tmp_path_factory.mktemp("oidc"), free_port(), free_port()
    _module(ROOT / "tests" / "console" / "small_city.py").build(home, {"operator": LOCAL})
    with (home / "city.toml").open("a") as file:
        file.write(ACCESS.format(provider=provider, port=port))
    url, log = f"http://localhost:{port}", home / "console.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    own = {
        "PENSTOCK_CITY": str(home / "city.toml"),
        "PENSTOCK_HOME": str(home),
        "PENSTOCK_OIDC_SECRET": SECRET,
        "STREAMLIT_SERVER_ENABLE_CORS": "0",
    }
    with log.open("w") as file:
        commands = (
            ([str(PYTHON), str(PROVIDER), str(provider), f"{url}/oauth2callback"], kept, subprocess.DEVNULL),
            ([sys.executable, "-m", "service.cli", "console", "--port", str(port)], kept | own, file),
        )
        started = [subprocess.Popen(words, cwd=ROOT, env=given, stdout=out, stderr=subprocess.STDOUT) for words, given, out in commands]
        try:
            for address in (f"http://localhost:{provider}/.well-known/openid-configuration", f"{url}/_stcore/health"):
                _wait(address)
            yield Station(url, home, log)
        finally:
            for process in started:
                process.terminate()
                process.wait(timeout=20)


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - loopback
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{url} does not answer")


def _signed_in(page: Any, station: Station, name: str) -> None:
    page.goto(station.url)
    page.get_by_role("button", name="Sign in with your organisation's account").click(timeout=30_000)
    page.locator("input[name=login]").fill(name, timeout=30_000)
    page.locator("input[name=login]").press("Enter")
    page.locator("input[name=password]").fill(PEOPLE[name][0], timeout=30_000)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"{station.url}/**", timeout=30_000)


def _audit(station: Station) -> list[tuple[str, str]]:
    return [(row.who, row.action) for row in results.rows(open_store(f"sqlite:///{station.home / 'penstock.db'}"), t.audit)]


@pytest.mark.parametrize(("name", "role", "stops"), [("olga", "operator", True), ("victor", "viewer", False)])
def test_a_group_of_the_provider_gives_the_role_and_signing_out_ends_it(
    station: Station, chromium: Any, name: str, role: str, stops: bool
) -> None:
    page = chromium.new_page()
    _signed_in(page, station, name)
    page.locator(".who", has_text=f"{name} · {role}").wait_for(timeout=30_000)
    page.get_by_role("button", name=WORDS["stop_and_hold"][0]).click(timeout=30_000)
    stop = page.locator(".st-key-stop button")
    stop.wait_for(timeout=30_000)
    assert stop.is_enabled() is stops
    page.keyboard.press("Escape")  # the opened form may lie over what is clicked next
    cookie = next(one for one in page.context.cookies() if one["name"].startswith("_streamlit_user"))
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with your organisation's account").wait_for(timeout=30_000)
    page.context.add_cookies([cookie])  # a stolen copy of the cookie begins nothing any more
    page.goto(station.url)
    page.get_by_role("button", name="Sign in with your organisation's account").wait_for(timeout=30_000)
    page.wait_for_timeout(1500)
    assert page.locator(".who").count() == 0
    assert {(name, "sign in"), (name, "sign out")} <= set(_audit(station))
    page.close()


def test_somebody_whose_groups_have_no_role_here_is_refused_in_a_sentence(station: Station, chromium: Any) -> None:
    page = chromium.new_page()
    _signed_in(page, station, "mallory")
    page.get_by_text("sign-in of mallory: no groups of this city").wait_for(timeout=30_000)
    assert page.locator(".who").count() == 0
    assert ("mallory", "sign in refused") in _audit(station)
    page.close()


def test_a_local_account_signs_in_beside_the_provider_and_its_session_stands_in_no_address(station: Station, chromium: Any) -> None:
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(station.url)
    for password in ("a wrong one", LOCAL):
        page.get_by_label("Name").fill("operator", timeout=30_000)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_text("Name, password or code is not right").or_(page.locator(".who")).first.wait_for(timeout=30_000)
    page.locator(".who", has_text="operator · operator").wait_for(timeout=30_000)
    (row,) = results.rows(open_store(f"sqlite:///{station.home / 'penstock.db'}"), t.session, t.session.c.origin == "local")
    assert not [secret for secret in (LOCAL, row.digest) if any(secret in url for url in [*asked, page.url])]
    assert not [cookie for cookie in page.context.cookies() if cookie["name"] not in ("_streamlit_xsrf",)]
    page.reload()  # a new tab to the server: the password is asked for again
    page.get_by_label("Password", exact=True).wait_for(timeout=30_000)
    page.close()


def test_no_secret_stands_in_the_log_or_the_store_and_the_secrets_file_is_its_owners(station: Station) -> None:
    (secrets,) = station.home.glob("console-*.secrets.toml")
    assert secrets.stat().st_mode & 0o777 == 0o600
    cookie_secret = secrets.read_text().split('cookie_secret = "')[1].split('"')[0]
    kept = station.log.read_bytes() + b"".join(path.read_bytes() for path in station.home.glob("penstock.db*"))
    for secret in (SECRET, LOCAL, cookie_secret, *(password for password, _ in PEOPLE.values())):
        assert secret.encode() not in kept
