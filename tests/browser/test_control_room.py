"""What a control room needs of the console: it says when it is not live, keeps what is typed, takes keys, grows its type, fills a wall."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from service import schema as t
from service.store import open_store
from tests.browser.seen import WIDE, Seen

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SILENT = timedelta(hours=3)


@contextmanager
def silent(console, process: str) -> Iterator[None]:
    """The last beat of a process three hours back, as if it had died then."""
    engine = open_store(f"sqlite:///{console.city.home / 'penstock.db'}")
    own = t.heartbeat.c.process == process
    with engine.begin() as connection:
        was: datetime = connection.execute(t.heartbeat.select().where(own)).one().time_utc
        connection.execute(t.heartbeat.update().where(own).values(time_utc=was - SILENT))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(t.heartbeat.update().where(own).values(time_utc=was))


@contextmanager
def silent_night(console) -> Iterator[None]:
    """The last night two days back."""
    engine = open_store(f"sqlite:///{console.city.home / 'penstock.db'}")
    with engine.begin() as connection:
        was = connection.execute(t.run.select().where(t.run.c.night.is_not(None))).all()
        for row in was:
            connection.execute(t.run.update().where(t.run.c.run_id == row.run_id).values(now_utc=row.now_utc - timedelta(days=2)))
    try:
        yield
    finally:
        with engine.begin() as connection:
            for row in was:
                connection.execute(t.run.update().where(t.run.c.run_id == row.run_id).values(now_utc=row.now_utc))


def test_a_silent_poll_is_told_on_every_page_by_itself_and_typing_is_kept(console, seen, tmp_path: Path) -> None:
    one = seen(1366, 768)
    one.sign_in(console)
    one.page.get_by_role("button", name="Stop and hold").click()
    reason = one.page.locator(".st-key-hold_reason input")
    reason.fill("half a sen")
    assert one.page.locator(".notlive").count() == 0
    with silent(console, "poll"):
        banner = one.page.locator(".notlive")
        banner.wait_for(timeout=45_000)  # no click: it comes with the refresh
        assert reason.input_value() == "half a sen"
        told = banner.inner_text()
        for part in ("NOT LIVE", "poll", "2022-06-15 23:00 CEST", "penstock poll", "✕"):
            assert part in told, told
        one.page.keyboard.press("Escape")
        one.open("runs")
        one.page.locator(".notlive").wait_for(timeout=20_000)
        one.page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollHeight > 1800", timeout=20_000)
        # by script: under the mouse lies a table, which scrolls itself
        one.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 900)")
        one.page.wait_for_timeout(500)
        box = one.page.locator(".notlive").bounding_box()
        assert 0 <= box["y"] < 100, "the banner scrolls away"
        assert box["width"] > 1300, "the banner is not as wide as the window"
        assert one.barriers() == []
        wall = seen(1920, 1080)
        wall.sign_in(console, "/?wall=1", "viewer")
        wall.page.locator(".notlive").wait_for(timeout=20_000)


def test_keys_open_pages_and_the_first_tab_stop_skips_to_the_content(console, seen) -> None:
    one = seen(1366, 768)
    one.sign_in(console)
    one.page.keyboard.press("3")
    one.page.wait_for_url("**/water", timeout=20_000)
    one.settled()
    one.page.keyboard.press("1")
    one.page.wait_for_url(lambda url: not url.endswith("/water"), timeout=20_000)
    one.settled()
    one.page.get_by_role("button", name="Stop and hold").click()
    one.page.locator(".st-key-hold_reason input").press("3")  # typed, not a command
    one.page.wait_for_timeout(1500)
    assert not one.page.url.endswith("/water")
    one.page.keyboard.press("Escape")
    one.page.locator("a.skip").focus()
    assert one.page.locator("a.skip").bounding_box()["x"] >= 0, "the skip link is seen when it has the focus"
    one.page.keyboard.press("Enter")
    assert one.page.evaluate("document.activeElement.id") == "content"
    table = one.page.locator("[data-testid=stDataFrame] [tabindex='0']")
    one.page.keyboard.press("8" if one.page.locator("header a[href]").count() == 8 else "7")
    table.first.wait_for(state="attached", timeout=20_000)


def test_large_type_is_larger_and_still_fits_a_small_screen(console, seen) -> None:
    one = seen(1366, 768)
    one.sign_in(console)
    size = "parseFloat(getComputedStyle(document.querySelector('.card .under')).fontSize)"
    normal = one.page.evaluate(size)
    one.page.get_by_role("radio", name="A+").click()
    one.page.wait_for_function(f"{size} > {normal}", timeout=20_000)
    assert one.page.evaluate(size) == pytest.approx(1.35 * normal, rel=0.01)
    for name in ("tonight", "carbon"):  # it is kept from page to page
        one.open(name)
        assert one.page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") == pytest.approx(20.25)
        assert one.page.evaluate(WIDE) <= 0, name


def test_the_wall_has_no_controls_fits_one_screen_and_is_read_from_afar(console, seen) -> None:
    one = seen(1920, 1080)
    one.sign_in(console, "/?wall=1", "viewer")
    one.page.locator(".notlive").wait_for(state="detached", timeout=45_000)  # of another test: a cache keeps it for 10 s
    shown = one.page.locator("button:visible, input:visible, select:visible, textarea:visible, header a:visible")
    assert shown.count() == 0
    told = one.text()
    assert "CEST" in told
    assert "Cityload" in told
    assert one.page.locator(".worst .what").bounding_box()["height"] >= 40
    smallest = "Math.min(...[...document.querySelectorAll('.card .value, .card .title, .worst .what, .worst .todo, .frame .clock')]"
    assert one.page.evaluate(f"{smallest}.map(e => parseFloat(getComputedStyle(e).fontSize)))") >= 24
    assert one.barriers() == []
    _all_on_screen(one)
    with silent(console, "poll"):
        one.page.locator(".notlive").wait_for(timeout=45_000)
        _all_on_screen(one)


def test_a_wall_in_chinese_is_asked_for_by_its_address_and_says_when_the_night_did_not_run(console, seen) -> None:
    one = seen(1366, 768)
    with silent_night(console):
        one.page.goto(f"{console.url}/?wall=1&lang=zh")
        one.page.get_by_label("用户名").fill("viewer")
        one.page.get_by_label("密码", exact=True).fill("viewer-demo")
        one.page.get_by_role("button", name="登录").click()
        banner = one.page.locator(".notlive", has_text="夜间批次")  # not that of another test, which a cache keeps for 10 s
        banner.wait_for(timeout=30_000)
        assert "非实时" in banner.inner_text()
        one.settled()
        _all_on_screen(one)


def test_a_page_that_lost_its_console_says_so_whatever_it_shows(console, seen) -> None:
    one = seen(1366, 768)
    one.sign_in(console, "/?wall=1", "viewer")
    shown = "getComputedStyle(document.querySelector('.stApp'), '::before').content"
    assert one.page.evaluate(shown) == "none"
    one.page.evaluate("document.querySelector('.stApp').setAttribute('data-test-connection-state', 'PINGING_SERVER')")
    assert "NOT LIVE: no contact" in one.page.evaluate(shown)


def _all_on_screen(one: Seen) -> None:
    """Every figure and every alarm that is shown stands whole on the screen, here and on a larger one of the same shape."""
    for width, height in ((1366, 768), (1920, 1080)):
        one.page.set_viewport_size({"width": width, "height": height})
        one.page.locator(".alarm").last.wait_for()
        one.settled()
        assert one.page.evaluate(WIDE) <= 0
        boxes = [box.bounding_box() for box in one.page.locator(".card, .alarm, .alarm-more").all()]
        assert len(boxes) >= 6
        assert max(box["y"] + box["height"] for box in boxes) <= height
