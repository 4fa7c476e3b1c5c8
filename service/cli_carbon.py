"""`penstock carbon ...`, `penstock verify` and `penstock explain`: the ledger's keys, periods and proof. Heavy imports live inside."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]
Who = Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The carbon ledger: keys, closed periods, factors, statements.")


@app.callback()
def carbon() -> None:
    """The carbon ledger: keys, closed periods, factors, statements."""
