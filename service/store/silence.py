"""Points that are read as if nothing had ever been heard of them: what is stored of them cannot be used."""

from contextvars import ContextVar

silent: ContextVar[frozenset[str]] = ContextVar("points that are read as missing", default=frozenset())
