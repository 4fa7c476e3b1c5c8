"""`penstock approve`, `hold` and `settle`: a person decides, or says what was found. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]
Who = Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")]


def approve(
    plan_id: Annotated[list[str], typer.Argument(help="plan or isolation ids; `latest` for the newest plan")],
    city: City = None,
    now: Now = None,
    who: Who = None,
    reason: Annotated[str, typer.Option("--reason", help="why; kept in the audit table")] = "",
) -> None:
    """Approve a plan or an isolation: only then does `penstock poll` write its commands."""
    from service.cli import environment, moment, operator
    from service.deciding import approve_ids

    env = environment(city)
    for sentence in approve_ids(env, plan_id, operator(env, who), moment(now), reason):
        typer.echo(sentence)


def hold(
    subject: Annotated[str, typer.Argument(help="an asset or a point id; `all` is the emergency stop")],
    city: City = None,
    now: Now = None,
    who: Who = None,
    reason: Annotated[str, typer.Option("--reason", help="why; kept in the audit table")] = "",
    until: Annotated[str | None, typer.Option("--until", help="when the hold ends by itself")] = None,
    at: Annotated[float | None, typer.Option("--at", help="where it stays, for the next plan [unit of the point]; as it is now")] = None,
    release: Annotated[bool, typer.Option("--release", help="end the hold instead")] = False,
) -> None:
    """Hold an asset, or stop all writing at once; the next plan keeps to it. With --release, end that."""
    from city.clock import parse_utc
    from service.cli import environment, moment, operator
    from service.deciding import hold_subject

    env, end = environment(city), parse_utc(until) if until else None
    typer.echo(hold_subject(env, subject, operator(env, who), moment(now), reason, end, at, release=release))


def settle(
    command: Annotated[str, typer.Argument(help="a command id whose outcome is unknown, or its point id")],
    found: Annotated[float, typer.Option("--found", help="the value found at the device [unit of the point]")],
    city: City = None,
    now: Now = None,
    who: Who = None,
    reason: Annotated[str, typer.Option("--reason", help="how it was looked up; kept in the audit table")] = "",
) -> None:
    """Say what a device holds after a write whose outcome nobody knew; only then is its point written again."""
    from service.cli import environment, moment, operator
    from service.deciding import settle_outcome

    env = environment(city)
    for sentence in settle_outcome(env, command, operator(env, who), moment(now), found, reason):
        typer.echo(sentence)
