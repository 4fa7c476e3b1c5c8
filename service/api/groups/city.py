"""What the city is: its name, its zones, its meters and their points."""

from typing import Any

from service.api.moments import iso
from service.api.operation import Asked, declared
from service.api.shapes import NUMBER, TEXT, TIME, TRUTH, WHOLE, Shape, maybe, page, told
from service.store import meter_days, readings

CITY = Shape(
    "City",
    {
        "id": TEXT,
        "name": TEXT,
        "time_zone": told(TEXT, "IANA name; civil days and months are of it"),
        "country": TEXT,
        "points": told(WHOLE, "that this token may see"),
        "first_day_start_utc": told(maybe(TIME), "of the oldest validated day"),
        "newest_reading_utc": maybe(TIME),
    },
)
ZONE = Shape("Zone", {"id": TEXT, "kind": TEXT, "name": TEXT, "population": maybe(WHOLE)})
METER = Shape(
    "Meter",
    {
        "id": TEXT,
        "site": TEXT,
        "zone": maybe(TEXT),
        "commodity": TEXT,
        "role": TEXT,
        "renewable": TRUTH,
        "step_s": told(WHOLE, "length of a stored interval [s]"),
        "forecast": told(maybe(TEXT), "kind of its forecast"),
        "latitude_deg": maybe(NUMBER),
        "longitude_deg": maybe(NUMBER),
    },
)
POINT = Shape(
    "Point",
    {
        "id": TEXT,
        "meter": TEXT,
        "quantity": told(TEXT, "with its unit, as energy_register_kwh"),
        "unit": TEXT,
        "usage_quantity": told(maybe(TEXT), "of a register: what its differences are"),
        "step_s": WHOLE,
    },
)


@declared("/v1/city", "city", answer=CITY, group="city")
def get_city(asked: Asked) -> dict[str, Any]:
    """The city, and from when to when there are data."""
    own, homes = asked.city.settings.city, asked.homes
    return {
        "id": own.id,
        "name": own.name,
        "time_zone": own.time_zone,
        "country": own.country,
        "points": sum(homes.point(name) is not None for name in asked.city.points),
        "first_day_start_utc": iso(meter_days.first(asked.engine)),
        "newest_reading_utc": iso(readings.last_slot(asked.engine)),
    }


@declared("/v1/zones", "city", answer=page(ZONE), group="city")
def list_zones(asked: Asked) -> dict[str, Any]:
    """Zones: district metered areas, feeders, areas; by id."""
    homes = asked.homes
    zones = [zone for zone in asked.city.settings.zones if homes.reaches([zone.id])]
    items = [{"id": zone.id, "kind": zone.kind, "name": zone.name, "population": zone.population} for zone in zones]
    return _named(asked, items)


@declared("/v1/meters", "city", answer=page(METER), group="city")
def list_meters(asked: Asked) -> dict[str, Any]:
    """Meters by id. Homes are among them only with their owner's consent and the scope households."""
    homes, sites = asked.homes, {site.id: site for site in asked.city.settings.sites}
    items = []
    for meter in asked.city.settings.meters:
        if homes.meter(meter.id) is None:
            continue
        latitude, longitude = sites[meter.site].coordinates_deg or (None, None)
        row: dict[str, Any] = {"id": meter.id, "site": meter.site, "zone": meter.zone, "commodity": meter.commodity, "role": meter.role}
        row |= {"renewable": meter.renewable, "step_s": meter.step_s, "forecast": meter.forecast}
        items.append(row | {"latitude_deg": latitude, "longitude_deg": longitude})
    return _named(asked, items)


@declared("/v1/points", "city", answer=page(POINT), group="city")
def list_points(asked: Asked) -> dict[str, Any]:
    """Points (a register of a meter) by id, with quantity and unit."""
    homes = asked.homes
    items = [
        {
            "id": point.id,
            "meter": point.meter,
            "quantity": str(point.quantity),
            "unit": point.quantity.unit,
            "usage_quantity": str(point.quantity.usage) if point.quantity.usage else None,
            "step_s": point.step_s,
        }
        for point in asked.city.points.values()
        if homes.point(point.id) is not None
    ]
    return _named(asked, items)


def _named(asked: Asked, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of what has an id, in its order."""
    after = asked.after(str)
    rest = sorted((item for item in items if after is None or item["id"] > after[0]), key=lambda item: str(item["id"]))
    return asked.page(rest, lambda item: [item["id"]])


OPERATIONS = (get_city, list_zones, list_meters, list_points)
