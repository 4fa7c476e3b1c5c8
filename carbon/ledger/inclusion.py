"""Proof that one entry is in the ledger: the few blocks it stands in and the hashes beside their way up to a root."""

import base64
import zlib
from typing import Any

from carbon.ledger import files
from carbon.ledger.batch import COLUMNS
from carbon.ledger.chain import to_json
from carbon.ledger.ledger import Ledger
from carbon.ledger.merkle import ROWS, TEXTS, audit_path, digests, leaves, text_blocks


def inclusion(ledger: Ledger, name: str) -> dict[str, Any]:
    """The proof of the entry `<batch>-<row>` against the ledger's root, as JSON data of some tens of kilobytes.

    It holds the headers from the entry's batch to the last, and four leaves of the batch's tree - rows.json, the lines and the rules
    around the entry's own, and its block of rows - each with the hashes beside its way to the Merkle root (RFC 6962, section 2.1.1).
    `python verify_entry.py ENTRY.json ROOT` checks it. Raises `PenstockError` when there is no such entry.
    """
    one, row = ledger.find(name)
    batch = one.batch
    said = files.dictionaries(batch)
    told = files.rows_json(batch.columns, said)
    tree = leaves(told, said, digests(batch.columns))
    lines, rules = (text_blocks(text) for text in said)
    line, rule, block = int(batch.columns["line"][row]) // TEXTS, int(batch.columns["rule"][row]) // TEXTS, row // ROWS
    rows = b"".join(batch.columns[column][block * ROWS : (block + 1) * ROWS].tobytes() for column in COLUMNS)
    places = [(0, told), (1 + line, lines[line]), (1 + len(lines) + rule, rules[rule]), (1 + len(lines) + len(rules) + block, rows)]
    return {
        "entry": name,
        "headers": [to_json(later.header) for later in ledger.batches if later.header.number >= one.header.number],
        "leaves": [{"data": base64.b64encode(zlib.compress(data, 9)).decode(), "beside": audit_path(tree, at)} for at, data in places],
    }
