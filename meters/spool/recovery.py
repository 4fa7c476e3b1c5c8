"""What can still be read of a spool whose file is damaged. Batches that were handed over before are recognised by the store."""

import sqlite3
from contextlib import closing
from pathlib import Path

from city.problems import PenstockError, fault
from meters.spool.packing import Batch
from meters.spool.spool import Spool


def recover(damaged: Path, spool: Spool) -> tuple[int, int]:
    """Keep every whole batch of the file `damaged` in `spool` as well; `damaged` is not changed.

    Returns how many batches were kept and how many are lost, by the numbers they had. Raises `PenstockError` when nothing can be read.
    """
    kept = lost = 0
    try:
        with closing(sqlite3.connect(f"file:{damaged.absolute()}?mode=ro", uri=True)) as base:
            # Two questions: each walks to one end of the tree, where one for both would read the whole of it.
            (first,) = base.execute("SELECT min(sequence) FROM batch").fetchone()
            (last,) = base.execute("SELECT max(sequence) FROM batch").fetchone()
            for sequence in range(first or 1, (last or 0) + 1):
                batch = _read(base, sequence)
                if isinstance(batch, Batch):
                    spool.keep(batch, len(batch.readings()))
                    kept += 1
                else:
                    lost += batch
    except sqlite3.DatabaseError as error:
        remedy = "`sqlite3 FILE .recover` of the SQLite project may find more."
        raise fault(f"spool {damaged}", str(error), "a spool that can be read in part", remedy) from None
    return kept, lost


def _read(base: sqlite3.Connection, sequence: int) -> Batch | int:
    """The batch of that number when it is whole, 0 when there is none, 1 when it is damaged."""
    try:
        row = base.execute(
            "SELECT batch_id, CAST(content AS BLOB), origin, reason FROM batch NOT INDEXED WHERE sequence = ?", (sequence,)
        ).fetchone()
        if row is None:
            return 0
        batch = Batch(*row)
        batch.readings()
    except (sqlite3.DatabaseError, PenstockError):
        return 1
    return batch
