"""`penstock upgrade` and `penstock downgrade`: a store becomes that of another release, with all that it holds, or stays as it was.

A backup comes first, read through. Then tables, counts and the line of the audit change in one transaction, on SQLite as on PostgreSQL: a
kill leaves the one revision or the other. Started again after a kill it makes a new backup, since the other release may have gone on
meanwhile, and takes the one of the killed attempt away.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select

from carbon.ledger.verify import chained
from city.problems import PenstockError, Problem, fault
from service import migrations, releases
from service import schema as t
from service.auditing import cutting
from service.auditing.verifying import faults
from service.environment import Environment
from service.keeping import backup, note
from service.keeping.restoring import others_awaited
from service.lease import leased
from service.one_process import lock
from service.store import ledger, open_store, operations, present_tables, writing
from service.store import revision as revision_of

FOLDER = "upgrades"  # in the data folder: the backup before each change of release
_STAMP = "%Y%m%dT%H%M%SZ"
Shape = dict[str, set[str]]  # {table: columns}


def upgrade(env: Environment, now_utc: datetime, folder: Path | None = None) -> list[str]:
    """Bring the store of an older release to this one; the backup goes to `folder`. Returns what was done, a sentence each.

    Raises `PenstockError` when there is no store, when it is of a newer release, while poll or a night runs, when the backup cannot be
    made, and, with nothing changed, when a row or a link of the chains of audit and ledger were not the same afterwards.
    """
    engine, at = _store(env)
    own = releases.REVISIONS[releases.RELEASE]
    if at == own:
        return [f"{env.city_id} is of {releases.of(own)} already"]
    migrations.require_known(engine, at)
    return _changed(env, engine, now_utc, folder, at, own, "upgrade")


def downgrade(env: Environment, now_utc: datetime, release: str, folder: Path | None = None) -> list[str]:
    """Take the store back to an older release, which then can be installed again. Returns and raises as `upgrade` does.

    What only newer releases keep is gone from the store, and stays in the backup: it is told table by table.
    """
    to = releases.revision(release)
    engine, at = _store(env)
    if at == to:
        return [f"{env.city_id} is of {releases.of(to)} already"]
    migrations.require_known(engine, at)
    if at < to:
        raise fault(f"downgrade to {release}", f"the store is of {releases.of(at)}", "an older release", "Run `penstock upgrade`.")
    told = _changed(env, engine, now_utc, folder, at, to, "downgrade")
    return [*told, f"install release {release} now; tables of the city file that it does not know have to go before it starts"]


def check(env: Environment) -> list[str]:
    """What `upgrade` would do, and whether it could: nothing is written."""
    engine, at = _store(env)
    own = releases.REVISIONS[releases.RELEASE]
    if at == own:
        return [f"{env.city_id} is of {releases.of(own)} already"]
    migrations.require_known(engine, at)
    with engine.connect() as connection:
        rows, found = backup.counts(connection), _unsound(connection) if _released(at) else []
    if found:
        raise PenstockError(found)
    told = [f"{env.city_id} is of {releases.of(at)}; `penstock upgrade` brings it to {releases.of(own)}"]
    told += [f"{revision}: {about}" for revision, about in migrations.between(engine, at, own)]
    free = shutil.disk_usage(env.folder).free
    return [*told, f"{sum(rows.values()):,} rows of {len(rows)} tables come along; {free / 1e6:,.0f} MB are free for the backup"]


def require_own(engine: Engine) -> None:
    """Raises `PenstockError` for a store of an older release: its tables change with a backup only."""
    if "alembic_version" in present_tables(engine) and "" != (at := revision_of(engine)) < releases.REVISIONS[releases.RELEASE]:
        raise fault(
            "the store", f"is of {releases.of(at)}", "none, or one of this release", "Run `penstock upgrade`: it makes a backup first."
        )


def _store(env: Environment) -> tuple[Engine, str]:
    engine = open_store(env.url, create=True)
    at = revision_of(engine) if "alembic_version" in present_tables(engine) else ""
    if not at:
        raise fault("the store", "no tables", "a store of an older release", "Run `penstock init`.")
    return engine, at


def _changed(env: Environment, engine: Engine, now_utc: datetime, folder: Path | None, at: str, to: str, action: str) -> list[str]:
    with _alone(env, engine):
        kept, sentence = _backed_up(env, folder or env.folder / FOLDER, now_utc, to)
        with writing(engine) as connection, others_awaited(connection):
            before, rows, ends = _shape(connection), backup.counts(connection), _ends(connection) if _released(at) else None
            if found := _unsound(connection) if ends else []:
                raise PenstockError(found)
            move: Callable[..., None] = migrations.upgrade if at < to else migrations.downgrade
            move(engine, to, connection)
            after, left = _shape(connection), backup.counts(connection)
            if _released(at) and _released(to):
                _require_same(rows, left, ends, _ends(connection))
            told = [f"{releases.of(at)} -> {releases.of(to)}", *_differences(engine, before, after, rows, left, at, to)]
            former = _changed_last(connection)
            operations.record(connection, now_utc, env.operator.strip()[:80] or action, action, env.city_id[:120], "; ".join(told))
        _forget(kept, former)
    same = sum(left[name] for name in left if name in rows)
    return [
        sentence,
        *told,
        f"{same:,} rows of {len(left.keys() & rows.keys())} tables came along; the chains of audit and ledger are whole",
    ]


@contextmanager
def _alone(env: Environment, engine: Engine) -> Iterator[None]:
    """Nobody else writes: no poll and no night of this data folder, and no night elsewhere, where the store knows of leases."""
    with ExitStack() as held:
        for name in ("poll", "night"):
            held.enter_context(lock(env.folder, name))
        if t.lease.name in present_tables(engine):
            held.enter_context(leased(engine))
        yield


def _backed_up(env: Environment, folder: Path, now_utc: datetime, to: str) -> tuple[Path, str]:
    """A backup of the store as it is now, read through."""
    stem = f"{env.city_id}-before-{to}-{now_utc.astimezone(UTC):{_STAMP}}"
    path, number = folder / stem, 1
    while path.exists():  # of a killed attempt: the store may be another by now
        number += 1
        path = folder / f"{stem}-{number}"
    sentence = backup.back_up(env, path, now_utc, older=True)
    backup.verified(path)
    note(env, path)
    return path, sentence


def _changed_last(connection: Connection) -> datetime | None:
    """When the store became that of another release the last time, by the audit."""
    a = t.audit.c
    return connection.execute(select(func.max(a.at_utc)).where(a.action.in_(("upgrade", "downgrade")))).scalar()


def _forget(kept: Path, former: datetime | None) -> None:
    """Take away what killed attempts at the same change left: one backup of the store before it is enough, the newest.

    Backups from before `former`, the last change that came through, stay: what an older release cannot hold is in them alone.
    """
    stem = re.sub(r"\d{8}T\d{6}Z(-\d+)?$", "", kept.name)
    for path in kept.parent.iterdir():
        one = re.fullmatch(re.escape(stem) + r"(\d{8}T\d{6}Z)(?:-\d+)?(\.part)?", path.name)
        if one is None or path == kept or not path.is_dir():
            continue
        if one.group(2) or former is None or datetime.strptime(one.group(1), _STAMP).replace(tzinfo=UTC) > former:
            shutil.rmtree(path, ignore_errors=True)


def _released(revision: str) -> bool:
    return revision in releases.REVISIONS.values()


def _shape(connection: Connection) -> Shape:
    seen = inspect(connection)
    return {name: {column["name"] for column in seen.get_columns(name)} for name in backup.counts(connection)}


def _ends(connection: Connection) -> tuple[object, ...]:
    """What must not move: the last line of the audit, every root of the ledger."""
    a, b = t.audit.c, t.ledger_batch.c
    last = connection.execute(select(a.audit_id, a.sha256).order_by(a.audit_id.desc()).limit(1)).first()
    return (tuple(last) if last else None, tuple(connection.execute(select(b.root).order_by(b.number)).scalars()))


def _unsound(connection: Connection) -> list[Problem]:
    """Where the chains of audit and ledger are not whole. The ledger's files do not change here: `penstock verify` reads those."""
    ordered = select(t.audit).order_by(t.audit.c.audit_id)
    headers = [ledger.header(row) for row in connection.execute(select(t.ledger_batch).order_by(t.ledger_batch.c.number))]
    cut, told = cutting.found(connection)
    rows = connection.execute(ordered, execution_options={"yield_per": 2000})
    return [*told, *faults(rows, cut.number + 1, cut.sha256), *chained(headers)][:20]


