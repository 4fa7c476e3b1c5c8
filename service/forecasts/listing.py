"""The stored machines as people read them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Engine

from service.store import forecasting as store


def page(engine: Engine, now_utc: datetime, *, every: bool) -> Iterator[str]:
    """A line for each live machine, or for every one there ever was, with what it learned from and why it has its state."""
    rows = store.models(engine, None if every else store.LIVE)
    if not rows:
        yield "no machine is stored yet: the first night trains them"
    for row in rows:
        told = row.provenance
        age = (now_utc - row.known_until_utc) / timedelta(days=1)
        yield (
            f"{row.model_id[:8]}  {row.state:<8} {row.group_key}: {told['series']} series, {told['rows']:,} values up to "
            f"{row.known_until_utc:%Y-%m-%d %H:%M} UTC ({age:.0f} d ago), trained because {told['trained because']}"
        )
        yield f"          {row.sentence}"
        versions = ", ".join(f"{name} {number}" for name, number in told["versions"].items())
        yield f"          data {told['data'][:12]}, code {told['code'][:12]}, seed {told['settings']['seed']}; {versions}"
