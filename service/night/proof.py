"""After the ledger of the night is committed: its roots outside the store, and closed periods that are no longer as they were signed."""

from carbon.ledger.ledger import Ledger
from city.problems import PenstockError, Problem
from service.auditing import outside
from service.books import closing, roots
from service.night import Night
from service.store import ledger
from service.store.runs import StepResult


def compute(night: Night) -> StepResult | None:
    """Runs after every night, so that roots which could not be kept outside follow. None when there was nothing to do."""
    written, problems = roots.publish(night.engine, night.city)
    problems += _newest(night) + outside.publish(night.engine, night.city, "night", night.now_utc)
    changed = [one for one in closing.standings(night.engine, night.city) if one.reasons]
    problems += [
        Problem(
            f"period {one.period}",
            one.sentence,
            "at most its materiality threshold",
            f"Look at it, then `penstock carbon close {one.period}`.",
        )
        for one in changed
        if one.material
    ]
    told = [f"{written} root{'s' * (written != 1)} kept outside"] if written else []
    told += [one.sentence for one in changed]
    return StepResult("; ".join(told) or "roots outside", problems=problems) if told or problems else None


def _newest(night: Night) -> list[Problem]:
    """Is the newest batch on the disk as it was sealed? `penstock verify` looks at all of them."""
    row = ledger.head(night.engine)
    if row is None:
        return []
    try:
        ledger.sound(Ledger.open([ledger.header(row)], night.city.folder / ledger.FOLDER), night.city.folder)
    except PenstockError as error:
        return list(error.problems)
    return []
