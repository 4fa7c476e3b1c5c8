"""`penstock carbon prove`: the proof of one entry, in a file that its recipient checks without the rest of the ledger."""

import json
from pathlib import Path

from carbon.ledger.inclusion import inclusion
from city.problems import fault
from service.environment import Environment
from service.store import ledger, open_store


def prove(env: Environment, entry: str, file: Path) -> str:
    """Write the proof of `<batch>-<row>` and return the root it leads to [hex].

    Raises `PenstockError` for an entry that is not in the ledger, and a file that is there already or cannot be written.
    """
    found = ledger.open_ledger(open_store(env.url), env.folder)
    proof = inclusion(found, entry)
    try:
        with file.open("x", encoding="utf-8", newline="\n") as out:
            json.dump(proof, out)
    except OSError as error:
        raise fault(f"proof {file}", error.strerror or str(error), "a new file in a folder that is there", "Give another name.") from None
    return found.root
