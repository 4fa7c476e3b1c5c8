"""One objective with stated weights, and caps on carbon and peak: what is laid on a plan beside what it costs.

References: Marler and Arora, The weighted sum method for multi-objective optimization, Structural and Multidisciplinary
Optimization 41 (2010), 853-862 (weights as prices between objectives of different units).
"""

from typing import TYPE_CHECKING

from optimisation.asset import TOLERANCE
from optimisation.inputs import PlanInput
from optimisation.results import Breach
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


def block(model: "Formulation") -> None:
    """Weights on CO2e and on the highest import, and the caps of both."""
    _carbon(model)
    _peak(model)


def _carbon(model: "Formulation") -> None:
    inputs, emissions = model.inputs, model.emissions
    cap, over_price, weight = inputs.carbon_cap_kg, inputs.weights.carbon_over_per_t, inputs.weights.carbon_per_t
    if weight > 0:
        model.costs.append(lambda m: sum(f(m) for f in emissions) * (weight / 1000))
    if cap is None:
        return
    city = model.ids("CITY", ["city"])
    if over_price is not None:
        model.variable("carbon_over_kg", city)
        model.costs.append(lambda m: over_price / 1000 * m.carbon_over_kg["city"])
    model.constraint(
        "carbon_cap",
        city,
        rule=lambda m, c: sum(f(m) for f in emissions) - (0 if over_price is None else m.carbon_over_kg[c]) <= cap,
        words=Words("emits at most {value} over the horizon", "kg CO2e"),
        by_row=True,
    )


def _peak(model: "Formulation") -> None:
    m, cap, weight = model.m, model.inputs.peak_cap_kw, model.inputs.weights.peak_per_kw
    if cap is None and weight == 0:
        return
    top = model.ids("CITY_PEAK", ["city"])
    words = Words("imports at most {value} at any time", "kW")
    model.variable("city_peak_kw", top, upper=float("inf") if cap is None else cap, at_most=words)
    model.constraint("city_peak", m.GRID, m.T, rule=lambda m, g, t: m.grid_import_kw[g, t] - m.city_peak_kw["city"] <= 0)
    if weight > 0:
        model.costs.append(lambda m: weight * m.city_peak_kw["city"])


def cost(inputs: PlanInput, co2_kg: float, peak_kw: float) -> float:
    """What the weights make of a finished plan [currency]."""
    return inputs.weights.carbon_per_t * co2_kg / 1000 + inputs.weights.peak_per_kw * peak_kw


def broken(inputs: PlanInput, co2_kg: float) -> list[Breach]:
    """CO2e above a cap that is a wish."""
    cap, price = inputs.carbon_cap_kg, inputs.weights.carbon_over_per_t
    if cap is None or price is None or co2_kg <= cap * (1 + TOLERANCE):
        return []
    over = co2_kg - cap
    return [
        Breach(
            "city", "carbon cap", over, "kg CO2e", price / 1000, f"The city emits {over:,.0f} kg CO2e more than the {cap:,.0f} kg wished."
        )
    ]
