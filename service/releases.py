"""Which release this is, and which revision of the tables each release has."""

RELEASE = "0.2.0"
REVISIONS = {"0.1.0": "0011", RELEASE: "0012"}  # in the order of the releases


def said() -> str:
    """What `penstock --version` says."""
    return f"penstock {RELEASE}, tables of revision {REVISIONS[RELEASE]}"


def of(revision: str | None) -> str:
    """A revision in words: of which release it is, if it is of one."""
    found = [release for release, one in REVISIONS.items() if one == revision]
    return f"revision {revision} of release {found[0]}" if found else f"revision {revision}, which no release that this one knows has"


def before() -> str:
    """The release before this one: the one whose store `penstock upgrade` is rehearsed with."""
    return list(REVISIONS)[-2]
