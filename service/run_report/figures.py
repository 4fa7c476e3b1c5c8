"""The figures of a night: what is forecast, what the plan costs beside doing nothing, what the ledger posted, where targets stand."""

from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from optimisation.assets import Grid
from service import schema as t
from service.settings import LoadedCity
from service.store import ledger, results
from service.view import plan as plan_view

MOST_BREACHES = 100
_OWN = ("night", "fallback")  # origins of a plan
_RANK = {"fallback": 1, "impossible": 2}
_ORDER = {kind: place for place, kind in enumerate(("load", "pv", "wind", "water"))}  # the others follow by name


def _rounded(values: Any, digits: int = 1) -> list[float | None]:
    return [round(float(value), digits) if np.isfinite(value) else None for value in np.asarray(values, dtype=float)]


def _number(value: float | None, digits: int) -> float | None:
    return round(float(value), digits) if value is not None and np.isfinite(value) else None


def _iso(time: Any) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def forecasts(engine: Engine, city: LoadedCity, night: date) -> dict[str, Any]:
    """How many series by which model, how much better than seasonal naive, and the city's curves by kind with their bands."""
    rows = results.rows(engine, t.forecast, t.forecast.c.night == night)
    models = Counter(str(row.model) for row in rows)
    fans = plan_view.fans(engine, city, night) if rows else {}
    return {
        "series": len(rows),
        "models": dict(sorted(models.items())),
        "below_naive": {str(day): round(gain, 4) for day, gain in sorted(results.mean_skill(engine, night).items())},
        "curves": [_curve(kind, frame) for kind, frame in sorted(fans.items(), key=lambda one: (_ORDER.get(one[0], len(_ORDER)), one[0]))],
    }


def _curve(kind: str, frame: pd.DataFrame) -> dict[str, Any]:
    """One kind's sum per hour [kW or m3/h], with its highest expected value and when."""
    at = int(np.nanargmax(frame["p50"].to_numpy())) if len(frame) else 0
    return {
        "kind": kind,
        "unit": frame.attrs["unit"],
        "series": frame.attrs["series"],
        "start_utc": _iso(frame.index[0]),
        "step_s": int((frame.index[1] - frame.index[0]).total_seconds()) if len(frame) > 1 else 0,
        "highest": _number(float(frame["p50"].iloc[at]), 1),
        "highest_utc": _iso(frame.index[at]),
        **{name: _rounded(frame[name]) for name in ("p10", "p50", "p90")},
    }


def plan(engine: Engine, city: LoadedCity, night: date) -> dict[str, Any] | None:
    """The night's own plan beside doing nothing, with its draw from the grid [kW]; None when the night has none.

    Plans that were made again since are left out. Of those made at one time a real one counts, then what stands in for it, then an
    impossible one.
    """
    own = [row for row in results.rows(engine, t.plan, t.plan.c.night == night) if row.detail.get("origin", "night") in _OWN]
    if not own:
        return None
    row = max(own, key=lambda one: (one.made_at_utc, -_RANK.get(one.status, 0), len(one.plan_id), one.plan_id))
    breaches = results.rows(engine, t.breach, t.breach.c.plan_id == row.plan_id, order=t.breach.c.ordinal)
    return {
        "plan_id": row.plan_id,
        "status": row.status,
        "start_utc": _iso(row.start_utc),
        "step_s": row.step_s,
        "steps": row.steps,
        "cost": _number(row.cost, 2),
        "baseline_cost": _number(row.baseline_cost, 2),
        "co2_kg": _number(row.co2_kg, 1),
        "baseline_co2_kg": _number(row.baseline_co2_kg, 1),
        "reasons": [str(reason) for reason in row.detail.get("reasons", [])][:MOST_BREACHES],
        "notes": [str(note) for note in row.detail.get("notes", [])][:MOST_BREACHES],
        "breaches": [str(breach.sentence) for breach in breaches[:MOST_BREACHES]],
        "more_breaches": max(len(breaches) - MOST_BREACHES, 0),
        "grid_kw": _grid(engine, city, row),
    }


def _grid(engine: Engine, city: LoadedCity, row: Any) -> dict[str, list[float | None]]:
    """{scenario: power drawn through all connections together [kW]} of the plan and of doing nothing."""
    values = results.plan_values(engine, row)
    names = {asset.id for asset in city.settings.assets if isinstance(asset, Grid)}
    drawn = {}
    for scenario in ("plan", "baseline"):
        columns = [key for key in values.columns if key[0] == scenario and key[1] in names and key[2] == "power_kw"]
        if columns:
            drawn[scenario] = _rounded(values[columns].sum(axis=1))
    return drawn


def ledger_of(engine: Engine) -> dict[str, Any] | None:
    """Up to which day is posted, under which root; None before the first batch."""
    heads = ledger.heads(engine)
    if not heads:
        return None
    newest = heads[-1]
    return {
        "posted_to": max(head.last_day for head in heads).isoformat(),
        "entries": sum(head.rows for head in heads),
        "batch": newest.number,
        "root": newest.root,
        "signed": newest.signature is not None,
    }


def targets(engine: Engine, night: date) -> list[dict[str, Any]]:
    """Where every target stands, as the night computed it; values in its own unit."""
    p = t.target_progress.c
    return [
        {
            "id": row.target_id,
            "unit": str(row.detail.get("unit", "")),
            "required": _number(row.required, 6),
            "actual": _number(row.actual, 6),
            "on_path": row.on_path,
            "sentence": row.sentence,
        }
        for row in results.rows(engine, t.target_progress, p.night == night, order=p.target_id)
    ]
