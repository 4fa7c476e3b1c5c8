"""The alarm when a machine errs more than it used to: told to the operators, and the reason to train it anew next night."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from city.problems import Problem
from forecasting import drift
from service.forecasts import judging
from service.forecasts.shares import Share

WORST = 3
"""Series that are named."""


def alarms(shares: Sequence[Share]) -> tuple[list[str], list[Problem]]:
    """Keys of the groups whose machines err more than they used to, and the sentences about them and their worst series."""
    sums: dict[Any, list[judging.Sums]] = {}
    drifting, told = [], []
    for one in shares:
        for rung, part in (one.judged.sums if one.judged is not None else {}).items():
            sums.setdefault((one.chunk.group, rung), []).append(part)
    for (group, rung), parts in sums.items():
        compared = judging.altogether(parts)
        if compared.alarms(drift.GROUP)[0]:
            drifting.append(group.key(""))
            observed = f"{compared.ratio[0]:.2f} times the error of its calibration days; its 80 % band held {compared.cover[0]:.0%}"
            told.append(Problem(f"machine of {group}, {rung}", observed, f"{drift.GROUP[0]:g} times", "It is trained anew next night."))
    own = [one.judged.drifting for one in shares if one.judged is not None and len(one.judged.drifting)]
    worst = pd.concat(own).sort_values(["ratio", "series_id"], ascending=[False, True]).head(WORST) if own else pd.DataFrame()
    for row in worst.itertuples():
        observed = f"errs {row.ratio:.2f} times as much as usual over the last nights; its 80 % band held {row.cover:.0%}"
        told.append(Problem(f"forecast of {row.series_id}", observed, f"{drift.SERIES[0]:g} times", "See what changed there."))
    return sorted(set(drifting)), told
