"""The ASGI application: who asks, may they, what do they ask, and the answer; whatever goes wrong is a status and a sentence."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from city.problems import PenstockError, Problem
from service.api import openapi
from service.api.counting import UNKNOWN
from service.api.groups import OPERATIONS
from service.api.operation import Asked, File, Operation
from service.api.parameters import of_request
from service.api.problem import Denied, answer
from service.api.rates import STRANGERS_PER_MINUTE, Rates
from service.api.settings import ApiToken
from service.api.tokens import Tokens
from service.crash import keep
from service.settings import LoadedCity

log = structlog.get_logger()
MOST_TARGET = 8_192  # characters of path and query; 50 point ids fit
_AT_ONCE = 4  # requests that ask the database at a time; the others wait
_METHODS = "GET, HEAD, OPTIONS"
SECURE = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
Count = Callable[[str, int], None]


class Api:
    """The application over a city and a store that is open for reading only. `count` hears of every call: route and status."""

    def __init__(
        self,
        city: LoadedCity,
        engine: Engine,
        count: Count = lambda *_: None,
        now: Callable[[], datetime] | None = None,
        more: tuple[ApiToken, ...] = (),
    ) -> None:
        self._city, self._engine, self._count = city, engine, count
        self._now = now or (lambda: datetime.now(UTC))
        self._tokens = Tokens(city.environment.city_file, (*city.settings.api_tokens, *more))
        self._rates = Rates(city.settings.api.calls_per_minute)
        self._strangers = Rates(STRANGERS_PER_MINUTE)
        self._limit: anyio.CapacityLimiter | None = None
        self._described = openapi.text().encode()

    def app(self) -> Starlette:
        routes = [Route(one.path, self._answering(one.path, self._asked(one))) for one in OPERATIONS]
        routes.append(Route("/v1/openapi.json", self._answering("/v1/openapi.json", self._openapi)))
        routes.append(Route("/{rest:path}", self._answering(UNKNOWN, self._nowhere)))
        for route in routes:
            route.methods = None  # whatever the method, the answer is ours
        return Starlette(routes=routes)

    def _answering(self, route: str, work: Callable[[Request], Response]) -> Callable[[Request], Any]:
        async def answering(request: Request) -> Response:
            if self._limit is None:
                self._limit = anyio.CapacityLimiter(_AT_ONCE)
            response = await anyio.to_thread.run_sync(self._safe, work, request, limiter=self._limit)
            self._count(route, response.status_code)
            if response.status_code >= 400:
                log.info("api request not answered", route=route, status=response.status_code)
            return response

        return answering

    def _safe(self, work: Callable[[Request], Response], request: Request) -> Response:
        """The answer, or what kept it from being made, with the headers that every answer has."""
        try:
            _bounded(request)
            if request.method == "OPTIONS":
                response = Response(status_code=204, headers={"Allow": _METHODS})
            elif request.method not in ("GET", "HEAD"):
                problem = Problem(f"method {request.method}", "this API only tells", _METHODS, "Ask with GET.")
                raise Denied(405, problem, headers={"Allow": _METHODS})
            else:
                response = work(request)
        except Denied as denied:
            response = answer(denied.status, denied.problems, denied.headers)
        except PenstockError as error:
            log.warning("api request met a fault of the city", problems=[str(problem) for problem in error.problems][:3])
            response = answer(
                503, [Problem("the city's data", "cannot be read at present", "data that can be read", "Tell its operators.")]
            )
        except DBAPIError as error:
            log.warning("database does not answer", cause=str(error.orig).strip()[:300])
            response = answer(503, [Problem("database", "does not answer", "one that answers", "Ask again later.")], {"Retry-After": "10"})
        except Exception as error:
            log.error(keep(error, self._city.environment))
            response = answer(500, [Problem("this request", "an error nobody foresaw", "an answer", "It was noted; tell the operators.")])
        for name, value in SECURE.items():
            response.headers.setdefault(name, value)
        if request.method == "HEAD":
            response.body = b""  # its length stays told
        return response

    def _asked(self, operation: Operation) -> Callable[[Request], Response]:
        def work(request: Request) -> Response:
            token = None
            if operation.scope is not None:
                token = self._known(request)
                self._rates.take(token.id)
                operation.allow(token)
            values = of_request(operation.parameters, request.query_params.multi_items(), request.path_params)
            asked = Asked(operation, self._city, self._engine, token, values, self._now())
            return _written(request, operation.work(asked))

        return work

    def _known(self, request: Request) -> Any:
        """Whose token it is; an address whose tokens were refused too often waits.

        A good token is let in all the same: behind a proxy everybody has one address, and nobody shall shut the others out.
        """
        try:
            return self._tokens.known(request.headers.get("authorization", ""), self._now())
        except Denied:
            self._strangers.take(request.client.host if request.client else "")
            raise

    def _openapi(self, request: Request) -> Response:
        return _conditional(request, self._described, "application/json", {})

    @staticmethod
    def _nowhere(_: Request) -> Response:
        raise Denied(404, Problem("path", "not there", "a path of /v1/openapi.json", "Look it up there."))


def _bounded(request: Request) -> None:
    """Raises `Denied` for a request with a body, or one that is longer than any of ours has to be."""
    length = len(request.scope.get("raw_path") or b"") + len(request.scope.get("query_string") or b"")
    if length > MOST_TARGET:
        raise Denied(414, Problem("request", f"a target of {length} characters", f"{MOST_TARGET}", "Ask for fewer at once."))
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        raise Denied(413, Problem("request", "has a body", "none: this API only tells", "Leave it out."), headers={"Connection": "close"})


def _written(request: Request, made: dict[str, Any] | File) -> Response:
    if isinstance(made, File):
        name = "".join(c if c.isascii() and (c.isalnum() or c in "-_.~") else "_" for c in made.name)
        digest = base64.b64encode(hashlib.sha256(made.content).digest()).decode()
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Repr-Digest": f"sha-256=:{digest}:"}
        return _conditional(request, made.content, made.media, headers)
    content = json.dumps(made, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return _conditional(request, content, "application/json", {})


def _conditional(request: Request, content: bytes, media: str, headers: dict[str, str]) -> Response:
    """The content under its own hash as `ETag`, or 304 when the asker has it already (RFC 9110, 13.1.2)."""
    tag = f'"{hashlib.sha256(content).hexdigest()}"'
    given = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in given or given == ["*"]:
        return Response(status_code=304, headers={"ETag": tag, **headers})
    return Response(content, media_type=media, headers={"ETag": tag, **headers})
