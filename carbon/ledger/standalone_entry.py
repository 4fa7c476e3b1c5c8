"""Check the proof of one entry of a carbon ledger with Python alone: python verify_entry.py ENTRY.json ROOT.

ENTRY.json holds the blocks the entry stands in and the hashes beside their way up; ROOT is the root that the statement prints. The entry
is shown with its account, its rule and its mass, which is computed again. docs/ledger.md describes the format.
"""

import json
import sys
from array import array
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import decompress

NAMES = ["line", "rule", "start", "seconds", "amount", "mg", "quality", "version", "counts", "reverses"]
LINE = ["account_id", "point_id", "quantity", "scope", "gpc", "activity", "carrier", "site", "district", "sector"]
RULE = ["rule_id", "gas", "numerator", "denominator", "kind", "basis", "parts", "provisional", "note"]
CHAINED = ["previous", "number", "rows", "start", "end", "known_at_utc", "reason", "merkle"]


def chained(headers: list[dict[str, Any]], root: str) -> bool:
    for place, head in enumerate(headers):
        made = sha256(json.dumps([head[name] for name in CHAINED], separators=(",", ":")).encode()).hexdigest()
        if made != head["root"] or (place and head["previous"] != headers[place - 1]["root"]):
            return False
    return bool(headers[-1]["root"] == root)


def climbed(leaf: bytes, index: int, size: int, beside: list[str]) -> str:
    """The root above a leaf of a tree of that many leaves; the last of an odd number moves up as it is."""
    node, others = sha256(b"\0" + leaf).digest(), [bytes.fromhex(text) for text in beside]
    while size > 1:
        if index ^ 1 < size:
            other = others.pop(0)
            node = sha256(b"\1" + (other + node if index & 1 else node + other)).digest()
        index, size = index // 2, (size + 1) // 2
    return node.hex()


def entry(proof: dict[str, Any], root: str) -> dict[str, Any]:
    """The entry as name and value. Raises `ValueError` or whatever a forged proof runs into."""
    head = proof["headers"][0]
    told_text, lines, rules, rows = (decompress(b64decode(leaf["data"])) for leaf in proof["leaves"])
    told, (number, row) = json.loads(told_text), map(int, proof["entry"].split("-"))
    if (
        f"{number}-{row}" != proof["entry"]
        or not chained(proof["headers"], root)
        or head["number"] != number
        or not 0 <= row < told["rows"] == head["rows"]
    ):
        raise ValueError("the headers do not lead from the entry's batch to the root")
    columns, height = [], min(1024, told["rows"] - row // 1024 * 1024)
    for code in "iiqiqqiibq":  # little-endian, as most machines
        width = array(code).itemsize * height
        columns.append(array(code, rows[:width]))
        rows = rows[width:]
    found = dict(zip(NAMES, (column[row % 1024] for column in columns), strict=True))
    before = [1, 1 + -(-told["lines"] // 64), 1 + -(-told["lines"] // 64) + -(-told["rules"] // 64)]
    places = [0, before[0] + found["line"] // 64, before[1] + found["rule"] // 64, before[2] + row // 1024]
    digests = b"".join(sha256(column.tobytes()).digest() for column in columns)
    size = before[2] + -(-told["rows"] // 1024)
    for leaf, index, part in zip((told_text, lines, rules, digests), places, proof["leaves"], strict=True):
        if climbed(leaf, index, size, part["beside"]) != head["merkle"]:
            raise ValueError("a block does not lead to the Merkle root of the batch")
    line = dict(zip(LINE, json.loads(lines.splitlines()[found["line"] % 64]), strict=True))
    rule = dict(zip(RULE, json.loads(rules.splitlines()[found["rule"] % 64]), strict=True))
    whole, rest = divmod(found["amount"] * rule["numerator"], rule["denominator"])
    if whole + (2 * rest > rule["denominator"] or (2 * rest == rule["denominator"] and whole & 1)) != found["mg"]:
        raise ValueError("the mass is not what amount and rule give")
    return {"entry": proof["entry"], **line, **rule, **found}


def main(path: Path, root: str) -> str | int:
    try:
        found = entry(json.loads(path.read_text("utf-8")), root)
    except Exception as error:  # whatever a forged proof runs into, it proves nothing
        return f"NOT PROVED: {error} ({type(error).__name__})"
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in found.items()) + f"proved by root {root}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]) if len(sys.argv) == 3 else __doc__)
