"""One declaration per operation: its path, what may be asked, what it answers, which scope opens it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from city.problems import Problem
from service.api import cursors
from service.api.homes import Homes
from service.api.parameters import Parameter
from service.api.problem import Denied
from service.api.settings import ApiToken, Scope
from service.api.shapes import Page, Shape
from service.settings import LoadedCity


@dataclass(frozen=True)
class Asked:
    """One request: who asks for what, of which city and store (opened for reading only)."""

    operation: "Operation"
    city: LoadedCity
    engine: Engine
    token: ApiToken | None
    values: dict[str, Any]
    now_utc: datetime

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def folder(self) -> Path:
        return self.city.folder

    @property
    def homes(self) -> Homes:
        """Which points this token may see, and since when."""
        if self.token is None:
            raise Denied(401, Problem("token", "missing", "a token", "Ask the city for one."))
        return Homes(self.engine, self.city, self.token)

    def after(self, *kinds: type) -> list[Any] | None:
        """The key of the last row of the page before, of these types."""
        return cursors.read(self.operation.name, self.values, kinds)

    def page(self, items: Sequence[dict[str, Any]], key_of: Callable[[dict[str, Any]], list[Any]] | list[Any] | None) -> dict[str, Any]:
        """A page out of up to limit + 1 items (then one more is there); `key_of` gives the key of an item."""
        limit = self.values["limit"]
        if len(items) <= limit or key_of is None:
            return {"items": list(items), "next": None}
        key = key_of if isinstance(key_of, list) else key_of(items[limit - 1])
        return {"items": list(items[:limit]), "next": cursors.written(self.operation.name, self.values, key)}


@dataclass(frozen=True)
class File:
    """An answer that is bytes of a file as they were written."""

    content: bytes
    media: str
    name: str


Work = Callable[[Asked], "dict[str, Any] | File"]


@dataclass(frozen=True)
class Operation:
    """GET `path`. `scope` None: open to everybody. `whole_city`: nothing for a token that is bound to districts."""

    path: str
    group: str
    scope: Scope | None
    parameters: tuple[Parameter, ...]
    answer: Shape | None  # None: the bytes of a file
    work: Work
    whole_city: bool = False

    @property
    def name(self) -> str:
        return self.work.__name__

    @property
    def told(self) -> str:
        return " ".join((self.work.__doc__ or "").split())

    def allow(self, token: ApiToken) -> None:
        """Raises `Denied` when the token does not open this operation."""
        if self.scope is not None and self.scope not in token.scopes:
            observed = f"scopes {', '.join(token.scopes)}"
            raise Denied(403, Problem(f"token '{token.id}'", observed, f"the scope {self.scope}", "Ask the city for a token with it."))
        if self.whole_city and token.districts:
            observed = f"bound to {', '.join(token.districts)}"
            raise Denied(403, Problem(f"token '{token.id}'", observed, "a token of the whole city", "Ask the city for one."))


def declared(
    path: str, scope: Scope | None, *parameters: Parameter, answer: Shape | None, group: str, whole_city: bool = False
) -> Callable[[Work], Operation]:
    """Decorator: the function with what it is called for. Its docstring is the description; a page takes `limit` and `cursor` as well."""
    paged = (cursors.LIMIT, cursors.CURSOR) if isinstance(answer, Page) else ()

    def made(work: Work) -> Operation:
        return Operation(path, group, scope, (*parameters, *paged), answer, work, whole_city)

    return made
