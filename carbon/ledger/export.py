"""What leaves the house with a statement: the chain, the batches it rests on, its sums, and the verifiers."""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

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
    frame = ledger.book(by, zone=zone, period=period, start=start, end=end)
    edges = Periods(micros(as_utc(start)), micros(as_utc(end)) - 1, zone, period)
    names = [name for name in (*book.OF_LINE, *book.OF_RULE) if name in frame.columns]
    place = {label: number for number, label in enumerate(edges.labels)}
    keyed = frame.assign(period=[place[label] for label in frame["period"]])[[*names, "period", *SUMS]]
    kept = keyed[keyed[list(SUMS)].any(axis=1)] if len(keyed) else keyed
    rows = sorted(list(row) for row in zip(*(kept[name].tolist() for name in kept.columns), strict=True))
    bounds = np.clip(edges.edges, micros(as_utc(start)), micros(as_utc(end))).tolist()
    told = {"by": names, "zone": zone, "labels": edges.labels, "edges": bounds, "of": list(SUMS), "sums": rows}
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
