"""A pump plan for an EPANET file, told in lines: who runs when, what it costs, what the tanks do."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from city.problems import fault
from networks.network import Network
from optimisation.pumps import Effort, PumpLimits, PumpTask, Schedule, best


def numbers(options: Sequence[str] | None, name: str) -> dict[str, float]:
    """{id: number} of options ID=NUMBER. Raises `PenstockError` for anything else."""
    found = {}
    for option in options or ():
        key, _, value = option.partition("=")
        try:
            found[key] = float(value)
        except ValueError:
            raise fault(f"--{name}", f"'{option}'", "ID=NUMBER", "Write for example T1=30.") from None
    return found


def planned(network: Path, limits: PumpLimits, effort: Effort | None = None) -> Schedule:
    """The cheapest schedule found for the day of an EPANET file, by the file's own demand, tariff and levels."""
    return best(PumpTask(Network.read(network), limits), effort)


def lines(plan: Schedule) -> Iterator[str]:
    """The plan as text: one row of 0 and 1 per pump, then cost and tanks."""
    verdict = plan.verdict
    for pump in plan.running:
        starts, energy = verdict.starts[pump], verdict.energy_kwh[pump]
        yield f"pump {pump}: {''.join(map(str, plan.running[pump]))}  {starts} starts, {energy:,.1f} kWh"
    cost = f"cost {verdict.cost:,.2f} in the currency of the file" if plan.priced else f"{verdict.cost:,.1f} kWh, the file has no tariff"
    yield f"{cost}; no EPANET warning, every limit kept"
    for tank, level in verdict.level_m.items():
        first, last = level.iloc[0], level.iloc[-1]
        turns = verdict.turnover[tank]
        yield f"tank {tank}: {level.min():.2f} to {level.max():.2f} m, from {first:.2f} to {last:.2f} m, turns over {turns:.2f} times a day"
    for node, age in verdict.age_h.items():
        yield f"water at {node}: at most {age:.1f} h old once the day repeats itself"
