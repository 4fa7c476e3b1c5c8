"""The `penstock` command. Heavy imports live inside the commands, so that `penstock status` answers at once."""

import sys
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from city.clock import parse_utc
from city.problems import PenstockError, fault
from service import (
    cli_access,
    cli_alarms,
    cli_api,
    cli_audit,
    cli_beginning,
    cli_carbon,
    cli_cases,
    cli_cluster,
    cli_deciding,
    cli_exchange,
    cli_forecast,
    cli_grid,
    cli_keeping,
    cli_leaks,
    cli_levels,
    cli_meters,
    cli_night,
    cli_notices,
    cli_operations,
    cli_plan,
    cli_response,
    logs,
    releases,
)
from service.environment import Environment, private_files
from service.foreseen import foreseen

DONE, PROBLEMS, FAILED = 0, 2, 1
UsageError: Any = typer.BadParameter.__mro__[1]  # of every mistyped command or option; typer gives it no public name

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # help is plain text: [[imports]] is a table of city.toml, not a colour
    pretty_exceptions_enable=False,
    help="One plan for a city's water, energy and carbon. Exit codes: 0 done, 2 done with problems, 1 failed.",
)
app.add_typer(cli_meters.app, name="meters")
app.add_typer(cli_forecast.app, name="forecast")
app.add_typer(cli_plan.app, name="plan")
app.add_typer(cli_response.app, name="response")
app.add_typer(cli_leaks.app, name="water")
app.add_typer(cli_grid.app, name="grid")
app.add_typer(cli_carbon.app, name="carbon")
app.add_typer(cli_access.app, name="account")
app.add_typer(cli_alarms.app, name="alarms")
app.add_typer(cli_cases.app, name="case")
app.add_typer(cli_cases.shift, name="shift")
app.add_typer(cli_audit.app, name="audit")
app.add_typer(cli_api.app, name="api")
app.add_typer(cli_notices.app, name="notices")
app.add_typer(cli_exchange.app, name="exchange")
app.add_typer(cli_cluster.app, name="cluster")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(releases.said())
        raise typer.Exit


@app.callback()
def _options(
    _asked: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="release and revision of the tables")] = False,
) -> None:
    pass


running: ContextVar[Environment | None] = ContextVar("environment of the command that runs", default=None)  # for its crash file

Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]
City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]


def environment(city: Path | None) -> Environment:
    made = Environment(city=city) if city is not None else Environment()
    running.set(made)
    with suppress(PenstockError):  # a city file that cannot be read is told by whoever reads it
        logs.about(city=made.city_id)
    return made


def moment(now: str | None) -> datetime:
    """The time that counts as now. One in the future is refused: the night of a mistyped year would close days that are not over."""
    clock = datetime.now(UTC)
    if not now:
        return clock
    told = parse_utc(now)
    if told > clock + timedelta(days=1):
        raise fault(
            f"--now {now}", "lies in the future", f"up to a day after this machine's clock, {clock:%Y-%m-%d %H:%M} UTC", "Check the date."
        )
    return told


def operator(env: Environment, who: str | None) -> str:
    name = (who or env.operator).strip()
    if not 0 < len(name) <= 80:  # the tables take no more
        observed, allowed = f"{len(name)} characters" if name else "missing", "the name of the person who decides, at most 80 characters"
        raise fault("--who", observed, allowed, "Give --who NAME or set PENSTOCK_OPERATOR.")
    return name


def person(env: Environment, who: str | None) -> Any:
    """Who decides on the command line, with role and districts. Raises `PenstockError` for a stranger."""
    from service.decisions import known
    from service.settings import load

    return known(load(env), operator(env, who))


def whoever(env: Environment) -> str:
    """Who stands in the audit for what asks for no role: PENSTOCK_OPERATOR, or the command line."""
    return env.operator.strip()[:80] or "command line"


def finish(status: str) -> None:
    raise typer.Exit({"done": DONE, "problems": PROBLEMS}.get(status, FAILED))


@app.command()
def init(city: City = None, now: Now = None) -> None:
    """Make the data folder and the tables of the database. One of an older release is left to `penstock upgrade`."""
    from service import migrations
    from service.keeping.upgrading import require_own
    from service.store import open_store

    env = environment(city)
    moment(now)
    engine = open_store(env.url, create=True)
    require_own(engine)
    migrations.upgrade(engine)
    typer.echo(f"{env.city_id}: database ready in {env.folder}")


@app.command()
def demo(quiet: Annotated[bool, typer.Option("--quiet", help="no summary")] = False, now: Now = None) -> None:
    """Take the composed demo city through a whole day and night: meters, forecasts, plan, leak, approval, writes, carbon."""
    from service.demo import run_demo

    finish(run_demo(moment(now) if now else None, quiet=quiet))


