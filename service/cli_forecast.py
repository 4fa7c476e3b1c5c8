"""`penstock forecast ...`: what people tell the forecasts and ask of them. Heavy imports live inside the commands."""

import typer

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Known events, weather and models of the forecasts."
)


@app.callback()
def forecast() -> None:
    """Known events, weather and models of the forecasts."""
