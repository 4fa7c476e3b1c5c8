"""`penstock verify`: the whole chain, its signatures, the roots kept outside, and, asked for, every entry computed again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from carbon.ledger import signature
from carbon.ledger.batch import NOTHING
from carbon.ledger.civil import from_micros
from carbon.ledger.verify import verify as verified
from city.clock import civil_day, local_date
from city.problems import PenstockError, Problem, fault
from service.auditing import verifying
from service.books import closing, former_ledger, roots
from service.books.posting import Posting
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import ledger, open_store, runs

LAST = "verify"  # the heartbeat that says when the whole ledger was looked at last


@dataclass(frozen=True)
class Verdict:
    """What was found, each with its place; `told` says what was looked at."""

    told: list[str]
    findings: list[Problem]


def verify(
    env: Environment,
    now_utc: datetime,
    root: str | None = None,
    keys: Sequence[str] = (),
    outside: Path | None = None,
    *,
    recompute: bool = False,
) -> Verdict:
    """Check ledger and audit of a city, and keep when that was and how many faults they had.

    Without `root`, `key` and `outside` a store that was rewritten throughout looks sound: `told` says so.
    """
    city, engine = load(env), open_store(env.url)
    rows = ledger.heads(engine)
    if not rows:
        raise fault("ledger", "empty", "at least one posted day", "Run `penstock night` first.")
    findings = [*former_ledger.verify(engine), *ledger.gone(rows, city.folder)]
    findings += verified([ledger.header(row) for row in rows], city.folder / ledger.FOLDER)
    findings += _ends(rows, former_ledger.root(engine), root and root.strip().lower())
    entries = sum(row.rows for row in rows)
    told = [f"{entries:,} entries in {len(rows)} batches, root {rows[-1].root}"]
    batches, before = former_ledger.size(engine)
    told += [f"{before:,} entries in {batches} batches of the former ledger, before them"] if batches else []
    by = [key.strip().lower() for key in keys]
    parts = (_signatures(rows, by), _outside(rows, city, outside), _closed(engine, city), _audit(engine, city, outside, by))
    for lines, found in parts:
        told += lines
        findings += found
    told += (
        []
        if root or keys or outside or city.settings.carbon.outside_roots
        else ["nothing from outside the store was compared: give --root, --key or --outside"]
    )
    if recompute and not findings:
        findings += _recomputed(engine, city)
        told += ["every entry was computed again from the stored usage and the factors"]
    try:
        runs.beat(engine, LAST, now_utc, {"root": rows[-1].root, "batch": rows[-1].number, "faults": len(findings)})
    except DBAPIError as error:  # an auditor's copy may be read-only
        told.append(f"that this was looked at could not be kept: {str(error.orig).strip()}")
    return Verdict(told, findings)


def _audit(engine: Engine, city: LoadedCity, outside: Path | None, keys: Sequence[str]) -> tuple[list[str], list[Problem]]:
    """The audit, against the heads that lie beside the file of roots that was given, or beside those of the city."""
    beside = outside.with_name(f"audit-{outside.name}") if outside else None
    return verifying.check(engine, city, beside if beside and beside.exists() else None, keys)


def _ends(rows: Sequence[Any], genesis: str, root: str | None) -> list[Problem]:
    """The chain begins behind the former ledger and leads through a root that somebody kept: what was cut off or rewritten does not."""
    found = []
    if rows[0].previous != genesis:
        observed = f"behind root {rows[0].previous[:12]}"
        found.append(
            Problem("ledger batch 0", observed, f"root {genesis[:12]} of the former ledger", "Restore the database from a backup.")
        )
    if root is not None and root not in {row.root for row in rows}:
        observed = f"no batch has it; the last one is {rows[-1].number} with root {rows[-1].root[:12]}"
        remedy = "Batches were cut off, or rewritten and sealed again: compare the store with a backup."
        found.append(Problem(f"given root {root[:12]}", observed, "the root of a batch", remedy))
    return found


def _signatures(rows: Sequence[Any], keys: Sequence[str]) -> tuple[list[str], list[Problem]]:
    """Each signature is of its root; given public keys (one after another, when they were changed), each is by one of them."""
    by = " or ".join(key[:16] for key in keys)
    remedy = "Compare the store with a backup, and the key with the one its holder published."
    found = []
    for row in rows:
        subject = f"ledger batch {row.number}"
        if row.signature is None:
            continue
        if keys and row.public_key not in keys:
            found.append(Problem(subject, f"signed by {row.public_key[:16]}", f"signed by {by}", remedy))
        elif not signature.check(row.public_key, row.root, row.signature):
            found.append(Problem(subject, "its signature is not of its root", "a signature of its root", remedy))
    signed = [row for row in rows if row.signature is not None]
    if keys and not signed:
        found.append(Problem("ledger", "no root is signed", f"signed by {by}", remedy))
    elif keys and rows[-1].signature is None:
        found.append(Problem(f"ledger batch {rows[-1].number}", "unsigned", f"signed by {by}", remedy))
    theirs = ", ".join(sorted({row.public_key for row in signed}))
    return [f"{len(signed)} of {len(rows)} roots signed" + (f" by {theirs}" if theirs else "")], found


def _outside(rows: Sequence[Any], city: LoadedCity, outside: Path | None) -> tuple[list[str], list[Problem]]:
    """Against the file that was given, else against every one of [carbon] outside_roots that can be read."""
    told, found = list[str](), list[Problem]()
    for path in [outside] if outside else [city.folder / name for name in city.settings.carbon.outside_roots]:
        try:
            kept = roots.read(path)
        except PenstockError as error:
            found += error.problems
            continue
        found += roots.differences(kept, rows, path)
        told.append(f"{len({one.root for one in kept} & {row.root for row in rows})} of {len(rows)} roots in {path}")
    return told, found


def _closed(engine: Engine, city: LoadedCity) -> tuple[list[str], list[Problem]]:
    """Each sign-off against the batches it rested on."""
    found: list[Problem] = []
    closed = closing.closes(engine)
    for row in closed:
        sums = closing.sums(closing.as_of(engine, city, row.period, row.batch), city, row.period)
        if sums != row.sums:
            remedy = "Compare the store with a backup."
            found.append(
                Problem(
                    f"period {row.period}, sign-off {row.number}", "other sums than its batches give", "the sums that were signed", remedy
                )
            )
    return [f"{len(closed)} sign-offs"] if closed else [], found


def _recomputed(engine: Engine, city: LoadedCity) -> Iterator[Problem]:
    """Days of which the stored usage and the factors give other entries now."""
    rows, zone = ledger.heads(engine), city.settings.city.time_zone
    made = Posting(engine, city, rows[-1].known_at_utc)
    day, last = min(row.first_day for row in rows), max(row.last_day for row in rows)
    days = [civil_day(day + timedelta(days=n), zone) for n in range((last - day).days + 1)]
    for some in made.chunks([one for one in days if one[1] > one[0]]):
        batch = made.differing(some, "recomputed")
        if batch is None:
            continue
        for number, line in enumerate(batch.lines):
            mine = batch.columns["line"] == number
            if not mine.any():
                continue
            starts, back = batch.columns["start"][mine], int((batch.columns["reverses"][mine] != NOTHING).sum())
            first, final = (local_date(from_micros(time), zone) for time in (starts.min(), starts.max()))
            observed = f"{back} entries that usage, account and factors do not give now, {len(starts) - back} that they give instead"
            remedy = "Look for an edited reading, account or factor; `penstock carbon restate` takes it in."
            yield Problem(f"account '{line.account_id}', {first} to {final}", observed, "the same entries", remedy)