@app.command("import")
def import_(city: City = None, now: Now = None) -> None:
    """Import the history files that city.toml lists under [[imports]]; what is stored already is left alone."""
    from service.importing import import_history

    moment(now)
    for sentence in import_history(environment(city)):
        typer.echo(sentence)


@app.command()
def poll(
    city: City = None,
    now: Now = None,
    until: Annotated[
        str | None, typer.Option("--until", help="with --now: poll every slot up to this time, as fast as the field answers")
    ] = None,
    replay: Annotated[bool, typer.Option("--replay", help="set the simulator's clock before each slot")] = False,
) -> None:
    """Read the field every quarter-hour, keep every reading, write approved commands. Owns the links; runs until stopped."""
    from service.polling import poll_forever, poll_span

    env = environment(city)
    if now is not None:
        start = moment(now)
        finish(poll_span(env, start, parse_utc(until) if until else start, replay=replay))
    if until is not None or replay:
        raise fault("--now", "missing", "a time, because --until and --replay are about a span of slots", "Give --now TIME as well.")
    poll_forever(env)


@app.command()
def receive(
    city: City = None,
    now: Now = None,
    certificate: Annotated[Path, typer.Option("--certificate", help="the central's certificate with its chain (PEM)")] = Path(
        "central.pem"
    ),
    key: Annotated[Path, typer.Option("--key", help="private key of that certificate (PEM)")] = Path("central.key"),
    host: Annotated[str, typer.Option("--host", help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="port to listen on; 0: a free one")] = 8443,
    client_ca: Annotated[
        Path | None, typer.Option("--client-ca", help="stations must also show a certificate that this authority signed (PEM)")
    ] = None,
) -> None:
    """Take the readings of the stations in city.toml over HTTPS, keep them, and deliver them to the store; runs until stopped."""
    from service.edge.serving import serve

    moment(now)
    serve(environment(city), host, port, certificate, key, client_ca)


@app.command()
def work(
    city: City = None,
    now: Now = None,
    once: Annotated[bool, typer.Option("--once", help="end when no request is waiting")] = False,
) -> None:
    """Take the console's requests (re-plan, statement) one at a time; runs until stopped."""
    from service.work import serve

    finish(serve(environment(city), moment(now) if now else None, once=once))


app.command()(cli_beginning.new)
app.command()(cli_night.night)
app.command("run-report")(cli_notices.run_report)
app.command()(cli_exchange.export)

for decide in (cli_deciding.approve, cli_deciding.hold, cli_deciding.settle):
    app.command()(decide)


for proof in (cli_carbon.verify, cli_carbon.explain):
    app.command()(proof)


@app.command()
def report(
    city: City = None,
    now: Now = None,
    period: Annotated[str | None, typer.Option("--period", "--month", help="YYYY-MM or YYYY; last posted month when not given")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="inventory, gpc, energy, accounts, ...; all when not given")] = None,
    made: Annotated[list[str] | None, typer.Option("--format", help="csv, xlsx, pdf or json; all when not given")] = None,
    language: Annotated[str, typer.Option("--language", help="en or zh")] = "en",
) -> None:
    """Write statements of carbon, energy, targets and measures (CSV, XLSX, PDF, JSON). The same ledger gives the same bytes."""
    from service.statements.reporting import write_reports

    paths, problems = write_reports(environment(city), period, kind or (), made or (), language, moment(now))
    for line in (*paths, *problems):
        typer.echo(str(line))
    finish("problems" if problems else "done")


for safe in (cli_keeping.backup, cli_keeping.restore, cli_keeping.retention, cli_keeping.upgrade, cli_keeping.downgrade):
    app.command()(safe)


for operate in (cli_operations.status, cli_operations.doctor, cli_operations.metrics, cli_levels.levels):
    app.command()(operate)


@app.command()
def console(
    city: City = None,
    now: Now = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="port on the loopback address; 8501 when not given")] = None,
) -> None:
    """Open the console of the control room in a browser on this machine; runs until stopped."""
    from service.station import serve

    finish("done" if serve(environment(city), port, moment(now) if now else None) == 0 else "failed")


def run() -> None:
    """Entry point: known faults are sentences, unknown ones go to a file; an operator never sees a bare traceback."""
    private_files()
    try:
        if (command := next(iter(sys.argv[1:]), "--help")) not in logs.QUIET:
            logs.configure(command)
        code = app(standalone_mode=False)
    except UsageError as error:
        error.show()
        sys.exit(FAILED)  # not 2 as is usual: here 2 says that the work was done
    except PenstockError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        sys.exit(FAILED)
    except Exception as error:
        if (told := foreseen(error)) is not None:
            typer.echo(str(told), err=True)
            sys.exit(FAILED)
        from service.crash import keep

        typer.echo(keep(error, running.get()), err=True)
        sys.exit(FAILED)
    sys.exit(code if isinstance(code, int) else DONE)


if __name__ == "__main__":
    run()
