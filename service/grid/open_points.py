"""Where the network had best be open for the least losses: a question of planners, answered at a share of the design load."""

from collections.abc import Iterator

from networks.grid.flow import Solver
from service.grid.side import GridSide

_WORTH = 1e-3  # of the losses: less is not worth a switching


def told(side: GridSide, share: float) -> Iterator[str]:
    """The losses of the normal position and of the best one found [kW] at `share` [1] of the design load, and what to turn for it.

    Raises `PenstockError` when no position keeps voltages and ratings.
    """
    from optimisation.restoration.losses import least_losses

    network, settings = side.network, side.settings
    p, q = (share * network.loads[name].to_numpy() for name in ("p_kw", "q_kvar"))
    now = float(Solver(network).flow(p, q).loss_kw.sum())
    best = least_losses(network, p, q, voltage_pu=(settings.voltage_low_pu, settings.voltage_high_pu))
    yield f"at {100 * share:.0f} % of the design load the normal open points lose {now:,.1f} kW"
    if now - best.loss_kw < _WORTH * now:
        yield "no other position that was tried loses less by a thousandth"
        return
    yield f"the best found lose {best.loss_kw:,.1f} kW, {100 * (1 - best.loss_kw / now):.1f} % less; lowest voltage {best.lowest_pu:.3f} pu"
    yield f"  open   {', '.join(sorted(best.open_switches - network.normally_open))}"
    yield f"  close  {', '.join(sorted(network.normally_open - best.open_switches))}"
