"""What chance constraints and CVaR promise against what came true: plans made on honest forecasts, replayed on the measured load.

Every night is planned for two days from what was known then; the schedule is kept and the grid takes the errors. Contract, battery and
prices are set from the weeks before the first night, and nothing is tuned on the nights that are scored.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import hierarchy
from forecasting.coherent import Alone, coherent
from forecasting.models.task import ForecastSettings
from optimisation.assets import ASSETS, Asset
from optimisation.program import PlanInput, plan
from optimisation.results import PlanResult
from optimisation.risk import Risk
from optimisation.risk.areas import areas
from optimisation.risk.chance import reserve_kw
from optimisation.risk.demand_charge import cvar
from optimisation.risk.errors import on_paths, quantile

SUMMARY = "violation of chance constraints, reserve in stores and CVaR of demand charges, replayed on real load and water"
NIGHTS, SHARES, HOURS, TAIL = 56, (0.05, 0.1, 0.2), (1, 2, 4, 8), 0.1
CHARGE_PER_KW = 2.0  # of each horizon's peak, as if it were a month's
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Replay:
    """One night: what is planned from, and what came true [kWh per step] of each series."""

    inputs: PlanInput
    actual: dict[str, Floats]

    def error(self, names: list[str]) -> Floats:
        """float64[steps]: how much more came true than planned for."""
        return np.sum([self.actual[name] for name in names], axis=0) - self.inputs.expected(*names)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nights", type=int, default=NIGHTS, help="daily origins, one fit before the first")
    parser.add_argument("--stage", choices=("report", "tune"), default="report", help="tune: origins that end 56 days before")


def replays(town: hierarchy.Town, settings: ForecastSettings, args: argparse.Namespace, names: list[str]) -> list[Replay]:
    """The nights of a town as the product forecasts them: reconciled P10, P50, P90 and sample paths of these series."""
    count = 3 if args.quick else args.nights
    made = []
    end = town.values.shape[1] - (24 * hierarchy.REPORTED if args.stage == "tune" else 0)
    for k, night in enumerate(hierarchy.nights(town, settings, args.stage, count)):
        origins = np.arange(night.errors.shape[1]).astype("datetime64[D]")
        part = Alone(town.tree.ids, 3600, night.quantiles, origins, night.errors)
        together = coherent([part], town.tree.sums, names, (), hierarchy.PATHS, args.seed)
        start = town.start + timedelta(hours=end - 24 * (count + 1 - k))
        rows = [town.tree.ids.index(name) for name in names]
        if np.isfinite(night.actual[rows]).all():
            bands = {name: dict(zip(("p10", "p50", "p90"), together.quantiles[name], strict=True)) for name in names}
            paths = {name: together.paths[name] for name in names}
            made.append(Replay(_inputs(start, bands, paths), dict(zip(names, night.actual[rows], strict=True))))
    print(f"risk: {town.name}, {len(made)} nights", file=sys.stderr)
    return made


def _inputs(start: datetime, bands: dict[str, Any], paths: dict[str, Floats]) -> PlanInput:
    """Energy is cheap from 10:00 to 16:00, when the city itself takes much: a battery fills up to the contract."""
    hour = (start.hour + np.arange(hierarchy.STEPS)) % 24
    return PlanInput(
        start_utc=start,
        zone="UTC",
        series={name: {q: np.asarray(values, float) for q, values in band.items()} for name, band in bands.items()},
        import_price_per_kwh=np.where((hour >= 10) & (hour < 16), 0.1, 0.3),
        export_price_per_kwh=np.zeros(hierarchy.STEPS),
        intensity_kg_per_kwh=np.full(hierarchy.STEPS, 0.4),
        state={},
        paths=paths,
        steps=hierarchy.STEPS,
        step_s=3600,
    )


def usual_peak_kw(before: Floats) -> float:
    """Median of the daily peaks of the last four weeks."""
    return float(np.median(before[before.size % 24 :].reshape(-1, 24)[-28:].max(axis=1)))


def city(before: Floats, names: list[str], **grid: float) -> tuple[tuple[Asset, ...], dict[str, dict[str, float]]]:
    """Feeders behind a grid, and a battery of a quarter of their usual peak for four hours, half full."""
    usual = usual_peak_kw(before)
    tables = [
        {"kind": "grid", "id": "grid", "connection_kw": 5 * usual, "export_limit_kw": 0.0, **grid},
        {"kind": "fixed_load", "id": "feeders", "series": names},
        {"kind": "battery", "id": "battery", "power_kw": usual / 4, "energy_kwh": usual, "wear_price_per_kwh": 0.01},
    ]
    return ASSETS.validate_python(tables), {"battery": {"charge_kwh": usual / 2}}


def imported(done: PlanResult) -> Floats:
    rows = done.plan[(done.plan.asset_id == "grid") & (done.plan.quantity == "power_kw")]
    return rows.sort_values("time_utc")["value"].to_numpy()


def chance_cases(nights: list[Replay], assets: tuple[Asset, ...], names: list[str]) -> list[dict[str, Any]]:
    """Violation of the contract with no reserve, with reserves from sample paths, and from the bands alone."""
    rows = []
    for share, by in ((None, "paths"), *((share, "paths") for share in SHARES), (0.1, "bands")):
        risk = Risk(violation_share=share, reserve_price_per_kwh=1.0)
        found = [_replayed(replace(n, inputs=replace(n.inputs, risk=risk)), assets, names, by) for n in nights]
        above, tight, cost, reserve = (np.array(part) for part in zip(*found, strict=True))
        rows.append(
            {
                "eps": share,
                "by": by,
                "promised": 0.5 if share is None else share,
                "violated_at_limit": round(float(above[tight].mean()), 4) if tight.any() else None,
                "steps_at_limit": int(tight.sum()),
                "violated_steps": round(float(above.mean()), 4),
                "violated_days": round(float(above.reshape(-1, 24).any(axis=1).mean()), 4),
                "reserve_kw": round(float(reserve.mean()), 1),
                "cost": round(float(cost.mean()), 2),
            }
        )
    return rows


def _replayed(night: Replay, assets: tuple[Asset, ...], names: list[str], by: str) -> tuple[Any, Any, float, Floats]:
    """Of each step: is the contract passed, did the plan use all that its reserve leaves; what it cost, and the reserve."""
    inputs = night.inputs if by == "paths" else replace(night.inputs, paths={})
    (area,) = areas(assets)
    net, limit = imported(plan(inputs, assets)), area.limit_kw(inputs)
    reserve = np.zeros(inputs.steps) if inputs.risk.violation_share is None else reserve_kw(inputs, area)
    real = np.maximum(net + night.error(names), 0.0)
    excess = np.maximum(real - limit, 0.0)
    # at its limit, not beyond: where the wish was not worth its price nothing is promised
    tight = np.isclose(net + reserve, limit, rtol=1e-6)
    return excess > 0, tight, float(real @ inputs.import_price_per_kwh + excess.sum() * area.grids[0].excess_price_per_kwh), reserve


def store_cases(nights: list[Replay], names: list[str], what: str) -> list[dict[str, Any]]:
    """How often the error of the last hours together is above what a store keeps for it."""
    rows = []
    for hours in HOURS:
        row: dict[str, Any] = {"store": what, "hours": hours}
        for share in SHARES:
            kept = [quantile(n.inputs, dict.fromkeys(names, 1), 1 - share, hours)[hours - 1 :] for n in nights]
            came = [np.convolve(n.error(names), np.ones(hours), "valid") for n in nights]
            row[f"violated_{share:g}"] = round(float(np.mean(np.array(came) > np.array(kept))), 4)
        rows.append(row)
    return rows


def cvar_cases(nights: list[Replay], assets: tuple[Asset, ...], names: list[str]) -> dict[str, Any]:
    """Demand charge of each horizon's peak: what the paths told of it, and what came true, by how it was planned."""
    rows: list[dict[str, Any]] = []
    for name, risk in (
        ("medians", Risk(peak_tail=TAIL)),
        ("mean", Risk(peak_weight=0.0, peak_tail=TAIL)),
        ("half", Risk(peak_weight=0.5, peak_tail=TAIL)),
        ("tail", Risk(peak_weight=1.0, peak_tail=TAIL)),
    ):
        done = [(n, plan(replace(n.inputs, risk=risk), assets)) for n in nights]
        real = np.array([CHARGE_PER_KW * float((imported(one) + n.error(names)).max()) for n, one in done])
        told = [one.exposure for _, one in done if one.exposure is not None]
        late = [np.quantile((imported(one) + on_paths(n.inputs, dict.fromkeys(names, 1))).max(axis=1), 1 - TAIL) for n, one in done]
        energy = [float((imported(one) + n.error(names)) @ n.inputs.import_price_per_kwh) for n, one in done]
        rows.append(
            {
                "planned_on": name,
                "plan_charge": round(float(np.mean([one.cost.capacity for _, one in done])), 2),
                "told_mean": round(float(np.mean([t.charge_mean for t in told])), 2),
                "real_mean": round(float(real.mean()), 2),
                "told_tail": round(float(np.mean([t.charge_tail for t in told])), 2),
                "real_tail": round(cvar(real, TAIL), 2),
                "in_tail": round(float(np.mean(real > CHARGE_PER_KW * np.array(late))), 4),
                "energy": round(float(np.mean(energy)), 2),
            }
        )
    first = rows[0]
    saved = {f"saved_{key}": round(1 - rows[2][f"real_{key}"] / first[f"real_{key}"], 4) for key in ("mean", "tail")}
    return {"tail": TAIL, "plans": rows, **saved}


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Both towns. Raises `PenstockError` when the data are missing."""
    quick: dict[str, Any] = (
        {"trees": 40, "leaves": 15, "learning_rate": 0.15, "train_rows": 5_000, "calibration_rows": 5_000} if args.quick else {}
    )
    settings = ForecastSettings(seed=args.seed, **quick)
    load, water = hierarchy.load_town(args.quick, args.seed), hierarchy.water_town(args.quick)
    feeders = [name for name in load.tree.ids if name.startswith("feeder") and name in load.tree.sums]
    districts = [name for name in water.tree.ids if name not in water.tree.sums]
    nights = replays(load, settings, args, feeders)
    before = load.values[[load.tree.ids.index(name) for name in feeders]].sum(axis=0)
    before = before[: int((nights[0].inputs.start_utc - load.start) / timedelta(hours=1))]
    contract, state = city(before, feeders, contract_kw=usual_peak_kw(before))
    charged, _ = city(before, feeders, capacity_charge_per_kw_month=CHARGE_PER_KW)
    nights = [replace(n, inputs=replace(n.inputs, state=state)) for n in nights]
    cases = chance_cases(nights, contract, feeders)
    print("risk: chance constraints replayed", file=sys.stderr)
    stores = store_cases(nights, feeders, "battery behind nine feeders")
    stores += store_cases(replays(water, settings, args, districts), districts, "tank of ten water districts")
    return {"nights": len(nights), "cases": cases, "stores": stores, "cvar": cvar_cases(nights, charged, feeders), "stage": args.stage}
