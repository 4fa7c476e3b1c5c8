"""Technical losses of a stretch of time per feeder, beside the energy that went in."""

import numpy as np
import pandas as pd

from networks.grid.estimate import Estimate
from networks.grid.topology import feeder_of


def losses(found: Estimate, step_h: float) -> pd.DataFrame:
    """feeder, loss_kwh, input_kwh, used_kwh: sums over all times of `found`, each `step_h` long [h].

    The losses of '' are those before every feeder's head; its input is what the sources give, its use that of all loads. Input less use
    is the loss, but where other feeders hang on a feeder. Generation counts as negative use.
    """
    flow, network = found.flow, found.flow.network
    loss, spanned = flow.feeder_loss_kw(), flow.tree
    of_bus = feeder_of(network, flow.open_switches, spanned)
    feeder = np.array([of_bus[network.bus_index[bus]] for bus in network.loads["bus"]])
    whole = found.p_kw.sum() + flow.loss_kw.sum()
    rows = [("", loss.get("", np.zeros(1)).sum(), whole, found.p_kw.sum())] if "" in loss else []
    for name, into in flow.head_kw().items():
        rows.append((name, loss.get(name, np.zeros(1)).sum(), into.sum(), found.p_kw[:, feeder == name].sum()))
    frame = pd.DataFrame(rows, columns=["feeder", "loss_kwh", "input_kwh", "used_kwh"])
    return frame.assign(**{name: frame[name].astype(float) * step_h for name in ("loss_kwh", "input_kwh", "used_kwh")})
