"""What travels between the parts: Blocks for bulk numbers, tidy frames for imports, small results and exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from city import quality as q
from city.clock import as_utc, grid
from city.problems import PenstockError, Problem, fault
from city.quantities import Quantity

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

TIME = "datetime64[us, UTC]"


@dataclass(frozen=True)
class Frame:
    """The columns of a tidy frame and their types; only those of `optional` may lack values. Its checker is made when it is first used."""

    columns: dict[str, Any]
    optional: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> pa.DataFrameSchema:
        import pandera.pandas as pa

        made = {name: pa.Column(dtype, nullable=name in self.optional, coerce=True) for name, dtype in self.columns.items()}
        return pa.DataFrameSchema(made, strict="filter", ordered=False)


def _frame(columns: dict[str, Any], optional: Sequence[str] = ()) -> Frame:
    return Frame(columns, tuple(optional))


READINGS = _frame(
    {"point_id": str, "time_utc": TIME, "quantity": str, "value": float, "quality": int, "received_at_utc": TIME},
    optional=["value"],
)
USAGE = _frame(
    {"point_id": str, "period_start_utc": TIME, "period_end_utc": TIME, "quantity": str, "amount": "int64", "quality": int, "version": int}
)
FORECAST = _frame(
    {"series_id": str, "time_utc": TIME, "made_at_utc": TIME, "quantity": str, "p10": float, "p50": float, "p90": float, "model": str}
)
PATHS = _frame({"series_id": str, "time_utc": TIME, "made_at_utc": TIME, "quantity": str, "path_id": int, "value": float, "model": str})
PLAN = _frame({"plan_id": str, "scenario": str, "asset_id": str, "time_utc": TIME, "quantity": str, "value": float})
PRICE = _frame({"plan_id": str, "balance_id": str, "time_utc": TIME, "currency_per_unit": float})
COMMAND = _frame(
    {
        "command_id": str,
        "plan_id": str,
        "point_id": str,
        "not_before_utc": TIME,
        "not_after_utc": TIME,
        "quantity": str,
        "setpoint": float,
        "after": str,
    },
    optional=["after"],
)
INTENSITY = _frame({"area_id": str, "time_utc": TIME, "kg_co2e_per_kwh": float, "basis": str, "factor_id": str})
LEDGER = _frame(
    {
        "entry_id": str,  # <batch>-<row>
        "account_id": "category",
        "point_id": "category",
        "quantity": "category",
        "scope": "int64",
        "activity": "category",
        "period_start_utc": TIME,
        "period_end_utc": TIME,
        "amount": "int64",
        "mg": "int64",
        "gas": "category",
        "rule_id": "category",
        "kind": "category",
        "basis": "category",
        "quality": "int64",
        "version": "int64",
        "counts": "int64",
        "state": "category",
        "reverses": str,
        "known_at_utc": TIME,
        "reason": "category",
    },
    optional=["reverses"],
)


def checked(kind: Frame, frame: pd.DataFrame, subject: str) -> pd.DataFrame:
    """`frame` with the columns and types of its kind, index-free. Raises `PenstockError` with one problem per fault."""

    import pandas as pd
    import pandera.pandas as pa

    try:
        return kind.schema.validate(frame.reset_index(drop=True), lazy=True)
    except (pa.errors.SchemaErrors, pa.errors.SchemaError) as error:
        cases = getattr(error, "failure_cases", None)
        allowed = ", ".join(kind.columns)
        if not isinstance(cases, pd.DataFrame):
            raise fault(subject, str(error), f"columns {allowed}", "Correct the table.") from None
        raise PenstockError(
            Problem(
                f"{subject}, column {row.column or row.failure_case}",
                f"{row.check}: {row.failure_case!r}",
                f"columns {allowed}",
                "Correct or map the column.",
            )
            for row in cases.head(20).itertuples()
        ) from None


@dataclass(frozen=True)
class Block:
    """n series on one time grid.

    `values` is float32[n, t] in the unit of `quantity`, or int64[n, t] in its stored scale where sums must be exact;
    `quality` is uint16[n, t] (see `city.quality`). A value whose quality is not usable is kept as read.
    """

    ids: tuple[str, ...]
    start_utc: datetime
    step: timedelta
    quantity: Quantity
    values: NDArray[Any]
    quality: NDArray[np.uint16]

    def __post_init__(self) -> None:
        shape = (len(self.ids), self.values.shape[1] if self.values.ndim == 2 else -1)
        if self.values.shape != shape or self.quality.shape != shape:
            raise fault(
                "block", f"values {self.values.shape}, quality {self.quality.shape}", f"{shape}", "Give one row per id and equal shapes."
            )
        object.__setattr__(self, "start_utc", as_utc(self.start_utc))

    @property
    def steps(self) -> int:
        return int(self.values.shape[1])

    @property
    def end_utc(self) -> datetime:
        return self.start_utc + self.steps * self.step

    @property
    def times(self) -> pd.DatetimeIndex:
        return grid(self.start_utc, self.steps, self.step)

    def usable(self) -> NDArray[np.bool_]:
        """bool[n, t]: may the value enter a sum or a forecast?"""
        return q.usable(self.quality)

    def unit_values(self) -> NDArray[np.float64]:
        """float64[n, t] in the unit of `quantity`, NaN where not usable: what models read."""
        raw = self.quantity.to_unit(self.values) if self.values.dtype.kind == "i" else self.values.astype(np.float64)
        return np.where(self.usable(), raw, np.nan)

    def window(self, start_utc: datetime, end_utc: datetime) -> Block:
        """The columns in [start, end); both must lie on the grid and inside the block."""
        first, last = ((as_utc(time) - self.start_utc) / self.step for time in (start_utc, end_utc))
        if first != int(first) or last != int(last) or not 0 <= first <= last <= self.steps:
            raise fault(
                "block window",
                f"{start_utc:%Y-%m-%dT%H:%MZ} to {end_utc:%Y-%m-%dT%H:%MZ}",
                f"within {self.start_utc:%Y-%m-%dT%H:%MZ} to {self.end_utc:%Y-%m-%dT%H:%MZ} in steps of {self.step}",
                "Ask for times inside the block.",
            )
        cut = slice(int(first), int(last))
        return replace(self, start_utc=as_utc(start_utc), values=self.values[:, cut], quality=self.quality[:, cut])

    def select(self, ids: Sequence[str]) -> Block:
        """The rows of `ids`, in that order."""
        row = {name: i for i, name in enumerate(self.ids)}
        unknown = [name for name in ids if name not in row]
        if unknown:
            raise fault("block", f"no series {', '.join(unknown[:5])}", f"one of its {len(row)} ids", "Check the spelling.")
        take = [row[name] for name in ids]
        return replace(self, ids=tuple(ids), values=self.values[take], quality=self.quality[take])
