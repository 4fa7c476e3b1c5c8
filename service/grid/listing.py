"""The grid in lines for the command line."""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from city.problems import Problem
from networks.grid.checks import check
from service.grid import side, view
from service.settings import LoadedCity


def findings(city: LoadedCity) -> list[Problem]:
    """What is wrong with the network, and every name in [grid] that it does not have."""
    found = side.required(city)
    return [*check(found.network), *side.problems(found)]


def flow(engine: Engine, city: LoadedCity, at_utc: datetime) -> Iterator[str]:
    """The state at a time: totals, each feeder, the most loaded branches, the lowest and the highest voltage, what is out of limits."""
    side.required(city)
    state = view.state(engine, city, at_utc)
    if state is None:
        yield "no state yet: `penstock work` or the night computes one for every quarter-hour that was read"
        return
    zone = ZoneInfo(city.settings.city.time_zone)
    yield f"{state.time_utc.astimezone(zone):%Y-%m-%d %H:%M %z}: {state.sentence}"
    for row in state.feeders.itertuples():
        measured = "no meter at its head" if row.head_kw is None or row.head_kw != row.head_kw else f"{row.head_kw:,.0f} kW measured"
        residual = row.residual_kw
        told = "" if residual is None or residual != residual else f", residual {residual:+,.1f} kW"
        yield f"  {row.feeder:<14} {row.computed_kw:>9,.1f} kW at its head ({measured}{told}), losses {row.loss_kw:,.2f} kW"
    for row in state.branches.nlargest(3, "loading").itertuples():
        yield f"  {row.branch:<14} {row.loading:>9.1%} of its rating"
    volts = state.buses.dropna(subset="voltage_pu").set_index("bus")["voltage_pu"]
    if len(volts):
        yield f"  voltage from {volts.min():.4f} pu ({volts.idxmin()}) to {volts.max():.4f} pu ({volts.idxmax()})"
    for one in state.abnormal:
        yield f"  {one['kind']}: {one['subject']} {one['value']:g}, limit {one['limit']:g}"


def outages(engine: Engine, zone: str, *, everything: bool) -> Iterator[str]:
    """Open outages, or all, each with its places and its newest proposal."""
    found = view.outages(engine, open_only=not everything)
    if not found:
        yield "no outage is open" if not everything else "no outage was found"
    for outage in found:
        ended = f"; over since {outage.ended_utc.astimezone(ZoneInfo(zone)):%H:%M}" if outage.ended_utc else ""
        yield f"{outage.outage_id}: {outage.sentence}{ended}"
        if len(outage.places) > 1:
            yield "  the fault may be in " + ", ".join(f"{branch} ({chance:.0%})" for branch, chance in outage.places.items())
        for proposal in view.proposals(engine, outage.outage_id)[:1]:
            told = (
                "released"
                if proposal.released
                else f"approved by {', '.join(proposal.approved_by)}"
                if proposal.approved_by
                else proposal.state
            )
            yield f"  {proposal.proposal_id} ({told}): {proposal.sentence}"
            for step, done in zip(proposal.detail.get("steps", ()), proposal.done, strict=True):
                state = f"done by {done}" if done else f"{step['at_min']:.0f} min, {step['by']}"
                yield f"    {step['action']} {step['switch']}: {state}"


def losses(engine: Engine, start: date | None, end: date | None) -> Iterator[str]:
    """Technical losses per day, and per feeder of the newest day."""
    frame = view.losses(engine, start, end)
    if frame.empty:
        yield "no losses of these days" if start or end else "no losses yet: the night computes those of the day before"
        return
    for day, rows in frame.groupby("day"):
        whole = rows.loc[rows["feeder"] == "", "input_kwh"].sum()
        share = f" ({rows['loss_kwh'].sum() / whole:.2%} of {whole:,.0f} kWh)" if whole > 0 else ""
        yield f"{day}: {rows['loss_kwh'].sum():,.1f} kWh{share}, of {rows['quarters'].min()} quarter-hours"
    for row in frame[frame["day"] == frame["day"].max()].itertuples():
        billed = "" if row.billed_kwh != row.billed_kwh else f", billed {row.billed_kwh:,.1f} kWh"
        yield f"  {row.feeder or 'before the feeders':<20} {row.loss_kwh:>9,.1f} kWh of {row.input_kwh:>12,.1f} kWh{billed}"
