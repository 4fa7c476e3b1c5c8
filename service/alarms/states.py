"""The states of an alarm and what moves it from one to another: ANSI/ISA-18.2-2016 clause 5.4 and IEC 62682, as pure functions.

Normal (A), unacknowledged (B), acknowledged (C), returned to normal unacknowledged (D), latched unacknowledged (E), latched
acknowledged (F), shelved (G), suppressed by design (H), out of service (I).
"""

from enum import StrEnum

from city.problems import fault


class State(StrEnum):
    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"  # RTNUN: the condition is over, nobody has seen it
    LATCHED = "latched"  # over, not seen, and stays until it is reset
    LATCHED_ACKNOWLEDGED = "latched-acknowledged"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out-of-service"


class Event(StrEnum):
    """What happens to an alarm: the first two by the process, the rest by a person, by design or by time."""

    ALARM = "alarm"
    CLEAR = "clear"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    REMOVE = "remove"  # from service
    RESTORE = "restore"  # to service


S, E = State, Event
HIDDEN = {S.SHELVED: E.UNSHELVE, S.SUPPRESSED: E.UNSUPPRESS, S.OUT_OF_SERVICE: E.RESTORE}  # states off the list -> the way back
UNSEEN = frozenset({S.UNACKNOWLEDGED, S.RETURNED, S.LATCHED})  # they wait for an acknowledgement
_AWAY = {E.SHELVE: S.SHELVED, E.SUPPRESS: S.SUPPRESSED, E.REMOVE: S.OUT_OF_SERVICE}
_RANK = {S.SUPPRESSED: 1, S.SHELVED: 2, S.OUT_OF_SERVICE: 3}  # of two ways off the list the more deliberate one holds
_MOVES: dict[tuple[State, Event], State] = {
    (S.NORMAL, E.ALARM): S.UNACKNOWLEDGED,
    (S.UNACKNOWLEDGED, E.ACKNOWLEDGE): S.ACKNOWLEDGED,
    (S.UNACKNOWLEDGED, E.CLEAR): S.RETURNED,
    (S.ACKNOWLEDGED, E.CLEAR): S.NORMAL,
    (S.RETURNED, E.ACKNOWLEDGE): S.NORMAL,
    (S.RETURNED, E.ALARM): S.UNACKNOWLEDGED,
    (S.LATCHED, E.ACKNOWLEDGE): S.LATCHED_ACKNOWLEDGED,
    (S.LATCHED, E.ALARM): S.UNACKNOWLEDGED,
    (S.LATCHED_ACKNOWLEDGED, E.RESET): S.NORMAL,
    (S.LATCHED_ACKNOWLEDGED, E.ALARM): S.UNACKNOWLEDGED,
}
_LATCHES = {S.UNACKNOWLEDGED: S.LATCHED, S.ACKNOWLEDGED: S.LATCHED_ACKNOWLEDGED}


def after(state: State, event: Event, *, active: bool, latches: bool = False) -> State | None:
    """The state that follows, or None where the event is not possible in this state.

    `active`: the condition is there now, which decides where an alarm that comes back to the list comes back to; `latches`: the kind
    stays on the list after its condition until somebody resets it.
    """
    if event in _AWAY:
        away = _AWAY[event]
        return away if _RANK[away] > _RANK.get(state, 0) else None
    if state in HIDDEN:
        if event in (E.ALARM, E.CLEAR):
            return state  # its condition comes and goes unseen
        return (S.UNACKNOWLEDGED if active else S.NORMAL) if event == HIDDEN[state] else None
    if latches and event == E.CLEAR and state in _LATCHES:
        return _LATCHES[state]
    return _MOVES.get((state, event))


def moved(subject: str, state: State, event: Event, *, active: bool, latches: bool = False) -> State:
    """As `after`; raises `PenstockError` where a person asks for what is not possible."""
    to = after(state, event, active=active, latches=latches)
    if to is None:
        possible = [str(e) for e in Event if e not in (E.ALARM, E.CLEAR) and after(state, e, active=active, latches=latches)]
        raise fault(f"{event} of {subject}", f"it is {state}", ", ".join(possible) or "nothing", "Look at the list again.")
    return to