def _require_same(rows: dict[str, int], left: dict[str, int], ends: object, found: object) -> None:
    problems = [
        Problem(
            f"table {name}", f"{left[name]:,} rows after the change", f"{count:,} as before", "Nothing was changed: keep the old release."
        )
        for name, count in rows.items()
        if name in left and left[name] != count
    ]
    if ends != found:
        problems.append(Problem("audit and ledger", "other ends of their chains", "the same", "Nothing was changed: keep the old release."))
    if problems:
        raise PenstockError(problems)


def _differences(
    engine: Engine, before: Shape, after: Shape, rows: dict[str, int], left: dict[str, int], at: str, to: str
) -> Iterator[str]:
    """What changed, in words."""
    for revision, about in migrations.between(engine, min(at, to), max(at, to)):
        yield f"{revision}{' taken back' if to < at else ''}: {about}"
    if fresh := sorted(after.keys() - before.keys()):
        yield f"new tables: {', '.join(fresh)}"
    if gone := sorted(before.keys() - after.keys()):
        yield f"tables that go, with their rows: {', '.join(f'{name} {rows[name]:,}' for name in gone)}"
    for name in sorted(before.keys() & after.keys()):
        if columns := sorted(after[name] - before[name]):
            yield f"new in {name}: {', '.join(columns)}"
        if columns := sorted(before[name] - after[name]):
            yield f"gone from {name}: {', '.join(columns)}"
        if left[name] != rows[name]:
            yield f"{name}: {rows[name]:,} rows became {left[name]:,}"
