"""What people do at the console: small errands, click by click, drawn from a seed."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from benchmarks._console_session import Answer, Session
from benchmarks._console_store import account, name

YEAR = "meters: a point's year"
_JITTER = 0.2  # share of the pace by which a click comes sooner or later


@dataclass
class Clicks:
    """The answers to every click by what was clicked, and what was not on the page when it was wanted."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    absent: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, answer: Answer) -> None:
        self.answers.setdefault(what, []).append(answer)


@dataclass
class Person:
    """Somebody signed in who clicks at a pace [s] until the end, a time of `time.monotonic` [s]."""

    session: Session
    pace_s: float
    end_s: float
    chance: random.Random
    clicks: Clicks

    async def work(self) -> None:
        """Do errands until the end."""
        await asyncio.sleep(self.chance.random() * self.pace_s)
        while time.monotonic() < self.end_s:
            errand = self.chance.choice(
                (self._walk, self._walk, self._year, self._year, self._find, self._acknowledge, self._case, self._language)
            )
            async for what, answer in errand():
                self.clicks.add(what, answer)
                wait = self.pace_s * (1 + _JITTER * (2 * self.chance.random() - 1)) - answer.seconds
                await asyncio.sleep(max(wait, 0.0))
                if time.monotonic() >= self.end_s:
                    return

    async def _open(self, page: str) -> tuple[str, Answer]:
        return page, await self.session.open_page(page)

    async def _walk(self) -> AsyncIterator[tuple[str, Answer]]:
        """Look at some pages."""
        for page in self.chance.sample(sorted(self.session.pages), 3):
            yield await self._open(page)

    async def _year(self) -> AsyncIterator[tuple[str, Answer]]:
        """Look a point up and see its year of 15-minute data."""
        yield await self._open("meters")
        point = f"{name(self.chance.randrange(200))}.energy"
        async for answered in self._chosen("meters: search", "points_words", point):
            yield answered
        async for answered in self._chosen("meters: a point", "point", point):
            yield answered
        for span in ("year", "month"):
            async for what, answer in self._chosen(f"meters: a point's {span}", "span", span):
                drawn = span == "month" or answer.error or "chart_course_days" in self.session.charts
                yield what, answer if drawn else replace(answer, error="no year was drawn")

    async def _find(self) -> AsyncIterator[tuple[str, Answer]]:
        """Show the abnormal points only, and the next page of them."""
        yield await self._open("meters")
        async for answered in self._chosen("meters: abnormal only", "points_shown", "abnormal"):
            yield answered

    async def _acknowledge(self) -> AsyncIterator[tuple[str, Answer]]:
        yield await self._open("now")
        if (button := self._there(r"acknowledge_\d+")) is not None:
            yield "now: acknowledge", await self.session.click(button)

    async def _case(self) -> AsyncIterator[tuple[str, Answer]]:
        """Open a case, assign it or take its next step, and go back to the board."""
        if "cases" not in self.session.pages:
            return
        yield await self._open("cases")
        for key, what in ((r"case_\d+", "cases: one"), ("case_back", "cases: back")):
            if (button := self._there(key)) is not None:
                yield what, await self.session.click(button)

    async def _language(self) -> AsyncIterator[tuple[str, Answer]]:
        for language in ("中文", "English"):
            async for answered in self._chosen("language", "language_switch", language):
                yield answered
            yield await self._open(self.chance.choice(sorted(self.session.pages)))

    async def _chosen(self, what: str, key: str, value: str) -> AsyncIterator[tuple[str, Answer]]:
        if self._there(key) is not None:
            yield what, await self.session.choose(key, value)

    def _there(self, key: str) -> str | None:
        found = self.session.find(key)
        if found is None:
            self.clicks.absent[key] = self.clicks.absent.get(key, 0) + 1
        return found


async def crowd(port: int, people: int, pace_s: float, lasts_s: float, seed: int) -> tuple[Clicks, float, int]:
    """`people` sign in one after the other and then click for `lasts_s` [s].

    Returns the clicks, the mean seconds of a sign-in, and how often parts of pages refreshed themselves meanwhile.
    """
    clicks, sessions, began = Clicks(), [], time.perf_counter()
    for i in range(people):
        session = await Session.open(port)
        sessions.append(session)
        clicks.add("sign in", await session.sign_in(*account(i)))
    sign_in_s = (time.perf_counter() - began) / people
    before = sum(session.refreshed for session in sessions)
    end = time.monotonic() + lasts_s
    at_work = [Person(s, pace_s, end, random.Random(f"{seed}-{i}"), clicks).work() for i, s in enumerate(sessions)]  # noqa: S311
    await asyncio.gather(*at_work)
    refreshed = sum(session.refreshed for session in sessions) - before
    await asyncio.gather(*(session.close() for session in sessions))
    return clicks, sign_in_s, refreshed
