"""`penstock case` and `penstock shift`: what somebody has to see to, and what one shift tells the next."""

from typing import Annotated, Any

import typer

from service.cli_water import City, Now, Who

app = typer.Typer(no_args_is_help=True, help="Cases: found, assigned, worked, checked, closed, rated.")
shift = typer.Typer(no_args_is_help=True, help="The shift log: what changed, notes, hand-over.")

HIGHEST = 2**31 - 1  # of a number that a row may have
Number = Annotated[int, typer.Argument(max=HIGHEST, help="number of the case, as `penstock case list` shows it")]
Note = Annotated[str, typer.Option("--note", help="a few words; kept with the step")]


def _asked(city: Any, now: Any, who: str | None) -> tuple[Any, ...]:
    """(engine, city, person, now) of a command."""
    from service.cli import environment, moment, operator
    from service.decisions import known
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    loaded = load(env)
    return open_store(env.url), loaded, known(loaded, operator(env, who)), moment(now)


def _step(name: str, case: int, who: str | None, city: Any, now: Any, **told: Any) -> None:
    from service.cases import deciding

    engine, _, person, at = _asked(city, now, who)
    after = getattr(deciding, name)(engine, person, case, at, **told)
    typer.echo(f"case {case}: {after.state}" + (f", {after.owner}" if after.owner else ""))


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="also those that have ended")] = False, city: City = None, now: Now = None
) -> None:
    """Show the cases, the latest due first, with state, owner and age; then figures per kind."""
    from service.cases.listing import lines
    from service.cli import environment, moment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    for line in lines(open_store(env.url), load(env), moment(now), everything=everything):
        typer.echo(line)


@app.command("open")
def open_(
    kind: Annotated[str, typer.Argument(help="leak, outage, meter or alarm")],
    subject: Annotated[str, typer.Argument(help="what it is about: a meter, a pipe, a feeder")],
    text: Annotated[str, typer.Argument(help="what was found")],
    priority: Annotated[int, typer.Option("--priority", min=1, max=3, help="1: now, 2: this hour, 3: this shift")] = 2,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Open a case of something that was told; where one is open for this subject, its number is shown."""
    from service.cases.opening import by_hand

    engine, loaded, person, at = _asked(city, now, who)
    typer.echo(f"case {by_hand(engine, loaded, person, kind, subject, priority, at, text)}")


@app.command()
def assign(
    case: Number,
    owner: Annotated[str, typer.Argument(help="an account of the city or one of its crews")],
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Give a case to somebody."""
    from service.cases.deciding import assign as give
    from service.cases.listing import owners
    from service.cases.store import one

    engine, loaded, person, at = _asked(city, now, who)
    known = owners(loaded, one(engine, loaded.settings.cases, case).district)
    typer.echo(f"case {case}: assigned, {give(engine, person, case, at, owner, owners=known).owner}")


@app.command()
def work(case: Number, note: Note = "", who: Who = None, city: City = None, now: Now = None) -> None:
    """Say that the work is done."""
    _step("work", case, who, city, now, note=note)


@app.command()
def check(case: Number, note: Note = "", who: Who = None, city: City = None, now: Now = None) -> None:
    """Say that the work is right; another person than the one who did it."""
    _step("check", case, who, city, now, note=note)


@app.command()
def close(case: Number, note: Note = "", who: Who = None, city: City = None, now: Now = None) -> None:
    """End a case; a leak is told repaired by `penstock water repaired`."""
    _step("close", case, who, city, now, note=note)


@app.command()
def rate(
    case: Number,
    marks: Annotated[int, typer.Argument(min=1, max=5, help="how it went, 1 badly to 5 well")],
    false_alarm: Annotated[bool, typer.Option("--false-alarm", help="there was nothing")] = False,
    note: Note = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Say how a closed case went."""
    _step("rate", case, who, city, now, marks=marks, false_alarm=false_alarm, note=note)


@app.command()
def reopen(case: Number, note: Note = "", who: Who = None, city: City = None, now: Now = None) -> None:
    """Send a case back to its owner, with a reason in --note."""
    _step("reopen", case, who, city, now, reason=note)


@app.command()
def cancel(
    case: Number,
    note: Note = "",
    same_as: Annotated[int | None, typer.Option("--same-as", max=HIGHEST, help="number of the case that stays")] = None,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Withdraw a case that was none or is another one already, with a reason in --note."""
    _step("cancel", case, who, city, now, reason=note, same_as=same_as)


@shift.command()
def note(
    text: Annotated[str, typer.Argument(help="what the next shift should know")],
    about: Annotated[str, typer.Option("--about", help="what it is about: a meter, a case, a pipe")] = "",
    corrects: Annotated[int | None, typer.Option("--corrects", max=HIGHEST, help="number of the note that it stands instead of")] = None,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Write a note into the log; a wrong one is corrected by another."""
    from service.shifts import log

    engine, _, person, at = _asked(city, now, who)
    typer.echo(f"note {log.note(engine, person, at, text, about, corrects=corrects)}")


@shift.command()
def since(
    as_csv: Annotated[bool, typer.Option("--csv", help="comma-separated, times in UTC")] = False,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Show what changed since this person last took over or handed over, else since the last shift began."""
    from service.shifts.listing import csv, lines

    engine, loaded, person, at = _asked(city, now, who)
    for line in (csv if as_csv else lines)(engine, loaded, at, person.name):
        typer.echo(line)


@shift.command("hand-over")
def hand_over(
    text: Annotated[str, typer.Argument(help="what the next shift must know; with --sign: nothing")] = "",
    sign: Annotated[int | None, typer.Option("--sign", max=HIGHEST, help="number of the hand-over that is taken over")] = None,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Write the summary of a shift, or take one over with --sign: two names."""
    from service.shifts import log

    engine, loaded, person, at = _asked(city, now, who)
    if sign is None:
        typer.echo(f"hand-over {log.hand_over(engine, loaded, person, at, text)} waits to be signed")
    else:
        typer.echo(f"{person.name} takes over from {log.sign(engine, person, at, sign)}")
