"""How much of a period the ledger rests on usable readings: by time, for each account.

Batch by batch, so that a month of 100,000 meters fits the memory.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np

from carbon.ledger.batch import NOTHING
from carbon.ledger.civil import micros
from carbon.ledger.ledger import Ledger
from city.quality import usable
from service.settings import LoadedCity


@dataclass(frozen=True)
class Completeness:
    """Usable share of the time [1] of each account, exact; `share` is their mean, and an account without an entry counts as nothing."""

    accounts: dict[str, Fraction]

    @property
    def share(self) -> Fraction:
        return sum(self.accounts.values(), Fraction(0)) / max(len(self.accounts), 1)

    @property
    def decimal(self) -> Decimal:
        """The share, to a millionth."""
        return Decimal(round(self.share * 10**6)) / 10**6

    @property
    def least(self) -> str:
        """The three accounts with the smallest share, with it."""
        worst = sorted(self.accounts.items(), key=lambda item: (item[1], item[0]))[:3]
        return ", ".join(f"{name} ({100 * float(share):.2f} %)" for name, share in worst)


def completeness(ledger: Ledger, city: LoadedCity, start_utc: datetime, end_utc: datetime) -> Completeness:
    """Of every account of the city that is metered, over [start, end) as the ledger knows it now.

    Own supply repeats the time of what the grid supplied, further gases that of the first: neither counts again.
    """
    metered = [account.id for account in city.settings.accounts if not account.stated and account.kind != "certificate"]
    seconds = dict.fromkeys(metered, 0)
    first, last = micros(start_utc), micros(end_utc)
    for one in ledger.between(start_utc, end_utc).batches:
        batch = one.batch
        column = batch.columns
        once = np.array([rule.rule_id != "own-supply" for rule in batch.rules], bool)
        some = (column["start"] >= first) & (column["start"] < last) & (column["counts"] == 1) & usable(column["quality"])
        some &= once[column["rule"]] if len(once) else False
        signed = np.where(column["reverses"][some] == NOTHING, 1, -1) * column["seconds"][some].astype(np.int64)
        total = np.zeros(len(batch.lines), np.int64)
        np.add.at(total, column["line"][some], signed)
        for line, found in zip(batch.lines, total.tolist(), strict=True):
            if line.account_id in seconds:
                seconds[line.account_id] += found
    whole = (last - first) // 1_000_000
    return Completeness({name: Fraction(found, whole) for name, found in seconds.items()})
