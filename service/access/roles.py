"""Roles, and what each may do: role-based access control as in ANSI INCITS 359, with the duties kept apart.

Who gives accounts out decides nothing else, and who runs the city does not write its books.
"""

from collections.abc import Iterable
from typing import Literal, get_args

from pydantic import Field

from city.places import Place

Role = Literal["viewer", "operator", "planner", "engineer", "admin", "household", "alone"]
Control = Literal["approve", "hold", "release", "edit-plan", "event", "leak", "valve", "switch", "settle", "response", "alarm", "shift"]
Planning = Literal["replan", "what-if", "pareto"]
Engineering = Literal["readings", "alarm-out", "case-check"]
Book = Literal["certificate", "consent", "publish", "close", "restate"]
Action = Control | Planning | Engineering | Book | Literal["case", "account", "see-household"]

_CONTROL, _PLANNING, _BOOKS = (frozenset(get_args(part)) for part in (Control, Planning, Book))
ACTIONS: tuple[Action, ...] = (*get_args(Control), *get_args(Planning), *get_args(Engineering), *get_args(Book), "case", "account")
ACTIONS += ("see-household",)
MAY: dict[Role, frozenset[Action]] = {
    "viewer": frozenset(),
    "operator": _CONTROL | _PLANNING | {"case"},
    "planner": _PLANNING | _BOOKS | {"case"},
    "engineer": frozenset(get_args(Engineering)) | {"valve", "settle", "what-if", "case"},
    "admin": frozenset({"account"}),
    "household": frozenset({"see-household"}),
    "alone": frozenset(ACTIONS),
}
PROPOSING = _PLANNING  # asks for an answer or a proposal; nothing in the city changes by it
WHOLE_CITY = frozenset({""})  # the district of what belongs to no single one; nobody who is bound to districts reaches it
NOWHERE: frozenset[str] = frozenset()  # the district of what touches nothing in the city: a note, a question


class Person(Place):
    """Who decides: a signed-in account, or a name on the command line."""

    name: str = Field(min_length=1, description="as it stands beside decisions in the audit trail")
    role: Role = Field(description="what the person may do; `alone` is the command line of a city without accounts")
    districts: tuple[str, ...] = Field(default=(), description="zones or sites the person is bound to; none: the whole city")
    unconfirmed: tuple[Action, ...] = Field(default=(), description="what waits for a second factor, which the person has not shown")


def may(person: Person, action: Action, districts: Iterable[str] | None = None) -> bool:
    """Does the person's role allow the action, was a second factor shown where it asks for one, and are all `districts` the person's?

    Without `districts`: may this person do such a thing anywhere at all.
    """
    allowed = action in MAY[person.role] and action not in person.unconfirmed
    return allowed and (districts is None or reaches(person, districts))


def may_stop(person: Person) -> bool:
    """May the person stop everything? Whoever may hold: in whatever district, and without looking for a phone first."""
    return "hold" in MAY[person.role]


def reaches(person: Person, districts: Iterable[str]) -> bool:
    """Are all these districts the person's? Somebody without districts has the whole city."""
    return not person.districts or set(districts) <= set(person.districts)


def roles_for(action: Action) -> list[Role]:
    """The roles of accounts that may do it."""
    return [role for role, allowed in MAY.items() if action in allowed and role != "alone"]
