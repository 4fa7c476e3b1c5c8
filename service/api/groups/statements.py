"""What is accounted for: statements as `penstock report` wrote them, byte for byte, and the chain of the ledger behind them."""

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import select

from city.problems import Problem
from service import schema as t
from service.api.moments import iso
from service.api.operation import Asked, File, declared
from service.api.parameters import text
from service.api.problem import Denied, missing
from service.api.shapes import DAY, SHA256, TEXT, TIME, WHOLE, Shape, maybe, page, told

MEDIA = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_BYTES = 64 << 20
STATEMENT = Shape(
    "Statement",
    {
        "period": told(TEXT, "civil month or year, as 2022-06"),
        "name": told(TEXT, "the name under which its bytes are given"),
        "media_type": TEXT,
        "bytes": WHOLE,
        "sha256": SHA256,
        "path": told(TEXT, "where its bytes are, below this server"),
    },
)
BATCH = Shape(
    "LedgerBatch",
    {
        "number": WHOLE,
        "first_day": DAY,
        "last_day": DAY,
        "entries": WHOLE,
        "known_at_utc": TIME,
        "reason": told(TEXT, "of a restatement; empty when posted for the first time"),
        "merkle": told(SHA256, "root of the tree over its entries"),
        "previous": told(TEXT, "root of the batch before"),
        "root": SHA256,
        "public_key": told(maybe(TEXT), "Ed25519, hex; null: unsigned"),
        "signature": maybe(TEXT),
    },
)
PERIOD = text("period", "a civil month or year, as 2022-06")
OF = text("period", "a civil month or year, as 2022-06", place="path")
NAME = text("name", "name of a statement, as the list gives it, / written as ~", place="path")


@declared("/v1/statements", "statements", PERIOD, answer=page(STATEMENT), group="statements", whole_city=True)
def list_statements(asked: Asked) -> dict[str, Any]:
    """The statements that `penstock report` has written, with the SHA-256 of each; by period and name."""
    after = tuple(asked.after(str, str) or ("", ""))
    items: list[dict[str, Any]] = []
    for period, name, path in _files(asked):
        if (period, name) <= after or asked["period"] not in (None, period):
            continue
        if len(items) > asked["limit"]:
            break
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        items.append(
            {
                "period": period,
                "name": name,
                "media_type": MEDIA[path.suffix],
                "bytes": path.stat().st_size,
                "sha256": digest,
                "path": f"/v1/statements/{period}/{name}",
            }
        )
    return asked.page(items, lambda item: [item["period"], item["name"]])


@declared("/v1/statements/{period}/{name}", "statements", OF, NAME, answer=None, group="statements", whole_city=True)
def get_statement(asked: Asked) -> File:
    """The bytes of a statement exactly as they were written; `Repr-Digest` (RFC 9530) and `ETag` are its SHA-256."""
    found = next((path for period, name, path in _files(asked) if (period, name) == (asked["period"], asked["name"])), None)
    if found is None:
        raise missing(f"statement {asked['name']!r} of {asked['period']!r}")
    if found.stat().st_size > MOST_BYTES:
        remedy = "Fetch it from the city's own disk."
        raise Denied(413, Problem(f"statement {asked['name']!r}", f"{found.stat().st_size} bytes", f"{MOST_BYTES} bytes", remedy))
    return File(found.read_bytes(), MEDIA[found.suffix], asked["name"])


@declared("/v1/ledger/batches", "statements", answer=page(BATCH), group="statements", whole_city=True)
def list_ledger_batches(asked: Asked) -> dict[str, Any]:
    """The batches of the carbon ledger in their order: hashes, roots and signatures with which anybody can hold a statement against it."""
    b, (after,) = t.ledger_batch.c, asked.after(int) or (-1,)
    statement = select(t.ledger_batch).where(b.number > after).order_by(b.number).limit(asked["limit"] + 1)
    with asked.engine.connect() as connection:
        rows = connection.execute(statement).all()
    return asked.page([_batch(row) for row in rows], lambda item: [item["number"]])


def _batch(row: Any) -> dict[str, Any]:
    return {
        "number": row.number,
        "first_day": str(row.first_day),
        "last_day": str(row.last_day),
        "entries": row.rows,
        "known_at_utc": iso(row.known_at_utc),
        "reason": row.reason,
        "merkle": row.merkle,
        "previous": row.previous,
        "root": row.root,
        "public_key": row.public_key,
        "signature": row.signature,
    }


def _files(asked: Asked) -> list[tuple[str, str, Path]]:
    """(period, name, path) of every statement there is: a name that was asked for is looked up here and never becomes a path."""
    root, found = asked.folder / "reports", list[tuple[str, str, Path]]()
    for folder in root.iterdir() if root.is_dir() else ():
        for path in folder.rglob("*") if folder.is_dir() and not folder.is_symlink() else ():
            own = path.relative_to(folder)
            if path.suffix in MEDIA and own.parts[0] != "proof" and path.is_file() and not path.is_symlink():
                found.append((folder.name, own.as_posix().replace("/", "~"), path))
    return sorted(found)


OPERATIONS = (list_statements, get_statement, list_ledger_batches)
