"""What an audit line hashes to: SHA-256 over a JSON array of the line's fields behind the hash of the line before.

References: RFC 8785 (JSON Canonicalization Scheme); Schneier and Kelsey (1999), "Secure audit logs to support computer forensics",
ACM TISSEC 2(2), section 3: the hash chain. docs/audit.md prints the form and an example to recompute.
"""

import hashlib
import json
from typing import NamedTuple

GENESIS = "0" * 64  # what the first line stands behind


class Line(NamedTuple):
    """One audit line as it is hashed."""

    number: int  # 1, 2, 3 without a gap
    at_us: int  # [us since 1970-01-01T00:00Z]
    who: str
    action: str
    subject: str
    sentence: str
    decided: str | None  # SHA-256 [hex] of the rows that the line decides on; None where there are none


def canonical(previous: str, line: Line) -> bytes:
    """The bytes that are hashed: the JSON array [previous, number, at_us, who, action, subject, sentence, decided] in RFC 8785's form.

    The array holds strings, whole numbers below 2**53 and null, for which RFC 8785 is JSON without blanks, in UTF-8.
    """
    return json.dumps([previous, *line], ensure_ascii=False, separators=(",", ":")).encode()


def digest(previous: str, line: Line) -> str:
    """The SHA-256 [hex] that `line` has behind a line whose SHA-256 is `previous` [hex]."""
    return hashlib.sha256(canonical(previous, line)).hexdigest()
