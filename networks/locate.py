"""Where the burst is: EPANET's pressure drop for a hole in every pipe, compared with the drop the sensors saw."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from city.problems import fault
from networks import engine as en
from networks.leaks import LeakEvent
from networks.network import Network, middle
from networks.zones import spread_demand as spread_demand

MODEL_SD_M = 0.03  # what network model and regression are wrong by, per sensor
SIZE_SD = 0.2  # relative error of the event's size
OUTSIDE_DMA = 0.05  # chance that the DMA's boundary in the records is wrong
MOMENTS = 12


def sensitivities(
    network: Network,
    sensors: Mapping[str, str],
    size_m3_per_h: float,
    demand_m3_per_h: pd.DataFrame,
    *,
    level_m: pd.DataFrame,
    running: pd.DataFrame,
    pipes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Pressure drop [m] at every sensor for a hole of `size_m3_per_h` half way along every pipe; DataFrame[pipe, sensor].

    The mean over up to 12 moments spread over the rows of `demand_m3_per_h` (without the leak; [t, junctions]), with the tank
    levels and pump states (0/1) measured at them: columns are ids of the network. A moment that EPANET cannot balance, or one
    with a pipe whose pressure falls below zero, still counts: the drop is what matters. Closed pipes are no candidates.

    Parameters
    ----------
    sensors: sensor id -> junction; pipes: candidates, all open pipes when left out
    """
    open_pipes = network.pipes.loc[network.pipes["open"], "id"]
    candidates = list(open_pipes if pipes is None else pipes)
    network.require("pipes", candidates, "candidate pipe")
    network.require("junctions", sensors.values(), "sensors")
    if not len(demand_m3_per_h) or not demand_m3_per_h.index.equals(level_m.index) or not level_m.index.equals(running.index):
        raise fault("sensitivities", "demand, levels and pumps of other times", "one index for all three", "Cut them to one window.")
    known = np.isfinite(np.hstack([demand_m3_per_h, level_m, running])).all(axis=1)
    rows = np.flatnonzero(known)
    if not len(rows):
        raise fault("sensitivities", "no moment with demand, levels and pumps known", "at least one", "Check the meters.")
    rows = rows[np.linspace(0, len(rows) - 1, min(MOMENTS, len(rows))).round().astype(int)]
    total = np.zeros((len(candidates), len(sensors)))
    with en.Engine(network.prepared(split=candidates), network.name) as engine:
        watched = engine.node_index(sensors.values())
        mids = engine.node_index(middle(pipe) for pipe in candidates)
        taking, tanks = engine.node_index(demand_m3_per_h.columns), engine.node_index(level_m.columns)
        pumps = engine.link_index(running.columns)
        every = engine.node_index(network.junctions["id"])
        engine.set_nodes(every, en.BASE_DEMAND, np.zeros(len(every)))
        for row in rows:
            engine.set_nodes(taking, en.BASE_DEMAND, demand_m3_per_h.iloc[row])
            engine.set_nodes(tanks, en.TANK_LEVEL, level_m.iloc[row])
            engine.start()
            engine.set_links(pumps, en.STATUS, running.iloc[row] > 0.5)
            engine.solve()
            clean = engine.nodes(watched, en.PRESSURE)
            for i, mid in enumerate(mids):
                engine.set_nodes([mid], en.BASE_DEMAND, [size_m3_per_h])
                engine.solve()
                total[i] += clean - engine.nodes(watched, en.PRESSURE)
                engine.set_nodes([mid], en.BASE_DEMAND, [0.0])
    return pd.DataFrame(total / len(rows), index=pd.Index(candidates, name="pipe"), columns=list(sensors))


def pipe_dmas(network: Network, dma_of: pd.Series) -> dict[str, set[str]]:
    """The DMAs at either end of each pipe; a pipe between junctions of no DMA has none."""
    ends = network.pipes
    return {
        str(pipe): {str(dma_of[node]) for node in (start, end) if node in dma_of.index}
        for pipe, start, end in zip(ends["id"], ends["start"], ends["end"], strict=True)
    }


def locate(event: LeakEvent, network: Network, sensitivities: pd.DataFrame, *, dma_of: pd.Series | None = None) -> pd.DataFrame:
    """Posterior over the pipes of the sensitivity matrix, highest first: DataFrame[pipe, posterior, misfit].

    Prior: proportional to pipe length; pipes that touch no junction of the event's DMA share 5 % (when `dma_of`, the DMA by
    junction, is given and some pipe touches it). Likelihood: drops are normal about the pipe's pattern times an unknown size
    factor (1 +- 0.2), with the drop's standard error and 0.03 m of model error; the factor is integrated out. `misfit` is the
    mean squared standardised residual [1]: far above 1 for the best pipe means that the model does not explain the pressures.

    Raises `PenstockError` when the event and the matrix share no sensor.
    """
    sensors = [name for name in sensitivities.columns if name in event.drop_m]
    if not sensors:
        raise fault("leak location", "no usable sensor in common", "at least one", "Check the pressure sensors.")
    drop = np.array([event.drop_m[name] for name in sensors])
    sd = np.hypot([event.drop_sd_m[name] for name in sensors], MODEL_SD_M)
    pattern = sensitivities[sensors].to_numpy() / sd
    seen = drop / sd
    power = (pattern**2).sum(axis=1) + SIZE_SD**-2
    factor = (pattern @ seen + SIZE_SD**-2) / power
    cost = ((seen - factor[:, None] * pattern) ** 2).sum(axis=1)
    logp = -0.5 * (cost + ((factor - 1) / SIZE_SD) ** 2) - 0.5 * np.log(power)
    logp += np.log(_prior(event, network, sensitivities.index, dma_of))
    weight = np.exp(logp - logp.max())
    table = pd.DataFrame({"pipe": sensitivities.index, "posterior": weight / weight.sum(), "misfit": cost / len(sensors)})
    return table.sort_values("posterior", ascending=False, kind="stable", ignore_index=True)


def _prior(event: LeakEvent, network: Network, pipes: pd.Index, dma_of: pd.Series | None) -> np.ndarray:
    length = np.maximum(network.pipes.set_index("id").loc[pipes, "length_m"].to_numpy(dtype=float), 1.0)
    if dma_of is None:
        return np.asarray(length / length.sum())
    touching = pipe_dmas(network, dma_of)
    inside = np.array([event.dma in touching[pipe] for pipe in pipes])
    if not inside.any() or inside.all():
        return np.asarray(length / length.sum())
    share = np.where(inside, (1 - OUTSIDE_DMA) * length / length[inside].sum(), OUTSIDE_DMA * length / length[~inside].sum())
    return np.asarray(share)
