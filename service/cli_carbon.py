"""`penstock carbon ...`, `penstock verify` and `penstock explain`: the ledger's keys, periods and proof. Heavy imports live inside."""

from pathlib import Path
from typing import Annotated

import typer

from service import cli_books, cli_factors

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]
Who = Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The carbon ledger: keys, closed periods, factors, statements.")
app.add_typer(cli_factors.app, name="factors")
app.add_typer(cli_books.certificates, name="certificates")
app.add_typer(cli_books.household, name="household")
app.command()(cli_books.matching)
app.command()(cli_books.enterprise)
app.command()(cli_books.building)


@app.callback()
def carbon() -> None:
    """The carbon ledger: keys, closed periods, factors, statements."""


@app.command()
def lint(
    folder: Annotated[
        Path | None, typer.Argument(help="folder of factor sets; the city's factors/ and its accounts when not given")
    ] = None,
    now: Now = None,
    city: City = None,
) -> None:
    """Look for what goes wrong in factor data, and in how the accounts use it. Exit code 2 when something must be refused."""
    from service.books.factor_listing import linted
    from service.cli import environment, finish, moment

    lines, refused = linted(environment(city), folder, moment(now).date())
    for line in lines:
        typer.echo(line)
    finish("problems" if refused else "done")


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(help="new file for the private key; keep it off this machine's backups")], now: Now = None
) -> None:
    """Make a key that signs the ledger's roots (Ed25519) and print its public key, which belongs on statements and with the auditor."""
    from service.books.signing import VARIABLE
    from service.books.signing import keygen as make
    from service.cli import moment

    moment(now)
    typer.echo(f"public key {make(file)}; set {VARIABLE}={file}")


@app.command()
def close(
    period: Annotated[str, typer.Argument(help="a month or a year: 2022-06, 2022")],
    by: Annotated[str | None, typer.Option("--by", help="who signs; PENSTOCK_OPERATOR when not given")] = None,
    note: Annotated[str, typer.Option("--note", help="what was looked at; stays with the sign-off")] = "",
    explain: Annotated[str, typer.Option("--explain", help="why it is closed although too much of it is missing")] = "",
    city: City = None,
    now: Now = None,
) -> None:
    """Sign a period of the ledger off: its sums become comparatives, and later restatements are shown against them."""
    from service import decisions
    from service.books.closing import close as sign_off
    from service.cli import environment, moment, operator
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    loaded = load(env)
    person = decisions.known(loaded, operator(env, by))
    typer.echo(sign_off(open_store(env.url), loaded, person, period, moment(now), note, explain))


@app.command()
def periods(city: City = None, now: Now = None) -> None:
    """Every month of the ledger: closed by whom, restated since, or open. Exit 2 when one needs closing again."""
    from service.books.closing import listed
    from service.cli import environment, finish, moment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    lines, material = listed(open_store(env.url), load(env), moment(now))
    for line in lines:
        typer.echo(line)
    finish("problems" if material else "done")


@app.command()
def balance(period: Annotated[str, typer.Argument(help="a month or a year: 2022-06, 2022")], city: City = None, now: Now = None) -> None:
    """Do the books close: city = districts = sites = accounts, and electricity in = used + lost. Exit 2 where they do not."""
    from service.books.balances import balances
    from service.cli import environment, finish, moment
    from service.settings import load
    from service.store import open_store

    moment(now)
    env = environment(city)
    told, problems = balances(open_store(env.url), load(env), period)
    for line in (*told, *problems):
        typer.echo(line)
    finish("problems" if problems else "done")


@app.command()
def restate(
    period: Annotated[str, typer.Argument(help="a month or a year: 2022-06, 2022")],
    reason: Annotated[str, typer.Option("--reason", help="why; stays with the entries")] = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Restate what usage, accounts and factors give otherwise now: after a bill came, or a factor was corrected."""
    from service import decisions
    from service.books.restating import restate_period
    from service.cli import environment, moment, operator
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    loaded = load(env)
    person = decisions.known(loaded, operator(env, who))
    for line in restate_period(open_store(env.url), loaded, person, period, moment(now), reason):
        typer.echo(line)


@app.command()
def why(
    first: Annotated[str, typer.Argument(help="a year or a month: 2021, 2022-01")],
    last: Annotated[str, typer.Argument(help="a later one of the same kind")],
    city: City = None,
    now: Now = None,
) -> None:
    """Why the city's total moved: activity, structure, intensity, mix and factor, in tonnes of CO2e that add up."""
    from service.books.decomposition import decomposition, lines
    from service.cli import environment, moment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    for line in lines(decomposition(open_store(env.url), load(env), first, last, moment(now))):
        typer.echo(line)


@app.command()
def savings(
    first: Annotated[str | None, typer.Option("--from", help="first night; thirty days before the last when not given")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last night; today when not given")] = None,
    city: City = None,
    now: Now = None,
) -> None:
    """What measures saved against their baseline, and what the approved plans saved against theirs."""
    from service.cli import environment, moment
    from service.savings.listing import asked, lines
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    loaded, at = load(env), moment(now)
    for line in lines(open_store(env.url), loaded, *asked(loaded, first, last, at), at):
        typer.echo(line)


@app.command()
def prove(
    entry: Annotated[str, typer.Argument(help="an entry, such as 12-345")],
    file: Annotated[Path, typer.Argument(help="new file for the proof, some kilobytes")],
    city: City = None,
    now: Now = None,
) -> None:
    """Write the proof that one entry is in the ledger, for an auditor with Python alone: python verify_entry.py FILE ROOT."""
    from service.books.proving import prove as write
    from service.cli import environment, moment

    moment(now)
    typer.echo(f"python verify_entry.py {file} {write(environment(city), entry, file)}")


def verify(
    root: Annotated[str | None, typer.Option("--root", help="a root that was printed or kept elsewhere [hex]")] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="public key of whoever signs the roots [hex]; again for one that was changed")
    ] = None,
    outside: Annotated[
        Path | None, typer.Option("--outside", help="roots kept outside; those of [carbon] outside_roots when not given")
    ] = None,
    recompute: Annotated[bool, typer.Option("--recompute", help="compute every entry again from the stored usage and the factors")] = False,
    city: City = None,
    now: Now = None,
) -> None:
    """Find any edit, deletion, insertion or rewrite of the ledger and say where. Exit 1 when there is one."""
    from service.books.verifying import verify as examine
    from service.cli import environment, finish, moment

    found = examine(environment(city), moment(now), root, key or (), outside, recompute=recompute)
    for line in found.told:
        typer.echo(line)
    for problem in found.findings:
        typer.echo(f"FAULT {problem}")
    typer.echo(f"{len(found.findings)} faults" if found.findings else "sound")
    finish("failed" if found.findings else "done")


def explain(
    cell: Annotated[str, typer.Argument(help="a cell of a statement, or an entry, such as 12-345")], city: City = None, now: Now = None
) -> None:
    """What a printed number was made of: readings, factor and rule."""
    from service.cli import environment, moment
    from service.statements.explaining import explain as told

    moment(now)
    for line in told(environment(city), cell):
        typer.echo(line)
