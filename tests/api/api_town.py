"""A town after a night, with a home, tokens of several scopes, and questions put to its API without a socket."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from service.api.application import Api
from service.environment import Environment
from service.settings import load
from service.store.reading_only import open_reading
from tests.town import PARTS, Town

AT = datetime(2022, 6, 15, 22, 30, tzinfo=UTC)
SECRET = "s" * 43
HASH = hashlib.sha256(SECRET.encode()).hexdigest()
EVERYTHING = '["city", "readings", "forecasts", "plans", "statements", "operations", "targets"]'
TOKENS = """
[api]
household_sectors = ["homes"]
calls_per_minute = 1000000
""" + "".join(
    f'[[api_tokens]]\nid = "{name}"\nsha256 = "{HASH}"\nscopes = {scopes}\n{more}expires = {expires}\n'
    for name, scopes, more, expires in (
        ("all", EVERYTHING, "", "2099-12-31"),
        ("kin", '["city", "readings", "households"]', "", "2099-12-31"),
        ("dma", EVERYTHING, 'districts = ["old-town"]\n', "2099-12-31"),
        ("narrow", '["city"]', "", "2099-12-31"),
        ("stale", EVERYTHING, "", "2022-06-14"),
    )
)
FLAT = '  { id = "flat", unit = 3, link = "field", site = "home", model = "electricity-meter", commodity = "electricity", '
FLAT += 'role = "load" },\n]\n'


def with_api(town: Town) -> Town:
    """The town with a home, its meter, and tokens."""
    town = town.changed("head", 'sites = [{ id = "here", sector = "services" }]', SITES)
    head = town.head.rstrip().removesuffix("]") + FLAT
    return Town(town.folder, town.port, head.replace("sectors = [{", 'sectors = [{ id = "homes" }, {'), {**PARTS, "api": TOKENS}, town.days)


SITES = 'sites = [{ id = "here", sector = "services" }, { id = "home", sector = "homes" }]'


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks the ASGI application as a server would."""

    def __init__(self, town: Town, now_utc: datetime = AT) -> None:
        self.city = load(Environment(city=town.file, home=town.folder))
        self.engine = open_reading(town.database)
        self.calls: list[tuple[str, int]] = []
        self.api = Api(self.city, self.engine, lambda route, status: self.calls.append((route, status)), lambda: now_utc)
        self._app = self.api.app()

    def get(self, path: str, by: str | None = "all", method: str = "GET", headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        given = {} if by is None else {"authorization": f"Bearer {by}.{SECRET}"}
        return self.raw(path, urlencode(query, doseq=True), {**given, **(headers or {})}, method)

    def raw(self, path: str, query: str = "", headers: Mapping[str, str] | None = None, method: str = "GET") -> Answer:
        return asyncio.run(self._asked(path, query, headers or {}, method))

    async def _asked(self, path: str, query: str, headers: Mapping[str, str], method: str) -> Answer:
        self.api._limit = None  # of the event loop that this call runs in
        sent: list[dict[str, Any]] = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode("latin-1", "replace"),
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()],
            "client": ("127.0.0.1", 4711),
            "server": ("127.0.0.1", 8600),
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start = sent[0]
        body = b"".join(part.get("body", b"") for part in sent[1:])
        return Answer(start["status"], {k.decode().lower(): v.decode("latin-1") for k, v in start["headers"]}, body)

    def pages(self, path: str, by: str = "all", **query: Any) -> list[Any]:
        """Every item, page by page."""
        items, cursor = [], None
        while True:
            answer = self.get(path, by, **(query | ({"cursor": cursor} if cursor else {})))
            assert answer.status == 200, answer.body
            items += answer.told["items"]
            cursor = answer.told["next"]
            if cursor is None:
                return items
