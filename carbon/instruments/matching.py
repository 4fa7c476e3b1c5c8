"""How much of the load was renewable in the very hour it was used, beside the yearly volume that says less.

    hourly share     = sum over accounts and hours of min(renewable, load) / sum of load
    volumetric share = sum over accounts of min(renewable of the whole time, load of the whole time) / sum of load

Renewable in an hour is own supply that may be claimed, and contracts with a volume by the hour. A contract of a month says nothing about
an hour, and neither does a certificate, whatever it was retired for: its lot tells the days of production. They count in the
volumetric share alone.
The hourly share is never above the volumetric one. References: EnergyTag GC Scheme Standard v2 (hourly claims), and
the 24/7 measure of Google, 24/7 by 2030 (2020), for the hourly share.
"""

from decimal import Decimal

import numpy as np
import pandas as pd

from carbon.apportion import apportion
from carbon.instruments.claims import Claim, Laid
from carbon.instruments.views import View


def _of_accounts(view: View, claim: Claim, laid: Laid) -> list[int]:
    """A claim's whole volume by the accounts of `laid.rows`, surplus included: as it is laid, or as they use where nothing is laid."""
    weights = laid.wh.sum(axis=1).tolist()
    if not any(weights):
        weights = view.hours.used_wh[laid.rows].sum(axis=1).tolist()
    return apportion(claim.wh, weights) if any(weights) else [0] * len(weights)


def matching(view: View) -> pd.DataFrame:
    """One row per account and one for all of them (account_id empty), over the hours of the view.

    load_wh, renewable_wh (surplus included), matched_wh, volumetric_wh int64 [Wh]; hourly_share, volumetric_share Decimal [1], None
    without load; hours, hours_missing (nothing usable in the ledger: they weigh nothing in both shares and are told).
    """
    hours = view.hours
    renewable = view.kept_wh.sum(axis=1)
    for claim, laid in zip(view.claims, view.laid, strict=True):
        if claim.renewable and not claim.failed:
            np.add.at(renewable, laid.rows, _of_accounts(view, claim, laid))
    load = hours.used_wh.sum(axis=1)
    table = pd.DataFrame(
        {
            "account_id": hours.accounts,
            "load_wh": load,
            "renewable_wh": renewable,
            "matched_wh": view.matched().sum(axis=1),
            "volumetric_wh": np.minimum(renewable, load),
            "hours": len(hours.times),
            "hours_missing": hours.lacking.sum(axis=1),
        }
    )
    total = {"account_id": "", **table.drop(columns="account_id").sum().to_dict()}
    table = pd.concat([table, pd.DataFrame([total])], ignore_index=True)
    for share, part in (("hourly_share", "matched_wh"), ("volumetric_share", "volumetric_wh")):
        table[share] = [Decimal(int(a)) / Decimal(int(b)) if b else None for a, b in zip(table[part], table["load_wh"], strict=True)]
    return table
