"""What the meters of a civil day add up to, and the newest reading of every point: whole cities at once, as columns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, select

from city.quantities import Quantity
from service import schema as t
from service.store import columns
from service.store.columns import NONE
from service.store.readings import times


def day_totals(engine: Engine, day_start_utc: datetime, group_of: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Usage of the civil day that starts at `day_start_utc`, summed over the points of each group and quantity.

    `group_of` names each point's group, e.g. its zone or site; points it does not name are left out; without it all are one. Columns:
    group, quantity, total [unit of the quantity], amount (the same, int64 in the stored scale, exact), points. Of each point the
    newest version counts, and in it the amounts that can be used. Quantities that are no usage are left out.
    """
    m, p = t.meter_day.c, t.point.c
    usage = {str(q): str(q.usage or q) for q in Quantity if (q.usage or q).is_period}
    with engine.connect() as connection:
        found = columns.fetch(connection, select(m.point_key, m.version, m.amount_sum).where(m.day_start_utc == day_start_utc))
        drawn: Any = connection.execute(select(p.point_key, p.point_id, p.quantity).where(p.quantity.in_(list(usage)))).cursor
        kinds = drawn.fetchall()  # bare tuples: rows of SQLAlchemy's would take as long as all the rest
    key, version, amount = found
    total_of = np.full(max(int(key.max(initial=0)), max((kind[0] for kind in kinds), default=0)) + 1, NONE)
    order = np.argsort(version, kind="stable")
    total_of[key[order]] = amount[order]  # the newest version is written last, and stays
    groups = [""] * len(kinds) if group_of is None else [group_of.get(kind[1]) for kind in kinds]
    amounts = total_of[np.array([kind[0] for kind in kinds], dtype=np.int64)]
    made = pd.DataFrame({"group": groups, "quantity": [kind[2] for kind in kinds], "amount": amounts})
    made = made[made["group"].notna() & (made["amount"] != NONE)].assign(quantity=made["quantity"].map(usage).astype("str"))
    summed = made.groupby(["group", "quantity"], as_index=False, observed=True).agg(amount=("amount", "sum"), points=("amount", "size"))
    return summed.assign(total=summed["amount"] / summed["quantity"].map({str(q): q.scale for q in Quantity}).astype(float))


def latest(engine: Engine) -> pd.DataFrame:
    """The newest reading of every point, by key: point_key, time_utc, value, quality, good_time_utc, good_value.

    Values are in the stored scale, null where there is none; the good ones are of the newest reading that had a value.
    """
    with engine.connect() as connection:
        key, time_us, value, quality, good_time_us, good_value = columns.fetch(connection, select(*t.latest.c))
    return pd.DataFrame(
        {
            "point_key": key,
            "time_utc": times(time_us),
            "value": pd.arrays.IntegerArray(value, value == NONE),
            "quality": quality,
            "good_time_utc": times(good_time_us),
            "good_value": pd.arrays.IntegerArray(good_value, good_value == NONE),
        }
    )
