"""What the API answers when it cannot do what it was asked: RFC 9457 problem details, with Penstock's four words for a fault."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.responses import Response

from city.problems import Problem

MEDIA = "application/problem+json"
MOST_TOLD = 20


class Denied(Exception):
    """A request that is answered by this status and these problems."""

    def __init__(self, status: int, *problems: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.status, self.problems, self.headers = status, problems, dict(headers or {})


def answer(status: int, problems: Sequence[Problem], headers: Mapping[str, str] | None = None) -> Response:
    """The response for these problems; the first speaks for all, `problems` lists every one."""
    told = [
        {"subject": one.subject, "observed": one.observed, "allowed": one.allowed, "remedy": one.remedy} for one in problems[:MOST_TOLD]
    ]
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": str(problems[0]), **told[0], "problems": told}
    extra = dict(headers or {})
    if status == 401:
        extra["WWW-Authenticate"] = 'Bearer realm="penstock"'
    return Response(json.dumps(body, ensure_ascii=False), status, media_type=MEDIA, headers=extra)


def refused(subject: str, observed: str, allowed: str, remedy: str) -> Denied:
    """A fault of the request itself: status 400."""
    return Denied(400, Problem(subject, observed, allowed, remedy))


def missing(subject: str) -> Denied:
    """Status 404. It sounds the same whether a thing does not exist or is not open to the token."""
    return Denied(
        404, Problem(subject, "not there, or not open to this token", "a name that the lists of the API give", "Look it up there.")
    )
