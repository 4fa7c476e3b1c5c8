"""Check every byte of an exported carbon ledger (see docs/ledger.md): python verify.py FOLDER ROOT, the root that the statement prints."""

# mypy: ignore-errors
import json
import sys
import zipfile
from array import array
from bisect import bisect_right
from hashlib import sha256
from pathlib import Path
from struct import pack
from zlib import crc32

NAMES = ["line", "rule", "start", "seconds", "amount", "mg", "quality", "version", "counts", "reverses"]
TYPES = dict(zip(NAMES, "iiqiqqiibq", strict=True))
KINDS = {"i": "<i4", "q": "<i8", "b": "|i1"}
LINE = ["account_id", "point_id", "quantity", "scope", "gpc", "activity", "carrier", "site", "district", "sector"]
RULE = ["rule_id", "gas", "numerator", "denominator", "kind", "basis", "parts", "provisional", "note"]
CHAINED = ["previous", "number", "rows", "start", "end", "known_at_utc", "reason", "merkle"]
faults, check = [], lambda true, sentence: None if true else faults.append(sentence)


def framed(members):  # the file of the members, to the byte
    made, behind = b"", b""
    for name, data in members.items():
        known, fill = (0, 0, 0, 33, crc32(data), len(data), len(data), len(name)), -(len(made) + 34 + len(name)) % 64
        behind += pack("<4s6H3I5H2I", b"PK\1\2", 10, 10, *known, 0, 0, 0, 0, 0, len(made)) + name.encode()
        made += pack("<4s5H3I2H", b"PK\3\4", 10, *known, fill + 4) + name.encode() + pack("<2H", 0xD935, fill) + bytes(fill) + data
    return made + behind + pack("<4s4H2IH", b"PK\5\6", 0, 0, len(members), len(members), len(behind), len(made), 0)


def batch(path, head, edges, by, sums):
    subject, wrong, leaves, fields = f"batch {head['number']}", 0, [], []
    with zipfile.ZipFile(path) as file:  # nothing is unpacked
        read = {one.filename: file.read(one) for one in file.infolist() if one.compress_type == zipfile.ZIP_STORED}
    told, kept, members = json.loads(read["rows.json"]), read["digests.npy"][128:], {name: read[name] for name in [*read][:3]}
    rows = min(head["rows"], len(kept) // 320 * 1024)
    once = {name: array(TYPES[name], [value]) * rows for name, value in told["same"].items()}
    columns = [once.get(name) or array(code, read[f"{name}.npy"][128:]) for name, code in TYPES.items()]  # little-endian, as most machines
    for name in [*(name for name in TYPES if name not in once), "digests"]:
        kind, shape = (KINDS[TYPES[name]], f"({rows},)") if name in TYPES else ("|u1", f"({-(-rows // 1024)}, 10, 32)")
        said = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117)
        members[f"{name}.npy"] = b"\x93NUMPY\1\0v\0" + said + b"\n" + read[f"{name}.npy"][128:]
    check(path.read_bytes() == framed(members), f"{subject}: bytes of the file outside its data were edited")
    for name, names, digest in zip(("lines.jsonl", "rules.jsonl"), (LINE, RULE), told["sha256"], strict=True):
        check(sha256(read[name]).hexdigest() == digest, f"{subject}, {name}: edited")
        texts = read[name].splitlines(keepends=True)
        leaves += [b"".join(texts[i : i + 64]) for i in range(0, len(texts), 64)]
        fields.append([dict(zip(names, json.loads(text), strict=True)) for text in texts])
    for begin in range(0, rows, 1024):
        digests = [sha256(column[begin : begin + 1024].tobytes()).digest() for column in columns]
        leaves.append(b"".join(digests))
        for name, digest, at in zip(TYPES, digests, range(begin // 1024 * 320, len(kept), 32), strict=False):
            check(kept[at : at + 32] == digest, f"{subject}, column {name}, rows {begin} to {min(begin + 1024, rows) - 1}: edited")
    level = [sha256(b"\0" + leaf).digest() for leaf in (read["rows.json"], *leaves)]
    while level[1:]:  # as RFC 6962 says
        level = [sha256(b"\1" + b"".join(level[i : i + 2])).digest() if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    check(level[0].hex() == head["merkle"] and {*map(len, columns)} == {head["rows"]}, f"{subject}: its content is not what was sealed")
    of_line, of_rule = ([tuple(one[name] for name in by if name in one) for one in part] for part in fields)
    for line, rule, start, _, amount, mg, quality, _, counts, reverses in zip(*columns, strict=True):
        under, off = fields[1][rule]["denominator"], 2 * abs(amount * fields[1][rule]["numerator"] - mg * fields[1][rule]["denominator"])
        wrong += off > under or (off == under and mg % 2)  # half to even
        if edges[0] <= start < edges[-1]:
            state = 3 if quality & 16 or not quality & 15 else 2 if quality & 2 else 1 if quality & 12 else 0
            total = sums.setdefault((of_line[line], of_rule[rule], bisect_right(edges, start) - 1), [0] * 6)
            total[0] += amount * counts
            total[1] += mg
            total[2 + state] += counts if reverses == -1 else -counts
    check(not wrong, f"{subject}: {wrong} masses that their rules do not give")


def main(folder, root):
    try:
        headers, sums = json.loads((folder / "chain.json").read_bytes()), {}
        told = (folder / "sums.json").read_bytes() if (folder / "sums.json").exists() else b""
        wanted = json.loads(told or b'{"by": [], "edges": [-1e99, 1e99]}')
        for place, head in enumerate(headers):
            made = sha256(json.dumps([head[name] for name in CHAINED], separators=(",", ":")).encode()).hexdigest()
            follows = place == 0 or head["previous"] == headers[place - 1]["root"]
            check(made == head["root"], f"batch {head['number']}: its header was edited")
            check(follows and head["number"] == place, f"batch {head['number']}: moved, or a batch before it lacks")
        check(headers and headers[-1]["root"] == root, "the chain does not end at the given root: cut off, or rewritten and sealed again")
        read = [head for head in headers if head["rows"] and head["end"] > wanted["edges"][0] and head["start"] < wanted["edges"][-1]]
        for head in read:
            try:
                batch(folder / f"{head['merkle']}.zip", head, wanted["edges"], wanted["by"], sums)
            except Exception as error:  # whatever a file was made into, it is named and the next one is looked at
                faults.append(f"batch {head['number']}: file {head['merkle']}.zip is missing or cannot be read ({type(error).__name__})")
        made = sorted([*key[0], *key[1], key[2], *total] for key, total in sums.items() if any(total))
        check(not told or wanted["sums"] == made, "the entries do not add up to the sums of the statement")
        entries, digest = sum(head["rows"] for head in read), sha256(told).hexdigest() if told else "none"
        sound = f"sound: {len(headers)} batches, root {root}; {entries} entries of {len(read)} batches read; sums.json {digest}\n"
    except Exception as error:
        faults.append(f"chain.json or sums.json is missing or cannot be read ({type(error).__name__})")
    sys.stdout.write("" if faults else sound)
    return "\n".join(ascii(sentence)[1:-1] for sentence in faults) or 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]) if len(sys.argv) == 3 else __doc__)
