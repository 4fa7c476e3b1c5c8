"""`penstock backup` and `penstock restore`: what a city cannot make again. Heavy imports live inside the commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from city.problems import fault
from service.environment import Environment

if TYPE_CHECKING:
    from service.keeping.settings import Keep

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]


def backup(
    folder: Annotated[Path | None, typer.Argument(help="new folder for it, best on another machine's disk")] = None,
    city: City = None,
    now: Now = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="folder of backups named by their time, where old ones go; [backup] into when not given")
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", help="which stay there: daily=7,weekly=4,monthly=12; [backup] when not given")
    ] = None,
) -> None:
    """Copy database, cold storage, spool, city file and the files it names to a folder while everything runs on."""
    from service.cli import environment, finish, moment
    from service.keeping import note
    from service.keeping.backup import back_up
    from service.keeping.rotation import name, rotate
    from service.keeping.settings import kept

    env, at = environment(city), moment(now)
    if folder is not None:
        if into is not None or keep is not None:
            raise fault(
                "penstock backup", "FOLDER and --into or --keep", "one of both", "Leave FOLDER out: names there are made of the time."
            )
        typer.echo(back_up(env, folder, at))
        note(env, folder)
        return
    rule, target = _rule(env)
    target = into if into is not None else target
    if target is None:
        raise fault("penstock backup", "no folder", "FOLDER, --into FOLDER or [backup] into in the city file", "Say where it is to go.")
    told, problems = rotate(env, target, kept(keep) if keep is not None else rule, at)
    note(env, target / name(env.city_id, at))
    for line in (*told, *problems):
        typer.echo(str(line))
    finish("problems" if problems else "done")


def _rule(env: Environment) -> "tuple[Keep, Path | None]":
    """[backup] of the city file, read by itself: a backup is made also of a city whose file has a fault elsewhere."""
    from pydantic import ValidationError

    from service.keeping.settings import Backup

    try:
        found = Backup.model_validate(env.raw.get("backup", {}))
    except ValidationError as error:
        observed = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise fault(f"{env.city_file}: backup", observed, "what docs/reference.md says of [backup]", "Correct it.") from None
    return found, env.folder / found.into if found.into else None


def restore(
    folder: Annotated[Path, typer.Argument(help="a folder that `penstock backup` wrote")],
    city: City = None,
    now: Now = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="in place of the database, and of files beside city.toml, that are there")
    ] = False,
) -> None:
    """Check a backup, then put it back: all of it, or nothing."""
    from service.cli import environment, moment
    from service.keeping.restoring import restore as put_back

    typer.echo(put_back(environment(city), folder, moment(now), replace=replace))


def retention(
    city: City = None, now: Now = None, dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would go; nothing does")] = False
) -> None:
    """Take away what is older than [retention] lets it be and is needed by nothing that is open, as every night does."""
    from service.cli import environment, moment, whoever
    from service.lease import leased
    from service.one_process import lock
    from service.retention.removing import remove
    from service.settings import load
    from service.store import open_store

    env, at = environment(city), moment(now)
    loaded, engine = load(env), open_store(env.url)
    with lock(env.folder), leased(engine):
        found = remove(loaded, engine, at, whoever(env), dry=dry_run)
    for one in found:
        typer.echo(f"{'would go' if dry_run else 'gone'}  {one.told}")
    if not found:
        typer.echo("[retention] names nothing: everything stays")


def upgrade(
    city: City = None,
    now: Now = None,
    check: Annotated[bool, typer.Option("--check", help="say what would be done, and change nothing")] = False,
    into: Annotated[Path | None, typer.Option("--into", help="folder for the backup; upgrades/ in the data folder when not given")] = None,
) -> None:
    """Bring the store of the release before to this one, after a backup: all of it, or nothing."""
    from service.cli import environment, moment
    from service.keeping import upgrading

    env, at = environment(city), moment(now)
    for line in upgrading.check(env) if check else upgrading.upgrade(env, at, into):
        typer.echo(line)


def downgrade(
    release: Annotated[str, typer.Option("--to", help="release whose store it is to be, e.g. 0.1.0")],
    city: City = None,
    now: Now = None,
    into: Annotated[Path | None, typer.Option("--into", help="folder for the backup; upgrades/ in the data folder when not given")] = None,
) -> None:
    """Take the store back to an older release, after a backup: all of it, or nothing. That release can then be installed again."""
    from service.cli import environment, moment
    from service.keeping import upgrading

    env, at = environment(city), moment(now)
    for line in upgrading.downgrade(env, at, release, into):
        typer.echo(line)
