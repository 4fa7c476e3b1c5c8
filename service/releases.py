"""Which release this is, and which revision of the tables each release has."""

from city.problems import fault

RELEASE = "0.2.0"
REVISIONS = {"0.1.0": "0011", RELEASE: "0012"}  # in the order of the releases


def said() -> str:
    """What `penstock --version` says."""
    return f"penstock {RELEASE}, tables of revision {REVISIONS[RELEASE]}"


def of(revision: str | None) -> str:
    """A revision in words: of which release it is, if it is of one."""
    found = [release for release, one in REVISIONS.items() if one == revision]
    return f"revision {revision} of release {found[0]}" if found else f"revision {revision}, of no release that this one knows"


def revision(release: str) -> str:
    """The revision of the tables of a release. Raises `PenstockError` for one that this release does not know."""
    if release not in REVISIONS:
        raise fault(f"release {release}", "not known here", f"one of {', '.join(REVISIONS)}", "Check the number.")
    return REVISIONS[release]
