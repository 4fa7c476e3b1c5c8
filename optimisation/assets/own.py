"""Kinds of a user's own: installed packages that name them under the entry point group `penstock.assets`.

Only what an administrator installed is run, never a file that city.toml points to.
"""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from inspect import getattr_static
from typing import Literal, get_origin

from city.problems import fault
from optimisation.asset import AssetKind

GROUP = "penstock.assets"
METHODS = ("block", "read", "idle", "settle")


def with_own(kinds: Sequence[type[AssetKind]]) -> tuple[type[AssetKind], ...]:
    """Our kinds and those of installed packages. Raises `PenstockError` with a sentence for one that cannot be used."""
    found = list(kinds)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found.append(_loaded(point, found))
    return tuple(found)


def _loaded(point: EntryPoint, kinds: Sequence[type[AssetKind]]) -> type[AssetKind]:
    subject = f"kind of asset '{point.name}' ({GROUP}: {point.value})"
    try:
        kind = point.load()
    except Exception as error:  # whatever a foreign module does while it is imported
        raise fault(
            subject, f"{type(error).__name__}: {error}", "a class that can be imported", "Repair or uninstall its package."
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, AssetKind)):
        raise fault(subject, repr(kind), "a class derived from AssetKind", "Correct the entry point.")
    field = kind.model_fields.get("kind")
    if field is None or get_origin(field.annotation) is not Literal or not isinstance(field.default, str):
        raise fault(subject, "no name", 'a field such as kind: Literal["electrolyser"] = "electrolyser"', "Add it.")
    for other in kinds:
        if other.model_fields["kind"].default == field.default:
            raise fault(subject, f"the name '{field.default}' is taken by {other.__name__}", "a name of its own", "Rename it.")
        if issubclass(kind, other):
            allowed = "derived from AssetKind, Connected, Committed, Inflow or Station"
            raise fault(subject, f"derived from {other.__name__}, which would plan it a second time", allowed, "Choose one of these.")
    missing = [name for name in METHODS if getattr_static(kind, name) is getattr_static(AssetKind, name)]
    if missing:
        raise fault(subject, f"no {', '.join(missing)}", f"its own {', '.join(METHODS)}", "Write what is missing.")
    return kind
