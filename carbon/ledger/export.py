"""What leaves the house with a statement: the chain, the batches it rests on, its sums, and the verifiers."""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from carbon.ledger import book, files, standalone, standalone_entry
from carbon.ledger.chain import to_json
from carbon.ledger.civil import Period, Periods, micros
from carbon.ledger.coverage import STATES
from carbon.ledger.ledger import Ledger
from city.clock import as_utc
from city.problems import fault

SUMS = ("amount", "mg", *STATES)


def export(
    ledger: Ledger,
    folder: Path,
    *,
    zone: str,
    start: datetime,
    end: datetime,
    period: Period = "M",
    by: Sequence[str] = book.KEYS,
    signature: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Write chain.json, sums.json, the files of batches that touch [start, end) and the verifiers; returns the paths.

    `ledger` is a whole chain from batch 0. sums.json holds `Ledger.book` of the same arguments with the periods as times, so that
    `python verify.py FOLDER ROOT` adds the entries up again without a time zone database. `signature` (root, signature and public key,
    hex) goes into chain.json's neighbour signature.json. The same ledger gives the same bytes.
    """
    if [one.header.number for one in ledger.batches] != list(range(len(ledger.batches))) or not ledger.batches:
        numbers = [one.header.number for one in ledger.batches[:3]]
        raise fault("export of the ledger", f"batches {numbers} ...", "all batches from number 0", "Export the whole chain.")
    folder.mkdir(parents=True, exist_ok=True)
    told = _sums(ledger, start, end, zone, period, by)
    made = [folder / "chain.json", folder / "sums.json", folder / "verify.py", folder / "verify_entry.py"]
    texts = [
        json.dumps([to_json(one.header) for one in ledger.batches], indent=0),
        json.dumps(told, ensure_ascii=False, separators=(",", ":")),
        *(Path(str(script.__file__)).read_text(encoding="utf-8") for script in (standalone, standalone_entry)),
    ]
    if signature is not None:
        made.append(folder / "signature.json")
        texts.append(json.dumps(dict(signature), sort_keys=True))
    for path, text in zip(made, texts, strict=True):
        path.write_text(text, encoding="utf-8", newline="\n")
    for one in ledger.between(start, end).batches:
        path = files.file_of(folder, one.header.merkle)
        if isinstance(one.source, Path):
            shutil.copyfile(files.file_of(one.source, one.header.merkle), path)
        else:
            files.write(one.source, folder)
        made.append(path)
    return tuple(made)


def _sums(ledger: Ledger, start: datetime, end: datetime, zone: str, period: Period, by: Sequence[str]) -> dict[str, Any]:
    """`Ledger.book` as the verifier adds it up: keys, place of the period, amount, mg and entries by state; rows of nothing left out."""
    first, last = micros(as_utc(start)), micros(as_utc(end))
    frame = ledger.book(by, zone=zone, period=period, start=start, end=end)
    periods = Periods(first, last - 1, zone, period)
    names = [name for name in (*book.OF_LINE, *book.OF_RULE) if name in frame.columns]
    place = {label: number for number, label in enumerate(periods.labels)}
    kept = frame[frame[list(SUMS)].any(axis=1)] if len(frame) else frame
    columns = [
        *(kept[name].tolist() for name in names),
        [place[label] for label in kept["period"]],
        *(kept[name].tolist() for name in SUMS),
    ]
    edges = np.clip(periods.edges, first, last).tolist()
    rows = sorted(list(row) for row in zip(*columns, strict=True))
    return {"by": names, "zone": zone, "labels": periods.labels, "edges": edges, "of": list(SUMS), "sums": rows}
