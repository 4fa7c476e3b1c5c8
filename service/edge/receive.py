"""What the central answers to its stations: batches and dead letters in, configuration out. An ASGI application.

| request | answer |
|---|---|
| POST /v1/batches/{SHA-256 of the content} | 200 when it is on the disk; 413 too large, 422 not to be taken, 507 disk full |
| POST /v1/dead-letters/{SHA-256} | the same, for what was refused |
| GET /v1/config | the station's bundle, or 304 when `If-None-Match` names it |

Every request carries `Authorization: Bearer <station>.<token>`. Nothing is said about a request without a good one but 401.
"""

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from city.problems import PenstockError
from meters.spool.packing import Batch
from meters.spool.spool import Spool, SpoolFull
from service.crash import keep
from service.edge.central import CLOCK_HEADER, MAX_BODY, ORIGIN_HEADER, REASON_HEADER, STATE_HEADER
from service.edge.part import bundle, digest, point_ids
from service.edge.settings import Station
from service.settings import LoadedCity

log = structlog.get_logger()
BODY_S = 300  # longest that a body may take to arrive [s]
_HASH = re.compile(r"[0-9a-f]{64}")


class Denied(Exception):
    """A request that is answered by this status and sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Reception:
    """The application: what arrives is on the disk, in the spool at `spool`, before it is answered."""

    def __init__(self, city: LoadedCity, spool: Path, shelf: Path) -> None:
        """`shelf`: the folder that remembers the configurations that were given out."""
        self._city, self._spool, self._shelf = city, spool, shelf
        self.heard: dict[str, dict[str, object]] = {}  # what each station last said of itself
        self._stations = {station.id: station for station in city.settings.stations}
        self._bundles = {station.id: bundle(city, station) for station in city.settings.stations}
        shelf.mkdir(parents=True, exist_ok=True)
        for name, station in self._stations.items():
            told = {"station": name, "points": sorted(point_ids(city, station))}
            (shelf / f"{digest(self._bundles[name])}.json").write_text(json.dumps(told), encoding="utf-8")
        # One thread: a spool belongs to the thread that opened it, and batches are kept in the order they came.
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._opened: Spool | None = None

    def app(self) -> Starlette:
        routes = [
            Route("/v1/batches/{batch_id}", self._answering(self._batch), methods=["POST"]),
            Route("/v1/dead-letters/{batch_id}", self._answering(self._dead_letter), methods=["POST"]),
            Route("/v1/config", self._answering(self._config), methods=["GET"]),
        ]
        return Starlette(routes=routes)

    def _answering(self, work: Callable[[Request, Station], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Check who asks, do the work, tell the time; whatever goes wrong is a status and a sentence, never a traceback."""

        async def answer(request: Request) -> Response:
            name = "?"
            try:
                station = self._known(request)
                name = station.id
                response = await work(request, station)
                self._hear(request, station)
            except Denied as denied:
                response = JSONResponse({"error": denied.sentence}, denied.status)
            except ClientDisconnect:
                response = Response(status_code=400)
            except Exception as error:
                log.error(keep(error, self._city.environment))
                response = JSONResponse({"error": "the central met an error it did not foresee"}, 500)
            if response.status_code >= 400:
                log.warning("request denied", station=name, path=repr(request.url.path)[:120], status=response.status_code)
            response.headers[CLOCK_HEADER] = f"{time.time():.6f}"
            return response

        return answer

    def _known(self, request: Request) -> Station:
        """The station whose token this is. Every comparison takes the same time, also for a station that does not exist."""
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        name, _, token = credential.partition(".")
        given = hashlib.sha256(token.encode()).hexdigest()
        station = self._stations.get(name)
        hashes = station.token_sha256 if station is not None else ("0" * 64,)
        good = [hmac.compare_digest(given, one) for one in hashes]
        if station is None or scheme.lower() != "bearer" or not any(good):
            raise Denied(401, "unknown station or token")
        return station

    async def _batch(self, request: Request, station: Station) -> Response:
        batch = await self._posted(request, station)
        return await self._kept(batch, self._points(station, batch.origin.rpartition("/")[2]))

    async def _dead_letter(self, request: Request, station: Station) -> Response:
        batch = await self._posted(request, station)
        reason = request.headers.get(REASON_HEADER) or "no reason given"
        return await self._kept(replace(batch, reason=f"refused, says the station: {reason[:1000]}"))

    async def _config(self, request: Request, station: Station) -> Response:
        content = self._bundles[station.id]
        tag = f'"{digest(content)}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(content, media_type="application/json", headers={"ETag": tag})

    async def _posted(self, request: Request, station: Station) -> Batch:
        """The body under its id, within the size limit however it is sent."""
        batch_id = request.path_params["batch_id"]
        config = request.headers.get(ORIGIN_HEADER, "")
        if not _HASH.fullmatch(batch_id) or not _HASH.fullmatch(config):
            raise Denied(400, "the batch id and the configuration must be SHA-256 in lower-case hexadecimal digits")
        length = request.headers.get("content-length", "")
        if not length.isdigit():
            raise Denied(411, "Content-Length is needed")
        if int(length) > MAX_BODY:
            raise Denied(413, f"{int(length)} bytes; at most {MAX_BODY} are taken at once")
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_S):
                async for part in request.stream():
                    body += part
                    if len(body) > MAX_BODY:
                        raise Denied(413, f"at most {MAX_BODY} bytes are taken at once")
        except TimeoutError:
            raise Denied(408, f"not whole after {BODY_S} s") from None
        return Batch(batch_id, bytes(body), f"{station.id}/{config}")

    def _points(self, station: Station, config: str) -> frozenset[str]:
        """The points a station may send: those of the configuration it read by, if that was given to it, and of the one now."""
        allowed = point_ids(self._city, station)
        try:
            given = json.loads((self._shelf / f"{config}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return allowed
        return allowed | frozenset(given["points"]) if given["station"] == station.id else allowed

    async def _kept(self, batch: Batch, allowed: frozenset[str] | None = None) -> Response:
        """Check a batch against the points it may tell of, keep it, and say so."""

        def kept() -> int:
            readings = _count(batch, allowed) if allowed is not None else 0
            if self._opened is None:
                self._opened = Spool(self._spool)
            self._opened.keep(batch, readings)
            return readings

        try:
            readings = await asyncio.get_running_loop().run_in_executor(self._disk, kept)
        except SpoolFull:
            raise Denied(507, "the central's disk is full") from None
        return JSONResponse({"kept": batch.batch_id, "readings": readings})

    def _hear(self, request: Request, station: Station) -> None:
        said = request.headers.get(STATE_HEADER, "{}")[:4000]
        try:
            state = json.loads(said)
        except (ValueError, RecursionError):
            return
        if isinstance(state, Mapping):
            self.heard[station.id] = dict(state)


def _count(batch: Batch, allowed: frozenset[str]) -> int:
    """The readings of a batch. Raises `Denied` when its content is not what its id names, or tells of other points."""
    try:
        frame = batch.readings()
    except PenstockError as error:
        raise Denied(422, str(error)) from None
    foreign = sorted(set(frame["point_id"].unique()) - allowed)
    if foreign:
        raise Denied(422, f"{len(foreign)} points are not this station's: {', '.join(foreign[:3])}"[:300])
    return len(frame)
