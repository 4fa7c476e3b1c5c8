"""Check an exported audit (docs/audit.md): python verify_audit.py AUDIT.jsonl [HEADS]; HEADS is audit-roots.txt as it was kept outside.

The export must be whole, oldest line first, as `penstock audit export` writes it. Nothing but Python is needed.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

HASHED = ("number", "at_us", "who", "action", "subject", "sentence", "decided")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALL = {*HASHED, "at_utc", "previous", "sha256"}


def main(audit: str, heads: str = "") -> int:
    faults, made, place, before = list[str](), dict[int, str](), 1, "0" * 64
    with Path(audit).open(encoding="utf-8") as file:
        for text in file:
            try:
                line = json.loads(text)
                said = json.dumps([line["previous"], *(line[name] for name in HASHED)], ensure_ascii=False, separators=(",", ":"))
                number, own, kept, behind = int(line["number"]), sha256(said.encode()).hexdigest(), line["sha256"], line["previous"]
            except (ValueError, KeyError, TypeError) as error:
                faults.append(f"line {place}: cannot be read ({type(error).__name__})")
                place += 1
                continue
            if EPOCH + timedelta(microseconds=line["at_us"]) != datetime.fromisoformat(line["at_utc"]):
                faults.append(f"line {number}: at_utc is not at_us")
            if set(line) != ALL:
                faults.append(f"line {number}: other fields than an audit line has")
            if number != place:
                faults.append(f"line {number}: stands where line {place} should")
            if own != kept:
                faults.append(f"line {number}: edited")
            if behind != before:
                faults.append(f"line {number}: not behind the line before it")
            made[number], place, before = own, number + 1, kept
    for text in Path(heads).read_text(encoding="ascii").splitlines() if heads else ():
        at, last, kept, *_ = text.split(" ")
        if made.get(int(last)) != kept:
            faults.append(f"line {last}: not as it was kept outside at {at}: cut off, or rewritten and hashed again")
    sys.stdout.write("\n".join(map(ascii, faults)) + "\n" if faults else f"sound: {len(made)} lines, head {before}\n")
    if not heads:
        sys.stdout.write("no heads were given: lines cut off at the end, or all hashed again, would not show\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (2, 3) else __doc__)
