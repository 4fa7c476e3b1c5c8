"""Districts by their names."""

from city.places import Site, Zone
from console import data
from console.words import language


def name_of(zone: str) -> str:
    """A district or a site as the city calls it, in the session's language; of the whole city where no district is named."""
    settings = data.station().city.settings
    if not zone:
        return (settings.city.name_zh if language() == "zh" else "") or settings.city.name
    places: list[Zone | Site] = [*settings.zones, *settings.sites]
    found = next((one for one in places if one.id == zone), None)
    if found is None:
        return zone
    return (found.name_zh if language() == "zh" else "") or found.name or zone
