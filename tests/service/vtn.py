"""An OpenADR 3 server on the loopback address for tests: tokens, events by page, reports; and it can misbehave on demand."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tests.commands import free_port

Answer = Callable[[Request], Response]


@dataclass
class Vtn:
    """What it holds, what it was asked, and what it does instead of answering."""

    port: int = field(default_factory=free_port)
    secret: str = "s3cret"
    events: list[Any] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    instead: dict[str, list[Response | float]] = field(default_factory=dict)  # path -> next answers, or seconds of silence

    def reset(self) -> None:
        for kept in (self.events, self.reports, self.tokens, self.asked):
            kept.clear()
        self.instead.clear()

    def _misbehave(self, request: Request) -> Response | None:
        self.asked.append(f"{request.method} {request.url.path.rsplit('/', 1)[-1]}?{request.url.query}")
        waiting = self.instead.get(request.url.path.rsplit("/", 1)[-1])
        if not waiting:
            return None
        found = waiting.pop(0)
        if isinstance(found, float):
            time.sleep(found)
            return None
        return found

    async def token(self, request: Request) -> Response:
        form = dict(part.split("=", 1) for part in (await request.body()).decode().split("&"))
        if (bad := self._misbehave(request)) is not None:
            return bad
        if form.get("client_secret") != self.secret or form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "invalid_client"}, 401)
        self.tokens.append(f"token-{len(self.tokens)}")
        return JSONResponse({"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 3600})

    def _refused(self, request: Request) -> Response | None:
        if (bad := self._misbehave(request)) is not None:
            return bad
        told = request.headers.get("authorization", "")
        if not self.tokens or told != f"Bearer {self.tokens[-1]}":
            return JSONResponse({"title": "Unauthorized", "status": 401}, 401)
        return None

    async def listed(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        skip, limit = (int(request.query_params[name]) for name in ("skip", "limit"))
        mine = [e for e in self.events if not isinstance(e, dict) or e.get("programID") == request.query_params["programID"]]
        return JSONResponse(mine[skip : skip + limit])

    async def reported(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        found = await request.json()
        if found in self.reports:
            return JSONResponse({"title": "Conflict", "status": 409}, 409)
        self.reports.append(found)
        return JSONResponse(found | {"id": f"report-{len(self.reports)}"}, 201)


@contextmanager
def serving(vtn: Vtn) -> Iterator[Vtn]:
    routes = [
        Route("/auth/token", vtn.token, methods=["POST"]),
        Route("/events", vtn.listed),
        Route("/reports", vtn.reported, methods=["POST"]),
    ]
    app = Starlette(routes=[Mount("/openadr3/3.1.0", routes=routes)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=vtn.port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < end
        time.sleep(0.01)
    yield vtn
    server.should_exit = True
    thread.join(timeout=10)
