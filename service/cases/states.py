"""The life of a case as a diagram: which step leads from which state to which, and what it takes.

found -> assigned -> worked -> checked -> closed -> rated; `cancelled` is for what was none, or is another case already. Work is
checked by another person than the one who did it. Nothing here reads or writes: times, people and the store are the callers'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from city.problems import fault
from service.access.roles import Action

State = Literal["found", "assigned", "worked", "checked", "closed", "rated", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
ENDED: frozenset[State] = frozenset({"closed", "rated", "cancelled"})
OPEN: frozenset[State] = frozenset(STATES) - ENDED


@dataclass(frozen=True)
class Step:
    """An edge of the diagram. `after` None: the case stays where it is, or goes back to where its owner has it."""

    before: frozenset[State]
    after: State | None
    action: Action | None = "case"  # what a person must be allowed; None: the source says so, nobody decides
    reason: bool = False  # it must be told why


def _from(*states: State) -> frozenset[State]:
    return frozenset(states)


STEPS: dict[str, Step] = {
    "assign": Step(_from("found", "assigned"), "assigned"),
    "work": Step(_from("assigned"), "worked"),
    "check": Step(_from("worked"), "checked", "case-check"),
    "close": Step(_from("checked"), "closed"),
    "rate": Step(_from("closed"), "rated"),
    "reopen": Step(_from("worked", "checked", "closed", "rated", "cancelled"), None, reason=True),
    "cancel": Step(_from("found", "assigned", "worked"), "cancelled", reason=True),
    "note": Step(frozenset(STATES), None, reason=True),
    "taken": Step(_from("found"), "assigned", None),  # somebody saw to the source itself: the case is in their hands
    "done": Step(_from("found", "assigned"), "worked", None),  # the source is over: repaired, restored, answers again
}


def after(step: str, state: State, owner: str | None) -> State:
    """The state that a step leads to. A case that is opened again is its owner's, or waits for one.

    Raises `PenstockError` for a step that the diagram does not have there.
    """
    edge = STEPS[step]
    if state not in edge.before:
        allowed = ", ".join(name for name in STATES if name in edge.before)
        raise fault(f"{step} of a case", f"it is {state}", allowed, f"Now it can be: {', '.join(possible(state))}.")
    if edge.after is not None:
        return edge.after
    return state if step == "note" else "assigned" if owner else "found"


def possible(state: State) -> Sequence[str]:
    """The steps that people may take from a state, in the order of the diagram."""
    return [name for name, edge in STEPS.items() if state in edge.before and edge.action is not None]
