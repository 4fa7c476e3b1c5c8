"""`penstock report`: statements of a month or year, from a ledger that was verified first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from carbon.ledger.verify import verify
from carbon.statements.document import Document
from carbon.statements.tidy import write_csv, write_json
from city.problems import PenstockError, fault
from service.environment import Environment
from service.settings import LoadedCity, load
from service.statement_kinds import KINDS, Asked
from service.statement_source import last_period, source
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
) -> list[Path]:
    """Write statements of `period` (a civil month or year, the last posted month when None) into reports/<period>. Returns the paths.

    `kinds` of `KINDS` and `formats` of `FORMATS`; none: all that the city has. JSON is always written: it carries the addresses that
    `penstock explain` follows. Raises `PenstockError` for a ledger that was tampered with, a period without entries, an unknown kind.
    """
    for name, asked, known in (("kind", kinds, KINDS), ("format", formats, FORMATS)):
        if unknown := [one for one in asked if one not in known]:
            raise fault(f"--{name}", unknown[0], ", ".join(known), "Choose among these.")
    city = load(env)
    engine = open_store(env.url)
    verified(engine, city)
    wanted = period or last_period(engine)
    of = Asked(engine, city, source(engine, city, wanted, language), now_utc or datetime.now(UTC))
    folder = city.folder / "reports" / wanted
    paths: list[Path] = []
    for kind in kinds or KINDS:
        for name, document in KINDS[kind](of):
            paths += _write(document, folder, name if language == "en" else f"{name}-{language}", formats or FORMATS)
    if not paths:
        raise fault(f"statement '{', '.join(kinds)}'", "nothing to report", "a city that has such entries", "Add them to city.toml first.")
    return paths


def _write(document: Document, folder: Path, stem: str, formats: Sequence[str]) -> list[Path]:
    paths = [write_json(document, folder / f"{stem}.json")]
    if "csv" in formats:
        paths += write_csv(document, folder, stem)
    if "xlsx" in formats:
        from carbon.statements.xlsx import write_xlsx

        paths.append(write_xlsx(document, folder / f"{stem}.xlsx"))
    if "pdf" in formats:
        from carbon.statements.pdf import write_pdf

        paths.append(write_pdf(document, folder / f"{stem}.pdf"))
    return paths
