"""A plan proved twice: by a search that no water reaches the burst, by EPANET that none leaves it and who is short of pressure."""

from dataclasses import dataclass

from networks.proof import UNBALANCED, DryProof, Search, Shut, Trial
from optimisation.isolation.plan import Alternative, IsolationPlan

DRY_M3_PER_H = 0.1  # what EPANET may leave at a burst that is called dry: its own tolerance


@dataclass(frozen=True)
class Verification:
    """What the two proofs found; `expected` is who the plan says loses supply, `total_m3_per_h` the demand of the moment."""

    expected: frozenset[str]
    dry: DryProof
    shut: Shut
    total_m3_per_h: float

    @property
    def proved(self) -> bool:
        """Dry in the search and in EPANET, which converged, and cut off is who the plan says. With sources inside the segment this
        holds once they are shut at their outlets."""
        settled = self.shut.warning != UNBALANCED and abs(self.shut.burst_m3_per_h) < DRY_M3_PER_H
        return self.dry.dry and settled and self.expected == set(self.dry.cut_off)

    @property
    def sentence(self) -> str:
        fallen, left = self.shut.fallen["node"], max(self.shut.burst_m3_per_h, 0.0)
        who = f"{len(fallen)} more nodes fall" if len(fallen) else "nobody else falls"
        named = f": {', '.join(fallen.head(6))}" if len(fallen) else ""
        return (
            f"{self.dry.sentence} EPANET at the busiest quarter-hour ({self.total_m3_per_h:,.0f} m3/h): {left:.1f} m3/h leave the burst, "
            f"{who} below {self.shut.service_m:.0f} m{named}."
        )


def verified(plan: IsolationPlan, search: Search, trial: Trial, size_m3_per_h: float, way: Alternative | None = None) -> Verification:
    """Both proofs of a plan, or of the plan with one of its alternatives in use.

    `search` and `trial` are of the plan's network and valve table, the trial at the busiest moment; the burst would take
    `size_m3_per_h` at the service pressure. Raises `PenstockError` for a plan of another network.
    """
    closed = (*plan.valves_to_close, *(way.close if way else ()))
    reopened = [way.open] if way and way.kind == "valve" else []
    opened = [way.open] if way and way.kind == "link" else []
    dry = search.prove(closed, plan.pipe, reopened=reopened, opened=opened, without=plan.sources_inside)
    shut = trial.shut(closed, dry, size_m3_per_h, reopened=reopened, opened=opened, without=plan.sources_inside)
    expected = {*plan.nodes_cut, *plan.unintended} - set(way.nodes if way else ())
    return Verification(frozenset(expected), dry, shut, float(trial.demand.sum()))
