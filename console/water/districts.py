"""Districts by their names."""

from console import data
from console.words import language


def name_of(zone: str) -> str:
    """A district as the city calls it, in the session's language; of the whole city where no district is named."""
    settings = data.station().city.settings
    if not zone:
        return (settings.city.name_zh if language() == "zh" else "") or settings.city.name
    found = next((one for one in settings.zones if one.id == zone), None)
    if found is None:
        return zone
    return (found.name_zh if language() == "zh" else "") or found.name or zone
