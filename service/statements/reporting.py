"""`penstock report`: statements of a month or year, from a ledger that was verified first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from carbon.ledger.verify import verify
from carbon.statements.document import Document
from carbon.statements.tidy import write_csv, write_json
from carbon.statements.totals import addressed
from city.problems import PenstockError, Problem, fault
from service.books.closing import span
from service.environment import Environment
from service.settings import LoadedCity, load, path_of
from service.statements.kinds import KINDS, Asked
from service.statements.source import digest, period_of, source
from service.store import ledger, open_store

FORMATS = ("csv", "xlsx", "pdf", "json")


def verified(engine: Engine, city: LoadedCity) -> None:
    """Check every batch of the ledger against its hashes. Raises `PenstockError` when one differs, or when there is none."""
    heads = ledger.heads(engine)
    if not heads:
        raise fault("ledger", "empty", "at least one posted day", "Run `penstock night` first.")
    problems = verify([ledger.header(row) for row in heads], city.folder / ledger.FOLDER, heads[-1].root)
    if problems:
        raise PenstockError(problems)


def write_reports(
    env: Environment,
    period: str | None,
    kinds: Sequence[str] = (),
    formats: Sequence[str] = (),
    language: str = "en",
    now_utc: datetime | None = None,
) -> tuple[list[Path], list[Problem]]:
    """Write statements of `period` (a civil month or year, the last posted month when None) into reports/<period>, and its proof.

    `kinds` of `KINDS` and `formats` of `FORMATS`; none: all that the city has. JSON is always written: it carries the addresses that
    `penstock explain` follows. Returns the paths, and what kept statements that were not asked for by name from being made. Raises
    `PenstockError` for a ledger that was tampered with, a period without entries, an unknown kind, and a kind that was asked for.
    """
    for name, asked, known in (("kind", kinds, KINDS), ("format", formats, FORMATS)):
        if unknown := [one for one in asked if one not in known]:
            raise fault(f"--{name}", unknown[0], ", ".join(known), "Choose among these.")
    city = load(env)
    engine = open_store(env.url)
    verified(engine, city)
    wanted = period_of(engine, period)
    folder = city.folder / "reports" / wanted
    digests = _proof(engine, city, wanted, folder / "proof")
    of = Asked(engine, city, source(engine, city, wanted, language, digests), now_utc or datetime.now(UTC))
    paths: list[Path] = []
    problems: list[Problem] = []
    for kind in kinds or KINDS:
        try:
            for name, document in KINDS[kind](of):
                stem = name if language == "en" else f"{name}-{language}"
                paths += _write(addressed(document, of.source), folder, stem, formats or FORMATS)
        except PenstockError as error:
            if kinds:
                raise
            problems += error.problems
    if not paths:
        raise fault(f"statement '{', '.join(kinds)}'", "nothing to report", "a city that has such entries", "Add them to city.toml first.")
    return paths, problems


def _proof(engine: Engine, city: LoadedCity, period: str, folder: Path) -> dict[str, str]:
    """Write the proof of a period beside its statements; SHA-256 [hex] of each of its files but the batches, which are named by theirs."""
    from carbon.ledger.export import export

    start, end = span(period, city.settings.city.time_zone)
    head = ledger.head(engine)
    signed = {"root": head.root, "signature": head.signature, "public_key": head.public_key} if head and head.signature else None
    books = ledger.open_ledger(engine, city.folder)
    made = export(books, folder, zone=city.settings.city.time_zone, start=start, end=end, signature=signed)
    return {f"proof/{path.name}": digest(path.read_bytes()) for path in made if path.suffix != ".zip"}


def _write(document: Document, folder: Path, stem: str, formats: Sequence[str]) -> list[Path]:
    path_of(folder, stem)  # a name out of the city file must not lead out of the folder
    paths = [write_json(document, folder / f"{stem}.json")]
    if "csv" in formats:
        write_csv(document, folder / stem)
        paths.append(folder / stem)
    if "xlsx" in formats:
        from carbon.statements.xlsx import write_xlsx

        paths.append(write_xlsx(document, folder / f"{stem}.xlsx"))
    if "pdf" in formats:
        from carbon.statements.pdf import write_pdf

        paths.append(write_pdf(document, folder / f"{stem}.pdf"))
    return paths
