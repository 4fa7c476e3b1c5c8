"""The words that a limit of the model is told in."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Words:
    """How a limit is told: `text` with `{value}` for the limit in `unit`.

    A limit without words is a definition (a balance, no negative power): it is never named as a reason and never dropped.
    `by_day` says that its rows are civil days, not steps; `news` that an operator wants to hear when it binds.
    """

    text: str
    unit: str = ""
    by_day: bool = False
    news: bool = True

    def say(self, low: float, high: float) -> str:
        value = f"{low:,.6g}" if np.isclose(low, high) else f"{low:,.6g} to {high:,.6g}"
        return self.text.replace("{value}", f"{value} {self.unit}".strip())  # names in the text may hold braces of their own
