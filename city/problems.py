"""Faults told as sentences: what, what was seen, what is allowed, what to do."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault.

    `subject` names the thing (a TOML path, a meter, a series), `observed` what was found there, `allowed` what would have
    been right and `remedy` what the reader can do about it.
    """

    subject: str
    observed: str
    allowed: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.observed}; allowed: {self.allowed}. {self.remedy}"


class PenstockError(Exception):
    """Raised across a border of a package; carries every problem found, not just the first."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type["PenstockError"], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def fault(subject: str, observed: str, allowed: str, remedy: str) -> PenstockError:
    """A `PenstockError` with a single problem, for `raise fault(...)`."""
    return PenstockError(Problem(subject, observed, allowed, remedy))
