"""How good the forecasts are: as they were issued once nights are over, before that as the gate measured the machines."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from service.forecasts import judging, machines
from service.forecasts.answering import Moment
from service.forecasts.series import groups
from service.forecasts.shares import Share
from service.store import forecasting as store


def rows(moment: Moment, shares: Sequence[Share]) -> list[dict[str, Any]]:
    """Rows of the skill table without the night: series_id, day, model, mae, mae_naive, cover80, n."""
    issued = [one.judged.skill for one in shares if one.judged is not None and len(one.judged.skill)]
    if issued:
        found = pd.concat(issued)
    else:
        models = {row.model_id: row for row in store.models(moment.engine, store.LIVE)}
        live = [models[i] for group in groups(moment.city) for i in machines.live(list(models.values()), group).values()]
        found = pd.DataFrame([one for row in live for one in row.provenance["measured"]], columns=list(judging.COLUMNS))
    found = found.sort_values(["series_id", "day"], kind="stable").drop_duplicates(["series_id", "day"])
    return [
        {name: None if isinstance(value, float) and value != value else value for name, value in row.items()}
        for row in found.to_dict("records")
    ]
