"""Where things lie: the district of a point, an asset, a pipe, a plan, so that a person who is bound to districts reaches no other.

A district is a zone of city.toml, or a site that lies in none.
"""

from collections.abc import Iterable

from sqlalchemy import Engine, select

from city.places import Meter
from service import schema as t
from service.access.roles import NOWHERE, WHOLE_CITY
from service.settings import LoadedCity
from service.store.operations import STOP


def districts(city: LoadedCity) -> list[str]:
    """Every district of the city: its zones, and the sites that lie in none."""
    sites = (site.district or site.id for site in city.settings.sites)
    return list(dict.fromkeys([*(zone.id for zone in city.settings.zones), *sites]))


def districts_of(city: LoadedCity, subject: str) -> frozenset[str]:
    """The districts of a point, meter, asset, zone, site, total, valve, pipe or junction; the whole city (`WHOLE_CITY`) for anything else.

    The emergency stop is `NOWHERE`: it asks for no district. A pipe between two DMAs lies in both. Looking a pipe up reads the
    water network, half a second the first time.
    """
    if subject == STOP:
        return NOWHERE
    found = _of_place(city, subject) | _of_asset(city, subject)  # both: an asset may be called like a zone elsewhere
    return found or _of_total(city, subject) or _of_pipe(city, subject) or WHOLE_CITY


def districts_of_plan(engine: Engine, city: LoadedCity, plan_id: str) -> frozenset[str]:
    """The districts that a plan's commands reach, and those of the assets it calls; of an isolation, the district of its leak; of a
    restoration, those at the ends of its switches."""
    i, leak = t.isolation.c, t.leak_case.c
    of_leak = select(leak.zone_id).join_from(t.isolation, t.leak_case, i.case_id == leak.case_id).where(i.isolation_id == plan_id)
    points = select(t.command.c.point_id).where(t.command.c.plan_id == plan_id).distinct()
    called = select(t.response_event.c.asset_id).where(t.response_event.c.plan_id == plan_id, t.response_event.c.state == "proposed")
    restored = select(t.grid_proposal.c.detail).where(t.grid_proposal.c.proposal_id == plan_id)
    with engine.connect() as connection:
        if zones := frozenset(connection.execute(of_leak).scalars()):
            return zones
        if (proposal := connection.execute(restored).scalar()) is not None:
            return frozenset(proposal["districts"]) or WHOLE_CITY
        reached = [*connection.execute(points).scalars(), *connection.execute(called).scalars()]
    return _all_of(city, reached) or WHOLE_CITY


def districts_of_leak(engine: Engine, case_id: str) -> frozenset[str]:
    """The DMA of a leak case; the whole city for an unknown one."""
    with engine.connect() as connection:
        zone = connection.execute(select(t.leak_case.c.zone_id).where(t.leak_case.c.case_id == case_id)).scalar()
    return frozenset({zone}) if zone else WHOLE_CITY


def _all_of(city: LoadedCity, subjects: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*(districts_of(city, subject) for subject in subjects))


def _of_place(city: LoadedCity, subject: str) -> frozenset[str]:
    """Where a zone, a site, a meter or a point lies; in more than one where several are called so."""
    found = {subject for zone in city.settings.zones if zone.id == subject}
    found |= {site.district or site.id for site in city.settings.sites if site.id == subject}
    meter = city.points[subject].meter if subject in city.points else subject
    return frozenset(found | ({_of_meter(city, city.meter[meter])} if meter in city.meter else set()))


def _of_site(city: LoadedCity, site_id: str) -> str:
    return next((site.district or site.id for site in city.settings.sites if site.id == site_id), site_id)


def _of_meter(city: LoadedCity, meter: Meter) -> str:
    return meter.zone or _of_site(city, meter.site)


def _of_asset(city: LoadedCity, subject: str) -> frozenset[str]:
    """Where the points lie that carry out what is planned of it, or else those its state is read from."""
    controlled = [control.point for control in city.settings.controls if control.asset == subject]
    read = [point for state in city.settings.states if state.asset == subject for point in state.weights]
    return frozenset[str]().union(*(_of_place(city, point) or WHOLE_CITY for point in controlled or read))


def _of_total(city: LoadedCity, subject: str) -> frozenset[str]:
    total = next((total for total in city.settings.totals if total.id == subject), None)
    return _all_of(city, (*total.of, *total.less)) if total else frozenset()


def _of_pipe(city: LoadedCity, subject: str) -> frozenset[str]:
    """The DMAs of both ends of a pipe, of the pipe a valve sits on, or of a junction."""
    from service.water import water_city

    side = water_city(city)
    if side is None or not any(zone.kind == "dma" for zone in city.settings.zones):
        return frozenset()
    on = side.valves.loc[side.valves["valve"] == subject, "link"]
    pipes = side.network.pipes
    ends = pipes.loc[pipes["id"] == (on.iloc[0] if len(on) else subject), ["start", "end"]].to_numpy().ravel().tolist()
    return frozenset(str(dma) for dma in side.dma_of.reindex(ends or [subject]).dropna())
