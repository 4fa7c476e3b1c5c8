"""What one solve of EPANET at base demand says: pressures below nothing, water too fast, demands or elevations of another unit."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from wntr.epanet.exceptions import EpanetException

from city.problems import PenstockError
from networks import engine as en
from networks.checks.shape import dry
from networks.findings import Finding
from networks.network import Network

_FASTEST_M_PER_S = 10.0
_FAST_PIPES = 5.0  # in published networks 95 % of pipes are slower [m/s]
_MOST_DRY = 0.35  # share of junctions without pressure
_MEDIAN_PRESSURE_M = 130.0
_WRONG_DEMAND = 2.5  # times off what the meters tell: L/s for m3/h is 3.6


def findings(network: Network, inflow_m3_per_h: float | None = None, *, sizes_hold: bool = True) -> Iterator[Finding]:
    """Kinds not-solved, pressure-negative, velocity-absurd, demand-unit, elevation-unit.

    `inflow_m3_per_h`: what the city's meters say goes in on average [m3/h]; it shows a wrong unit of demand that velocities do not.
    `sizes_hold`: no single pipe has an absurd size; else a wrong unit is not looked for, because that pipe may explain it.
    """
    try:
        at_rest, pressure, velocity = _solved(network)
    except PenstockError as error:
        yield Finding("not-solved", (network.name,), error.problems[0].observed)
        return
    except (EpanetException, UnicodeEncodeError):  # when it opens the file: a value that wntr lets pass, an id in Chinese
        yield Finding("not-solved", (network.name,), "EPANET does not open it: a value it refuses, or an id beyond Latin-1")
        return
    unit = list(_units(network, at_rest, pressure, velocity, inflow_m3_per_h)) if sizes_hold else []
    yield from unit
    if unit:
        return  # each junction would tell the same again
    fast = velocity > _FASTEST_M_PER_S
    for name, value in zip(network.pipes["id"][fast], velocity[fast], strict=True):
        yield Finding("velocity-absurd", (str(name),), f"{value:.1f} m/s at base demand")
    low = (pressure < 0) & _fed(network)
    if low.any():
        seen = f"{low.sum()} of {len(low)} junctions, down to {pressure[low].min():.1f} m"
        yield Finding("pressure-negative", tuple(network.junctions["id"][low]), seen)


def _fed(network: Network) -> NDArray[np.bool_]:
    return ~network.junctions["id"].isin(dry(network)).to_numpy()


def _solved(network: Network) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pressures float64[junctions] without demand and at base demand [m], velocities float64[pipes] at base demand [m/s]."""
    with en.Engine(network.prepared(), network.name) as engine:
        junctions = engine.node_index(network.junctions["id"])
        engine.start()
        engine.solve()
        pressure = engine.nodes(junctions, en.PRESSURE)
        flow = engine.links(engine.link_index(network.pipes["id"]), en.FLOW)
        engine.set_nodes(junctions, en.BASE_DEMAND, np.zeros(len(junctions)))
        engine.start()
        engine.solve()
        at_rest = engine.nodes(junctions, en.PRESSURE)
    area = np.pi / 4 * network.pipes["diameter_m"].to_numpy() ** 2
    return at_rest, pressure, np.abs(flow) / 3600 / area


def _units(
    network: Network,
    at_rest: NDArray[np.float64],
    pressure: NDArray[np.float64],
    velocity: NDArray[np.float64],
    inflow_m3_per_h: float | None,
) -> Iterator[Finding]:
    demand = float(network.junctions["base_demand_m3_per_h"].sum())
    quick = float(np.percentile(velocity, 95)) if len(velocity) else 0.0
    fed = _fed(network)
    if not fed.any():
        return
    high, low, dry_at_rest = float(np.median(pressure[fed])), float(np.mean(pressure[fed] < 0)), float(np.mean(at_rest[fed] < 0))
    if inflow_m3_per_h and not 1 / _WRONG_DEMAND < demand / inflow_m3_per_h < _WRONG_DEMAND:
        yield Finding("demand-unit", (network.name,), f"{demand:.4g} m3/h where the meters tell {inflow_m3_per_h:.4g} m3/h")
    elif dry_at_rest > _MOST_DRY:
        yield Finding("elevation-unit", (network.name,), f"{100 * dry_at_rest:.0f} % of junctions have no pressure even without demand")
    elif high > _MEDIAN_PRESSURE_M:
        yield Finding("elevation-unit", (network.name,), f"half of the junctions have more than {high:.0f} m of pressure")
    elif low > _MOST_DRY or quick > _FAST_PIPES:
        seen = f"{demand:.4g} m3/h: {100 * low:.0f} % of junctions without pressure, one pipe in 20 faster than {quick:.2g} m/s"
        yield Finding("demand-unit", (network.name,), seen)
