"""`penstock meters ...`: commissioning and care of the field. Heavy imports live inside the commands."""

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Commission, check and correct meters.")


@app.callback()
def meters() -> None:
    """Commission, check and correct meters."""
