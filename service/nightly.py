"""`penstock night`: the night with its progress on a terminal."""

from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from service.delivery import deliver
from service.environment import Environment
from service.night import run
from service.settings import load
from service.store import open_store
from service.store.runs import StepResult


def run_night(env: Environment, now_utc: datetime) -> str:
    """Run or resume the night of the local date of `now_utc`. Returns 'done', 'problems' or 'failed'."""
    from meters.spool.spool import Spool

    city = load(env)
    engine = open_store(env.url)
    if (city.folder / "spool.db").exists():
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

        status = run(city, engine, now_utc, on_step=tell)
    return status
