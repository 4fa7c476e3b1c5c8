"""Results of the night: forecasts, plans, leak cases, ledger. Writers take the step's connection; readers take the engine."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, case, delete, func, select

from city.clock import grid
from service import schema as t
from service.store.vectors import pack_float, unpack_float

_FEW = 500  # ids that fit into a statement


def replace_rows(connection: Connection, table: Any, where: Any, rows: list[dict[str, Any]]) -> None:
    """Delete what a former attempt left and insert `rows`: a step that is run again ends as if it ran once."""
    connection.execute(delete(table).where(where))
    if rows:
        connection.execute(table.insert(), rows)


def store_forecast(connection: Connection, night: date, frame: pd.DataFrame, ladder: pd.DataFrame, step_s: int) -> int:
    """Store a FORECAST frame as one row of three vectors per series. Returns the number of series."""
    reason = dict(zip(ladder["series_id"], ladder["reason"], strict=True))
    rows = []
    for series_id, part in frame.groupby("series_id", sort=True, observed=True):
        part = part.sort_values("time_utc")
        rows.append(
            {
                "night": night,
                "series_id": series_id,
                "made_at_utc": part["made_at_utc"].iloc[0].to_pydatetime(),
                "start_utc": part["time_utc"].iloc[0].to_pydatetime(),
                "step_s": step_s,
                "quantity": part["quantity"].iloc[0],
                "model": part["model"].iloc[0],
                "reason": reason.get(series_id, ""),
                "quantiles": pack_float(part[["p10", "p50", "p90"]].to_numpy().T),
            }
        )
    if rows:
        connection.execute(t.forecast.insert(), rows)
    return len(rows)


def forecasts(engine: Engine, night: date, series: Sequence[str] | None = None) -> dict[str, pd.DataFrame]:
    """{series_id: frame indexed by time_utc with p10, p50, p90}; attrs carry quantity, model, reason, step_s."""
    statement = select(t.forecast).where(t.forecast.c.night == night)
    wanted = None if series is None else set(series)
    if wanted is not None and len(wanted) <= _FEW:
        statement = statement.where(t.forecast.c.series_id.in_(sorted(wanted)))
    out = {}
    with engine.connect() as connection:
        for row in connection.execute(statement.order_by(t.forecast.c.series_id)):
            if wanted is not None and row.series_id not in wanted:
                continue
            out[row.series_id] = quantiles(row, row.start_utc)
            out[row.series_id].attrs["why"] = row.why
    return out


def quantiles(row: Any, start_utc: datetime) -> pd.DataFrame:
    """p10, p50, p90 of one stored forecast by time_utc; attrs carry quantity, model, reason, step_s."""
    values = unpack_float(row.quantiles).reshape(3, -1).T.astype(float)
    frame = pd.DataFrame(values, columns=["p10", "p50", "p90"], index=grid(start_utc, len(values), timedelta(seconds=row.step_s)))
    frame.attrs = {"quantity": row.quantity, "model": row.model, "reason": row.reason, "step_s": row.step_s}
    return frame


def store_plan(connection: Connection, plan_id: str, values: pd.DataFrame, prices: pd.DataFrame) -> None:
    """Store the PLAN frame (every scenario) and the PRICE frame of a plan as vectors."""
    rows = _values(plan_id, values)
    replace_rows(connection, t.plan_value, t.plan_value.c.plan_id == plan_id, rows)
    rows = [
        {"plan_id": plan_id, "balance_id": b, "amounts": pack_float(part.sort_values("time_utc")["currency_per_unit"].to_numpy())}
        for b, part in prices.groupby("balance_id", sort=True, observed=True)
    ]
    replace_rows(connection, t.price, t.price.c.plan_id == plan_id, rows)


def _values(plan_id: str, values: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "plan_id": plan_id,
            "scenario": s,
            "asset_id": a,
            "quantity": q,
            "amounts": pack_float(part.sort_values("time_utc")["value"].to_numpy()),
        }
        for (s, a, q), part in values.groupby(["scenario", "asset_id", "quantity"], sort=True, observed=True)
    ]


def add_scenario(connection: Connection, plan_id: str, scenario: str, values: pd.DataFrame) -> None:
    """Store another PLAN frame beside a plan, under a scenario of its own."""
    if rows := _values(plan_id, values.assign(scenario=scenario)):
        connection.execute(t.plan_value.insert(), rows)


def last_plan(engine: Engine, night: date | None = None) -> Any | None:
    """The newest plan (of a night), or None. Of those made at one time that with the highest number, but what stands in for an
    impossible one comes before it, and a real one before what stood in."""
    p, other = t.plan.c, t.plan.alias()
    replaced = select(other.c.plan_id).where(other.c.status == "fallback", other.c.made_at_utc == p.made_at_utc).exists()
    rank = case(((p.status == "impossible") & replaced, 2), (p.status == "fallback", 1), else_=0)
    statement = (
        select(t.plan).order_by(p.made_at_utc.desc(), rank, func.length(p.plan_id).desc(), p.plan_id.desc()).limit(1)
    )  # -10 after -9
    if night is not None:
        statement = statement.where(t.plan.c.night == night)
    with engine.connect() as connection:
        return connection.execute(statement).first()


def plan_values(engine: Engine, plan: Any) -> pd.DataFrame:
    """One column per (scenario, asset_id, quantity), indexed by time_utc."""
    with engine.connect() as connection:
        rows = connection.execute(select(t.plan_value).where(t.plan_value.c.plan_id == plan.plan_id)).all()
    columns = {(r.scenario, r.asset_id, r.quantity): unpack_float(r.amounts).astype(float) for r in rows}
    times = grid(plan.start_utc, plan.steps, timedelta(seconds=plan.step_s))
    # A storage level has one value more than there are steps: its first is the state at the start.
    return pd.DataFrame({key: value[-plan.steps :] for key, value in columns.items()}, index=times)


def plan_prices(engine: Engine, plan: Any) -> pd.DataFrame:
    """Marginal prices [currency per unit], one column per balance, indexed by time_utc."""
    with engine.connect() as connection:
        rows = connection.execute(select(t.price).where(t.price.c.plan_id == plan.plan_id)).all()
    times = grid(plan.start_utc, plan.steps, timedelta(seconds=plan.step_s))
    return pd.DataFrame({r.balance_id: unpack_float(r.amounts).astype(float) for r in rows}, index=times)


def rows(engine: Engine, table: Any, *where: Any, order: Any = None) -> Sequence[Any]:
    """Plain rows of a small result table."""
    statement = select(table).where(*where)
    with engine.connect() as connection:
        return connection.execute(statement.order_by(order) if order is not None else statement).all()


def mean_skill(engine: Engine, night: date) -> dict[int, float]:
    """{day: 1 - the mean over series of their error relative to that of seasonal naive}."""
    with engine.connect() as connection:
        found = connection.execute(
            select(t.skill.c.day, func.avg(t.skill.c.mae / t.skill.c.mae_naive))
            .where(t.skill.c.night == night, t.skill.c.mae_naive > 0)
            .group_by(t.skill.c.day)
        ).all()
    return {row[0]: 1 - float(row[1]) for row in found if row[1] is not None and np.isfinite(row[1])}
