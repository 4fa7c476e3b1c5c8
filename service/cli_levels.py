"""`penstock levels`: the service levels and their history. Heavy imports live inside the command."""

import json
from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]


def levels(
    city: City = None,
    now: Now = None,
    days: Annotated[int, typer.Option("--days", min=0, max=365, help="history of so many days as well")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    recount: Annotated[bool, typer.Option("--recount", help="count the last --days finished days anew and freeze them again")] = False,
) -> None:
    """Service levels: meters online, stored in time, forecast accuracy, nights on time, API success, availability."""
    from service.cli import environment, finish, moment
    from service.levels import listing
    from service.store import open_store

    env, at = environment(city), moment(now)
    engine = open_store(env.url)
    if recount:
        from service.levels.history import freeze
        from service.settings import load

        freeze(engine, load(env), at, again=days)
    made = listing.of_environment(env, engine, at)
    if as_json:
        typer.echo(json.dumps({"city": env.city_id, "now": at.isoformat(), "levels": listing.as_dict(made, days)}, ensure_ascii=False))
    else:
        for line in listing.told(made, at, str(env.raw["city"]["time_zone"]), days):
            typer.echo(line)
    finish("problems" if listing.missed(made) else "done")
