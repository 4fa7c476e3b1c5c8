"""Cities made from a seed, for the dispatch benchmark and the tests of optimisation: no measured data in them."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from city.clock import as_utc
from optimisation.assets import ASSETS, Asset
from optimisation.program import PlanInput

START = as_utc(datetime.fromisoformat("2022-06-16T01:00+02:00"))


def bands(values: np.ndarray) -> dict[str, np.ndarray]:
    """A forecast with a tenth of its median on either side."""
    return {"p10": 0.9 * values, "p50": values, "p90": 1.1 * values}


def demo_like(seed: int = 1, steps: int = 192) -> tuple[PlanInput, tuple[Asset, ...]]:
    """A city of the demo's size: eight feeders, sun, wind, battery, cars, industry, lights, two pump stations, one tank."""
    rng = np.random.default_rng(seed)
    hour = (1 + np.arange(steps) / 4) % 24
    day = np.exp(-(((hour - 19) % 24 - 0) ** 2) / 18) + np.exp(-((hour - 9) ** 2) / 20)
    noise = lambda s: 1 + s * rng.standard_normal(steps)  # noqa: E731
    series = {f"feeder-{i:02d}": (150 + 25 * i) * (0.6 + 0.7 * day) * noise(0.03) / 4 for i in range(1, 9)}
    series["heat-pumps"] = 120 * (0.5 + day) * noise(0.05) / 4
    series["pv-01"] = np.maximum(1500 * np.exp(-((hour - 13) ** 2) / 10) * noise(0.05), 0) / 4
    series["pv-02"] = np.maximum(200 * np.exp(-((hour - 13) ** 2) / 10) * noise(0.05), 0) / 4
    series["wind-01"] = np.maximum(400 + 250 * np.sin(np.arange(steps) / 23) + 40 * rng.standard_normal(steps), 0) / 4
    series["ev-depot"] = 300 * np.exp(-((((hour - 20 + 12) % 24) - 12) ** 2) / 4) / 4
    series["industry"] = 600 * (0.4 + 0.6 * ((hour >= 6) & (hour < 22))) * noise(0.02) / 4
    series["street-lights"] = np.where((hour >= 21.5) | (hour < 5.5), 180.0, 0.0) / 4
    for i in range(10):
        series[f"dma-{'abcdefghij'[i]}"] = (
            85 * (0.5 + 0.65 * np.exp(-(((hour - 19) % 24) ** 2) / 18) + 0.5 * np.exp(-((hour - 8) ** 2) / 8)) / 4
        )
    price = np.where((hour >= 8) & (hour < 19), 0.32, np.where((hour >= 7) & (hour < 23), 0.26, 0.19))
    inputs = PlanInput(
        start_utc=START,
        zone="Europe/Rome",
        series={name: bands(np.asarray(values, dtype=float)) for name, values in series.items()},
        import_price_per_kwh=price,
        export_price_per_kwh=np.full(steps, 0.08),
        intensity_kg_per_kwh=0.55 + 0.05 * np.cos(hour / 24 * 2 * np.pi),
        carbon_price_per_t=60.0,
        month_peak_kw=2400.0,
        state={
            "battery-01": {"charge_kwh": 2000.0},
            "tanks": {"volume_m3": 8000.0},
            "ps-lake": {"running": 1.0},
            "ps-river": {"running": 0.0},
        },
        steps=steps,
    )
    feeders = tuple(f"feeder-{i:02d}" for i in range(1, 9))
    assets = ASSETS.validate_python(
        [
            {"kind": "grid", "id": "grid", "connection_kw": 8000, "contract_kw": 4500, "capacity_charge_per_kw_month": 6.0},
            {"kind": "fixed_load", "id": "feeders", "series": feeders},
            {"kind": "fixed_load", "id": "heat-pumps", "series": ["heat-pumps"]},
            {"kind": "curtailable", "id": "pv-01", "series": ["pv-01"]},
            {"kind": "curtailable", "id": "pv-02", "series": ["pv-02"], "least_share": 1.0},
            {"kind": "curtailable", "id": "wind-01", "series": ["wind-01"], "least_share": 1.0},
            {"kind": "battery", "id": "battery-01", "power_kw": 2000, "energy_kwh": 4000, "wear_price_per_kwh": 0.02},
            {"kind": "ev_fleet", "id": "ev-depot", "series": ["ev-depot"], "arrive_local": "17:00", "depart_local": "07:00", "max_kw": 350},
            {
                "kind": "interruptible",
                "id": "industry",
                "series": ["industry"],
                "max_curtail_share": 0.4,
                "notice_h": 2,
                "max_hours_per_day": 4,
                "budget_kwh_per_day": 600,
                "payment_per_kwh": 0.15,
            },
            {
                "kind": "street_lights",
                "id": "street-lights",
                "series": ["street-lights"],
                "dimmable_share": 0.4,
                "comfort_price_per_kwh": 0.12,
            },
            {
                "kind": "pump_station",
                "id": "ps-lake",
                "tank": "tanks",
                "flow_m3_per_h": 750,
                "power_kw": 110,
                "min_up_steps": 4,
                "min_down_steps": 4,
                "max_starts_per_day": 6,
            },
            {
                "kind": "pump_station",
                "id": "ps-river",
                "tank": "tanks",
                "flow_m3_per_h": 2950,
                "power_kw": 600,
                "min_up_steps": 4,
                "min_down_steps": 4,
                "max_starts_per_day": 6,
            },
            {
                "kind": "tank",
                "id": "tanks",
                "series": [f"dma-{z}" for z in "abcdefghij"],
                "volume_min_m3": 2000,
                "volume_max_m3": 14000,
                "wish_min_m3": 4000,
                "wish_max_m3": 13500,
            },
        ]
    )
    return inputs, assets


def span(inputs: PlanInput, begin: int, end: int) -> PlanInput:
    """The same city from step `begin` until `end` of its horizon, its state unchanged."""
    vectors = ("import_price_per_kwh", "export_price_per_kwh", "intensity_kg_per_kwh")
    return replace(
        inputs,
        start_utc=inputs.start_utc + begin * timedelta(seconds=inputs.step_s),
        steps=end - begin,
        series={name: {quantile: values[begin:end] for quantile, values in bands.items()} for name, bands in inputs.series.items()},
        **{name: getattr(inputs, name)[begin:end] for name in vectors},
    )
