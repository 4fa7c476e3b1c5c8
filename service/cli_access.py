"""`penstock account ...`: who may sign in, as what and where. Passwords are asked for, never given as an option."""

from pathlib import Path
from typing import Annotated, Any

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Who = Annotated[str | None, typer.Option("--who", help="the administrator's name; PENSTOCK_OPERATOR when not given")]
Name = Annotated[str, typer.Argument(help="sign-in name; it stands beside decisions in the audit trail")]
Role = Annotated[str, typer.Option("--role", help="viewer, operator, planner, engineer, admin or household")]
Districts = Annotated[list[str] | None, typer.Option("--district", help="zone or site; give it once for each; none: the whole city")]
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Accounts of the console: roles, districts, second factors.")


@app.command("list")
def list_(city: City = None) -> None:
    """Every account: role, districts, second factor, disabled or not."""
    from service.access import administration
    from service.cli import environment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    for line in administration.lines(open_store(env.url), load(env)):
        typer.echo(line)


@app.command()
def add(name: Name, role: Role, district: Districts = None, who: Who = None, city: City = None) -> None:
    """Add an account; the password is asked for twice, or read from standard input."""
    from service.access import administration

    typer.echo(_opened(city, who).add(name, role, district or [], administration.asked_password()))


@app.command()
def role(
    name: Name, role: Annotated[str, typer.Argument(help="the new role")], district: Districts = None, who: Who = None, city: City = None
) -> None:
    """Give an account another role, and the districts that go with it."""
    typer.echo(_opened(city, who).change(name, role, district or []))


@app.command()
def reset(name: Name, who: Who = None, city: City = None) -> None:
    """Give an account another password; whoever is signed in with it is signed out."""
    from service.access import administration

    typer.echo(_opened(city, who).reset(name, administration.asked_password()))


@app.command()
def disable(
    name: Name,
    again: Annotated[bool, typer.Option("--enable", help="let it sign in again")] = False,
    who: Who = None,
    city: City = None,
) -> None:
    """Keep an account from signing in, and sign it out; its name stays taken, for the audit trail."""
    typer.echo(_opened(city, who).disable(name, again=again))


@app.command()
def factor(
    name: Name,
    remove: Annotated[bool, typer.Option("--remove", help="take it away: the phone is lost")] = False,
    who: Who = None,
    city: City = None,
) -> None:
    """Give an account a second factor: prints what its owner's authenticator app needs, once."""
    for line in _opened(city, who).factor(name, remove=remove):
        typer.echo(line)


@app.command()
def sign_out(name: Name, who: Who = None, city: City = None) -> None:
    """End every session of a person, at once: a lost device, a dismissal."""
    typer.echo(_opened(city, who).sign_out(name))


def _opened(city: Path | None, who: str | None) -> Any:
    """The accounts in the hands of an administrator; the heavy import stays inside."""
    from service.access.administration import Administration
    from service.cli import environment, operator
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    return Administration(open_store(env.url), load(env), operator(env, who))
