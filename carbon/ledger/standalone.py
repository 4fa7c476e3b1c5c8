"""Check an exported carbon ledger with Python alone: python verify.py FOLDER ROOT, where ROOT is the root that the statement prints.

FOLDER holds chain.json, files of batches and, beside a statement, sums.json. Every hash and the chain are checked against the root, every
mass is computed again from its amount and rule, and the sums are added up again. docs/ledger.md describes the format.
"""

# mypy: ignore-errors
import json
import sys
import zipfile
from array import array
from bisect import bisect_right
from hashlib import sha256
from pathlib import Path

NAMES = ["line", "rule", "start", "seconds", "amount", "mg", "quality", "version", "counts", "reverses"]
TYPES = dict(zip(NAMES, "iiqiqqiibq", strict=True))
LINE = ["account_id", "point_id", "quantity", "scope", "gpc", "activity", "carrier", "site", "district", "sector"]
RULE = ["rule_id", "gas", "numerator", "denominator", "kind", "basis", "parts", "provisional", "note"]
CHAINED = ["previous", "number", "rows", "start", "end", "known_at_utc", "reason", "merkle"]
faults = []
check = lambda true, sentence: None if true else faults.append(sentence)  # noqa: E731 - one line of a hundred


def chain(headers, root):
    for place, head in enumerate(headers):
        made = sha256(json.dumps([head[name] for name in CHAINED], separators=(",", ":")).encode()).hexdigest()
        follows = place == 0 or head["previous"] == headers[place - 1]["root"]
        check(made == head["root"], f"batch {head['number']}: its header was edited")
        check(follows and head["number"] == place, f"batch {head['number']}: moved, or a batch before it lacks")
    check(headers and headers[-1]["root"] == root, "the chain does not end at the given root: cut off, or rewritten and sealed again")


def root_of(contents):
    level = [sha256(b"\0" + content).digest() for content in contents]
    while len(level) > 1:
        pairs = (level[i : i + 2] for i in range(0, len(level), 2))
        level = [sha256(b"\1" + pair[0] + pair[1]).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex()


def mass(amount, rule):
    whole, rest = divmod(amount * rule["numerator"], rule["denominator"])
    return whole + (2 * rest > rule["denominator"] or (2 * rest == rule["denominator"] and whole & 1))


def state(quality):  # 0 measured, 1 estimated, 2 substituted, 3 missing
    return 3 if quality & 16 or not quality & 15 else 2 if quality & 2 else 1 if quality & 12 else 0


def batch(path, head, wanted, sums):
    subject, rows = f"batch {head['number']}", head["rows"]
    with zipfile.ZipFile(path) as file:
        read = {name: file.read(name) for name in file.namelist()}
    told, kept = json.loads(read["rows.json"]), read["digests.npy"][128:]
    once = {name: array(code, [told["same"][name]]) * rows for name, code in TYPES.items() if name in told["same"]}
    columns = [once.get(name) or array(code, read[f"{name}.npy"][128:]) for name, code in TYPES.items()]  # little-endian, as most machines
    leaves, fields = [read["rows.json"]], []
    for name, names, digest in zip(("lines.jsonl", "rules.jsonl"), (LINE, RULE), told["sha256"], strict=True):
        check(sha256(read[name]).hexdigest() == digest, f"{subject}, {name}: edited")
        texts = read[name].splitlines(keepends=True)
        leaves += [b"".join(texts[i : i + 64]) for i in range(0, len(texts), 64)]
        fields.append([dict(zip(names, json.loads(text), strict=True)) for text in texts])
    for first in range(0, rows, 1024):
        digests = [sha256(column[first : first + 1024].tobytes()).digest() for column in columns]
        leaves.append(b"".join(digests))
        for name, digest, at in zip(TYPES, digests, range(first // 1024 * 320, len(kept), 32), strict=False):
            check(kept[at : at + 32] == digest, f"{subject}, column {name}, rows {first} to {min(first + 1024, rows) - 1}: edited")
    check(root_of(leaves) == head["merkle"] and {*map(len, columns)} == {rows}, f"{subject}: its content is not what was sealed")
    of_line, of_rule = ([tuple(one[name] for name in wanted["by"] if name in one) for one in part] for part in fields)
    edges, wrong = wanted["edges"], 0
    for line, rule, start, _, amount, mg, quality, _, counts, reverses in zip(*columns, strict=True):
        wrong += mass(amount, fields[1][rule]) != mg
        if edges[0] <= start < edges[-1]:
            total = sums.setdefault((of_line[line], of_rule[rule], bisect_right(edges, start) - 1), [0] * 6)
            total[0] += amount * counts
            total[1] += mg
            total[2 + state(quality)] += counts if reverses == -1 else -counts
    check(not wrong, f"{subject}: {wrong} masses that their rules do not give")


def main(folder, root):
    headers, sums = json.loads((folder / "chain.json").read_text("utf-8")), {}
    told, every = folder / "sums.json", {"by": [], "edges": [-(2**63), 2**63], "sums": None}
    wanted = json.loads(told.read_text("utf-8")) if told.exists() else every
    chain(headers, root)
    for head in headers:
        if head["rows"] and head["end"] > wanted["edges"][0] and head["start"] < wanted["edges"][-1]:
            try:
                batch(folder / f"{head['merkle']}.zip", head, wanted, sums)
            except Exception as error:  # whatever a file was made into, it is named and the next one is looked at
                faults.append(f"batch {head['number']}: file {head['merkle']}.zip is missing or cannot be read ({type(error).__name__})")
    made = sorted([*key[0], *key[1], key[2], *total] for key, total in sums.items() if any(total))
    check(wanted["sums"] in (None, made), "the entries do not add up to the sums of the statement")
    sys.stdout.write("" if faults else f"sound: {len(headers)} batches, {sum(head['rows'] for head in headers)} entries, root {root}\n")
    return "\n".join(faults) or 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]) if len(sys.argv) == 3 else __doc__)
