"""`penstock night`: the night with its progress on a terminal."""

from collections.abc import Sequence
from datetime import date as date_of
from datetime import datetime

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text
from sqlalchemy import Engine
from sqlalchemy.exc import NoResultFound

from city.problems import fault
from service.delivery import deliver
from service.environment import Environment
from service.night import STEPS, run
from service.settings import LoadedCity, load
from service.store import open_store, runs
from service.store.runs import StepResult


def run_night(env: Environment, now_utc: datetime, date: str | None = None, again: Sequence[str] = (), *, dry_run: bool = False) -> str:
    """Run or resume the night of the local date of `now_utc`, or that of `date` at the time of its first run.

    Returns 'done', 'problems' or 'failed'. Raises `PenstockError` for a date of which no night was run, and an unknown step.
    """
    from meters.spool.spool import Spool

    city = load(env)
    engine = open_store(env.url)
    now_utc = _first_now(engine, city, date) if date else now_utc
    steps = _steps(again)
    if (city.folder / "spool.db").exists() and not dry_run:
        deliver(engine, Spool(city.folder / "spool.db"), list(city.points.values()))
    console = Console(stderr=True, soft_wrap=True)
    # Drawn when something changes and by no thread of its own: each step forks, and a thread's locks would stay locked in the child.
    with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False) as line:

        def tell(step: str, result: StepResult | None) -> None:
            line.update(Text(f"{step} ..." if result is None else ""), refresh=True)
            if result is None:
                return
            console.print(f"{step:<9} {result.sentence}", highlight=False, markup=False)
            for problem in result.problems[:8]:
                console.print(f"          - {problem}", highlight=False, markup=False)
            if len(result.problems) > 8:
                console.print(f"          - and {len(result.problems) - 8} more, see `penstock status`", highlight=False)

        if not dry_run:
            return run(city, engine, now_utc, on_step=tell, again=steps, rerun=date is not None)
        from service.night.dry import dry

        status, written = dry(city, engine, now_utc, on_step=tell, again=steps)
    for table, rows in written.items():
        typer.echo(f"{table}: {rows:,} row{'s' * (rows != 1)} would be new or other")
    typer.echo("nothing was written" if written else "nothing would be written")
    return status


def _first_now(engine: Engine, city: LoadedCity, given: str) -> datetime:
    """The time that counted as now when the night of a date ran first."""
    try:
        night = date_of.fromisoformat(given)
    except ValueError:
        raise fault(f"--date {given}", "is no date", "YYYY-MM-DD", "Write e.g. 2022-06-16.") from None
    try:
        return runs.night_time(engine, city.settings.city.id, night)
    except NoResultFound:
        allowed, remedy = "a night that was run before", f"Run it with --now, e.g. --now {night}T00:30+02:00."
        raise fault(f"--date {given}", "no night of that date was run", allowed, remedy) from None


def _steps(again: Sequence[str]) -> frozenset[str]:
    unknown = [name for name in again if name not in (*STEPS, "all")]
    if unknown:
        raise fault(f"--again {unknown[0]}", "is no step", f"all, {', '.join(STEPS)}", "Correct the name.")
    return frozenset(STEPS if "all" in again else again)
