"""Check an exported audit (docs/audit.md): python verify_audit.py AUDIT.jsonl [HEADS]; HEADS is audit-roots.txt as it was kept outside.

The export must be whole, oldest line first, as `penstock audit export` writes it. Nothing but Python is needed. Lines that went by
[retention] of the city file, five years old or older, may be missing at its beginning: the last line `cut audit` says which.
"""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

HASHED = ("number", "at_us", "who", "action", "subject", "sentence", "decided")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALL = {*HASHED, "at_utc", "previous", "sha256"}
CUT = re.compile(r"lines 1 to (\d+)"), re.compile(r"before (\S+): ")
LEAST = timedelta(days=5 * 365)  # how old the youngest line of a cut is, at least


def beginning(audit: str, faults: list[str]) -> tuple[int, str, datetime]:
    """The last line that went, its hash, and before when all that went were, by the last line that tells of a cut."""
    found = 0, "0" * 64, EPOCH
    with Path(audit).open(encoding="utf-8") as file:
        for text in file:
            try:
                line = json.loads(text)
                if line["action"] == "cut audit":
                    number, until = CUT[0].fullmatch(line["subject"]), CUT[1].search(line["sentence"])
                    if number is None or until is None:
                        faults.append(f"line {line['number']}: tells of a cut that nobody made")
                        continue
                    found = int(number[1]), str(line["decided"]), datetime.fromisoformat(until[1])
                    if min(EPOCH + timedelta(microseconds=line["at_us"]), datetime.now(UTC)) - found[2] < LEAST:
                        faults.append(f"line {line['number']}: took lines away of {until[1]}, younger than five years")
            except (ValueError, KeyError, TypeError, OverflowError):
                continue  # told when the lines are read
    return found


def main(audit: str, heads: str = "") -> int:
    faults, made = list[str](), dict[int, str]()
    gone, before, until = beginning(audit, faults)
    place = gone + 1
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
        went = int(last) <= gone and int(last) not in made and datetime.fromisoformat(at) < until
        if made.get(int(last)) != kept and not went:
            faults.append(f"line {last}: not as it was kept outside at {at}: cut off, or rewritten and hashed again")
    sys.stdout.write("\n".join(map(ascii, faults)) + "\n" if faults else f"sound: {len(made)} lines, head {before}\n")
    if gone:
        sys.stdout.write(f"it begins behind line {gone}: the lines before {until.isoformat()} went by [retention]\n")
    if not heads:
        sys.stdout.write("no heads were given: lines cut off at the end, or all hashed again, would not show\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (2, 3) else __doc__)
