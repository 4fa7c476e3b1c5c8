"""`penstock audit list|export|head|verify`. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated, Any

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]
By = Annotated[str, typer.Option("--who", help="only lines of this person or process")]
Action = Annotated[str, typer.Option("--action", help="only this action, e.g. approve")]
Text = Annotated[str, typer.Option("--text", help="only lines with this in their subject or sentence")]
From = Annotated[str | None, typer.Option("--from", help="from this time on, ISO 8601 with offset")]
To = Annotated[str | None, typer.Option("--to", help="before this time, ISO 8601 with offset")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The audit: who decided what, chained so that no line can change.")


def _opened(city: Path | None) -> tuple[Any, Any]:
    """Checked city and store."""
    from service.cli import environment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    return load(env), open_store(env.url)


@app.command("list")
def list_(
    who: By = "",
    action: Action = "",
    text: Text = "",
    start: From = None,
    end: To = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="lines at most, the newest")] = 50,
    city: City = None,
) -> None:
    """Lines of the audit, newest first."""
    from city.clock import parse_utc
    from service.auditing.listing import Asked, lines

    asked = Asked(who, action, text, parse_utc(start) if start else None, parse_utc(end) if end else None)
    for row in lines(_opened(city)[1], asked, limit):
        typer.echo(f"{row.audit_id}  {row.at_utc:%Y-%m-%dT%H:%M:%SZ}  {row.who}  {row.action}  {row.subject}: {row.sentence}")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="new file: .jsonl, with verify_audit.py beside it, or .csv")], city: City = None
) -> None:
    """Write the whole audit to a file, oldest line first, with all that is hashed."""
    from service.auditing.listing import write

    typer.echo(write(_opened(city)[1], file))


@app.command()
def head(
    anew: Annotated[bool, typer.Option("--anew", help="begin files again that were there and are gone, once somebody has looked")] = False,
    city: City = None,
    now: Now = None,
) -> None:
    """Keep the last line's number and SHA-256 outside, as every night does, and print them."""
    from service.auditing import outside
    from service.cli import finish, moment, whoever

    loaded, engine = _opened(city)
    problems = outside.publish(engine, loaded, whoever(loaded.environment), moment(now), anew=anew)
    kept = [] if problems else [f"kept in {path}" for path in outside.files(loaded)]
    for line in (outside.head(engine), *kept, *map(str, problems)):
        typer.echo(line)
    finish("problems" if problems else "done")


@app.command()
def verify(
    outside: Annotated[
        Path | None, typer.Option("--outside", help="heads kept outside; those beside [carbon] outside_roots when not given")
    ] = None,
    key: Annotated[list[str] | None, typer.Option("--key", help="public key of whoever signs the heads [hex]")] = None,
    city: City = None,
) -> None:
    """Find any edit, deletion, insertion or rewrite of the audit and say where. Exit 1 when there is one."""
    from service.auditing.verifying import check
    from service.cli import finish

    loaded, engine = _opened(city)
    told, findings = check(engine, loaded, outside, [one.strip().lower() for one in key or ()])
    for line in (*told, *(f"FAULT {problem}" for problem in findings), f"{len(findings)} faults" if findings else "sound"):
        typer.echo(line)
    finish("failed" if findings else "done")
