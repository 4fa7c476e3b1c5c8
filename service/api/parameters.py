"""What may be asked: each parameter with its schema and how it is read. What cannot be read is refused with a sentence."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from city.clock import parse_utc
from city.problems import PenstockError
from service.api.problem import Denied, refused
from service.api.shapes import Schema

MOST_TEXT = 200
YEARS = range(1970, 2200)


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation, in its query or its path."""

    name: str
    read: Callable[[str, str], Any]
    schema: Schema
    description: str
    place: str = "query"
    default: Any = None
    required: bool = False
    most: int = 1  # how often it may be given

    @property
    def described(self) -> dict[str, Any]:
        """The parameter as OpenAPI describes it."""
        schema = {"type": "array", "items": self.schema, "maxItems": self.most} if self.most > 1 else dict(self.schema)
        if self.default is not None:
            schema["default"] = self.default
        needed = self.required or self.place == "path"
        return {"name": self.name, "in": self.place, "required": needed, "description": self.description, "schema": schema}

    def asked(self) -> "Parameter":
        """The same, but it must be given."""
        return replace(self, required=True)


def text(name: str, description: str, *, place: str = "query", most: int = 1) -> Parameter:
    return Parameter(name, _text, {"type": "string", "minLength": 1, "maxLength": MOST_TEXT}, description, place, most=most)


def whole(name: str, description: str, low: int, high: int, default: int | None = None) -> Parameter:
    def read(subject: str, value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) <= 9 and low <= int(value) <= high):
            raise refused(subject, _shown(value), f"a whole number from {low} to {high}", "Correct it.")
        return int(value)

    return Parameter(name, read, {"type": "integer", "minimum": low, "maximum": high}, description, default=default)


def choice(name: str, description: str, known: Sequence[str], default: str | None = None) -> Parameter:
    def read(subject: str, value: str) -> str:
        if value not in known:
            raise refused(subject, _shown(value), ", ".join(known), "Choose among these.")
        return value

    return Parameter(name, read, {"type": "string", "enum": list(known)}, description, default=default)


def time(name: str, description: str) -> Parameter:
    """A time with offset; what is told is UTC."""
    return Parameter(name, _time, {"type": "string", "format": "date-time"}, f"{description}; ISO 8601 with offset (write + as %2B) or Z")


def day(name: str, description: str) -> Parameter:
    return Parameter(name, _day, {"type": "string", "format": "date"}, description)


def of_request(parameters: Iterable[Parameter], query: Iterable[tuple[str, str]], path: Mapping[str, str]) -> dict[str, Any]:
    """What was asked, by name; a parameter that was not given has its default. Raises `Denied` with everything that is wrong."""
    known = {parameter.name: parameter for parameter in parameters}
    given: dict[str, list[str]] = {name: [value] for name, value in path.items()}
    problems: list[Any] = []
    for name, value in query:
        if name not in known or known[name].place == "path":
            allowed = ", ".join(p.name for p in known.values() if p.place == "query") or "none"
            problems += refused(f"parameter {_shown(name)}", "unknown", allowed, "Correct its name.").problems
            continue
        given.setdefault(name, []).append(value)
    asked: dict[str, Any] = {}
    for name, parameter in known.items():
        values, subject = given.get(name, []), f"parameter '{name}'"
        try:
            if len(values) > parameter.most:
                raise refused(subject, f"given {len(values)} times", f"{parameter.most} at most", "Ask for fewer at once.")
            if not values and parameter.required:
                raise refused(subject, "missing", parameter.description, "Give it.")
            read = [parameter.read(subject, value) for value in values]
        except Denied as denied:
            problems += denied.problems
            continue
        asked[name] = tuple(dict.fromkeys(read)) if parameter.most > 1 else read[0] if read else parameter.default
    if problems:
        raise Denied(400, *problems)
    return asked


def _shown(value: str) -> str:
    return repr(value[:60])


def _text(subject: str, value: str) -> str:
    if not (0 < len(value) <= MOST_TEXT and value.isprintable()):
        raise refused(subject, _shown(value), f"1 to {MOST_TEXT} printable characters", "Correct it.")
    return value


def _time(subject: str, value: str) -> datetime:
    remedy = "Write it like 2022-06-16T00:30%2B02:00 or 2022-06-15T22:30Z."
    try:
        found = parse_utc(_text(subject, value))
    except PenstockError as error:
        raise refused(subject, _shown(value), error.problems[0].allowed, remedy) from None
    if found.year not in YEARS:
        raise refused(subject, _shown(value), f"the years {YEARS[0]} to {YEARS[-1]}", remedy)
    return found


def _day(subject: str, value: str) -> date:
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise refused(subject, _shown(value), "a day as YYYY-MM-DD", "Write it so.") from None
    if found.year not in YEARS:
        raise refused(subject, _shown(value), f"the years {YEARS[0]} to {YEARS[-1]}", "Correct it.")
    return found
