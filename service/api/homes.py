"""What a token may see of points: its districts, and homes only with their owner's consent and the scope for them.

A home is a site of a sector in `[api] household_sectors`, or one whose owner ever gave or withdrew consent. What is not open is not
there: it is in no list, and asking for it by name sounds like a name that does not exist.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cached_property

from sqlalchemy import Engine, select

from city.clock import civil_day
from service import schema as t
from service.api.open_sums import open_sums, settled
from service.api.problem import missing
from service.api.settings import ApiToken
from service.books.households import consents
from service.settings import LoadedCity

ALWAYS = datetime(1, 1, 1, tzinfo=UTC)


class Homes:
    """The points of a city as one token sees them."""

    def __init__(self, engine: Engine, city: LoadedCity, token: ApiToken) -> None:
        self._engine, self._city, self._token = engine, city, token
        self._sites = {site.id: site for site in city.settings.sites}
        self._nights: dict[date, bool] = {}

    @cached_property
    def _consented(self) -> dict[str, datetime | None]:
        """{home: from when on its owner lets it be told, or None}."""
        sectors = self._city.settings.api.household_sectors
        with self._engine.connect() as connection:
            named = connection.execute(select(t.household_consent.c.household).distinct()).scalars().all()
            given = consents(connection)
        homes = {site.id for site in self._city.settings.sites if site.sector in sectors} | set(named)
        zone = self._city.settings.city.time_zone
        starts = {home: civil_day(date.fromisoformat(f"{consent.since}-01"), zone)[0] for home, consent in given.items()}
        return {home: starts.get(home) for home in homes}

    @cached_property
    def _since(self) -> dict[str, datetime | None]:
        """{home: from when on it is open to this token, or None when it is closed}."""
        return self._consented if "households" in self._token.scopes else dict.fromkeys(self._consented)

    @cached_property
    def _sums(self) -> frozenset[str]:
        """Sums that are open. What a token with the scope `households` sees of homes counts as known: tokens can be put together."""
        found = open_sums(self._city, frozenset(home for home, since in self._since.items() if since is None))
        if any("households" in token.scopes for token in self._city.settings.api_tokens):
            found &= open_sums(self._city, frozenset(home for home, since in self._consented.items() if since is None))
        return found

    @cached_property
    def closed(self) -> frozenset[str]:
        """Ids of homes that are not open, of their meters and of the points of these."""
        sites = {home for home, since in self._since.items() if since is None}
        meters = {meter.id for meter in self._city.settings.meters if meter.site in sites}
        return frozenset(sites | meters | {point.id for point in self._city.points.values() if point.meter in meters})

    def meter(self, meter_id: str) -> datetime | None:
        """Since when the meter's readings are open; None: not at all."""
        meter = self._city.meter.get(meter_id)
        if meter is None or not self.reaches([meter.zone or self._district(meter.site)]):
            return None
        return self._since.get(meter.site, ALWAYS)

    def point(self, point_id: str) -> datetime | None:
        """The same of a point."""
        point = self._city.points.get(point_id)
        return self.meter(point.meter) if point is not None else None

    def points(self, names: Iterable[str]) -> dict[str, datetime]:
        """{point: since when it is open} of the named points. Raises `Denied` (404) for the first that is not open at all."""
        found = {}
        for name in names:
            if (since := self.point(name)) is None:
                raise missing(f"point {name!r}")
            found[name] = since
        return found

    def series(self, series_id: str, night: date | None) -> bool:
        """Is the forecast of a series in a night open: a point, or a sum that tells of no k - 1 homes beside what else is told?"""
        if series_id in self._city.points:
            return self.point(series_id) is not None
        if series_id not in self._city.sums.summed:
            return False
        return self.reaches({self._place(leaf) for leaf in self._city.sums.leaves(series_id)}) and self._hides(series_id, night)

    def _hides(self, name: str, night: date | None) -> bool:
        """Does a sum rest on no closed home, or on so many that none shows, also beside the nights before?"""
        if self.closed.isdisjoint(self._city.sums.leaves(name)):
            return True
        return name in self._sums and (night is None or self._settled(night))

    def _settled(self, night: date) -> bool:
        """Asked once of a night in a request."""
        if night not in self._nights:
            self._nights[night] = settled(self._engine, self._city, night)
        return self._nights[night]

    def asset(self, asset_id: str, night: date | None = None) -> bool:
        """Is what is planned for an asset in a night open: does it rest on no closed home, and on open sums only?"""
        settings = self._city.settings
        used = {point for asset in settings.assets if asset.id == asset_id for point in asset.series_needed}
        used |= {control.point for control in settings.controls if control.asset == asset_id}
        used |= {point for state in settings.states if state.asset == asset_id for point in state.weights}
        return used.isdisjoint(self.closed) and all(self._hides(name, night) for name in used if name in self._city.sums.summed)

    def reaches(self, districts: Iterable[str]) -> bool:
        """Are all these districts the token's?"""
        return not self._token.districts or set(districts) <= set(self._token.districts)

    def _place(self, point_id: str) -> str:
        meter = self._city.meter[self._city.points[point_id].meter]
        return meter.zone or self._district(meter.site)

    def _district(self, site_id: str) -> str:
        site = self._sites.get(site_id)
        return (site.district or site.id) if site is not None else site_id
