"""`penstock plan ...`: read the newest plan, plan again, ask what if, weigh cost against carbon and peak."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")]
Who = Annotated[str | None, typer.Option("--who", help="name for the table; PENSTOCK_OPERATOR when not given")]
PlanId = Annotated[str, typer.Option("--plan", help="plan id; latest for the newest")]
app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="The plan, plans made again, and what-ifs.")


@app.callback()
def plan() -> None:
    """The plan, plans made again, and what-ifs."""


@app.command()
def show(
    plan_id: Annotated[str, typer.Argument(help="plan id; latest for the newest")] = "latest", city: City = None, now: Now = None
) -> None:
    """A plan against doing nothing: cost, CO2, peak, curtailment, water pressure, what limits it, and its what-ifs."""
    from service.cli import environment, moment
    from service.plans.showing import page
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    for line in page(load(env), open_store(env.url), plan_id, moment(now)):
        typer.echo(line)


@app.command("now")
def now_(city: City = None, now: Now = None) -> None:
    """Plan again from the present state and the newest forecasts; what is approved stays in force until this one is."""
    from service.cli import environment, moment, whoever
    from service.plans.keeping import REQUEST
    from service.plans.making import Planner
    from service.replanning import replan
    from service.settings import load
    from service.store import open_store, operations

    env = environment(city)
    loaded, engine, at = load(env), open_store(env.url), moment(now)
    operations.record_asked(engine, "replan", whoever(env), at, "the plan")
    with Planner(loaded, engine) as planner:
        typer.echo(replan(planner, at, REQUEST))


@app.command("what-if")
def what_if(
    plan_id: PlanId = "latest",
    price: Annotated[float | None, typer.Option("--price", help="times the import price")] = None,
    price_offset: Annotated[float | None, typer.Option("--price-offset", help="added to the import price [currency/kWh]")] = None,
    export_price: Annotated[float | None, typer.Option("--export-price", help="times the export price")] = None,
    forecast: Annotated[
        list[str] | None, typer.Option("--forecast", help="NAME=FACTOR; a series, a meter, a zone, a kind (load, pv, water ...) or all")
    ] = None,
    outage: Annotated[list[str] | None, typer.Option("--outage", help="an asset that is not there; may be given several times")] = None,
    import_limit: Annotated[float | None, typer.Option("--import-limit", help="most that is imported [kW]")] = None,
    carbon: Annotated[float | None, typer.Option("--carbon", help="price of CO2e [currency/t]; all day")] = None,
    start: Annotated[str | None, typer.Option("--from", help="local HH:MM (every day) or ISO 8601 with offset; all the time")] = None,
    end: Annotated[str | None, typer.Option("--to", help="until then, of the same form")] = None,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """The same question with another price, forecast or outage; the answer stands beside the plan and cannot be approved."""
    from service import decisions
    from service.cli import environment, moment, operator
    from service.plans import changes
    from service.plans.asking import what_if as ask
    from service.plans.making import Planner
    from service.plans.showing import resolved
    from service.settings import load
    from service.store import open_store, operations

    env = environment(city)
    loaded, engine, at = load(env), open_store(env.url), moment(now)
    window = changes.window(start, end)
    asked = [
        *changes.prices(price, price_offset, export_price, window),
        *(changes.forecast(loaded, text, window) for text in forecast or ()),
        *({"kind": "outage", "asset": asset} | window for asset in outage or ()),
        *([] if import_limit is None else [{"kind": "import_limit", "limit_kw": import_limit} | window]),
        *([] if carbon is None else [{"kind": "carbon", "price_per_t": carbon}]),
    ]
    person = decisions.known(loaded, operator(env, who))
    decisions.require(engine, person, "what-if", plan_id, at, decisions.NOWHERE)
    plan = resolved(engine, plan_id)
    operations.record_asked(engine, "what-if", person.name, at, plan)
    with Planner(loaded, engine) as planner:
        typer.echo(ask(planner, plan, asked, person.name, at).sentence)


@app.command()
def pareto(plan_id: PlanId = "latest", city: City = None, now: Now = None) -> None:
    """Points between cost, CO2 and peak for the plan's question: what less of one costs in the others."""
    from service.cli import environment, moment, whoever
    from service.plans.making import Planner
    from service.plans.showing import resolved
    from service.plans.trading import trade
    from service.settings import load
    from service.store import open_store, operations

    env = environment(city)
    loaded, engine = load(env), open_store(env.url)
    plan = resolved(engine, plan_id)
    operations.record_asked(engine, "pareto", whoever(env), moment(now), plan)
    with Planner(loaded, engine) as planner:
        told, points = trade(planner, plan)
    currency = loaded.settings.city.currency
    typer.echo(told)
    for row in points.itertuples():
        figures = f"{row.cost:12,.0f} {currency}{row.co2_kg:12,.0f} kg CO2{row.peak_kw:10,.0f} kW"
        typer.echo(f"  {row.trade:8}{figures}  {row.status}")
