"""Sub-sectors of the community protocol, which of them an account belongs to, and why one has no figure.

Reference: Global Protocol for Community-Scale Greenhouse Gas Inventories (GPC), version 1.1: its table of sub-sectors
and its notation keys IE (included elsewhere), NE (not estimated), NO (not occurring), C (confidential).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from city.problems import PenstockError, Problem

if TYPE_CHECKING:
    from carbon.accounts.account import AccountKind

Key = Literal["IE", "NE", "NO", "C"]

_STATIONARY = {
    "I.1": "Residential buildings",
    "I.2": "Commercial and institutional buildings",
    "I.3": "Manufacturing and construction",
    "I.4": "Energy industries",
    "I.5": "Agriculture, forestry and fishing",
    "I.6": "Sources not specified",
}
_TRANSPORT = {"II.1": "Road", "II.2": "Rail", "II.3": "Water", "II.4": "Air"}
_WASTE = {"III.1": "Solid waste", "III.2": "Biological treatment", "III.3": "Incineration", "III.4": "Wastewater"}
_ENERGY_PARTS = ("fuel burnt", "energy from the grid", "grid losses")
_TRANSPORT_PARTS = ("fuel burnt", "energy from the grid", "beyond the boundary, and grid losses")
_WASTE_PARTS = ("of the city, treated inside", "of the city, treated outside", "of others, treated inside")


def _parts(names: Mapping[str, str], parts: Sequence[str]) -> dict[str, str]:
    return {f"{code}.{i}": f"{name}: {part}" for code, name in names.items() for i, part in enumerate(parts, 1)}


_AFTER = "I.4.3"  # generation for the grid stands behind it
_ENERGY = _parts(_STATIONARY, _ENERGY_PARTS)
_CUT = list(_ENERGY).index(_AFTER) + 1
SUBSECTORS: dict[str, str] = {
    **dict(list(_ENERGY.items())[:_CUT]),
    "I.4.4": "Energy industries: generation for the grid",
    **dict(list(_ENERGY.items())[_CUT:]),
    "I.7.1": "Fugitive: coal",
    "I.8.1": "Fugitive: oil and natural gas",
    **_parts(_TRANSPORT, _TRANSPORT_PARTS),
    "II.5.1": "Off-road: fuel burnt",
    "II.5.2": "Off-road: energy from the grid",
    **_parts(_WASTE, _WASTE_PARTS),
    "IV.1": "Industrial processes",
    "IV.2": "Product use",
    "V.1": "Livestock",
    "V.2": "Land",
    "V.3": "Other sources on land",
    "VI.1": "Other indirect emissions",
}
"""GPC reference number -> title, in the protocol's order."""

_SECTORS = {
    "I.1": "households residential homes housing 居民生活 居民",
    "I.2": "services commercial public institutional offices retail water utility wastewater 第三产业 服务业 公共",
    "I.3": "industry industrial manufacturing construction 第二产业 工业 建筑业",
    "I.4": "energy power 能源 电力",
    "I.5": "agriculture forestry fishing farms 第一产业 农业",
    "II.1": "transport road traffic 交通",
}
_OF_SECTOR = {word: code for code, words in _SECTORS.items() for word in words.split()}


def subsector(sector: str) -> str:
    """Sub-sector without its scope by the id of a sector; I.6 (not specified) for one it does not know.

    The GPC counts works of water supply, wastewater and street lighting among institutional buildings (section 6.3.1).
    """
    return _OF_SECTOR.get(sector.casefold(), "I.6")


def notation(accounts: Sequence["AccountKind"], stated: Mapping[str, Key] | None = None) -> dict[str, tuple[Key, str]]:
    """{code: (key, reason)} of every sub-sector that no account gives a figure for.

    `stated` is what the city says itself (not occurring, confidential, ...). The losses of the utility's own grid are counted in one
    account, so the sub-sectors' third parts are included there. Raises `PenstockError` for a stated key of an unknown code, or
    of one that has accounts, unless it is confidential.
    """
    told = dict(stated or {})
    there: dict[str, list[str]] = {}
    for account in accounts:
        there.setdefault(account.gpc_code, []).append(account.id)
    problems = [_contradiction(code, key, there) for code, key in told.items() if code not in SUBSECTORS or (code in there and key != "C")]
    if problems:
        raise PenstockError(problems)
    losses = [account for account in accounts if account.kind == "grid-loss"]
    found: dict[str, tuple[Key, str]] = {}
    for code in SUBSECTORS:
        if code in told:
            found[code] = (told[code], "stated by the city")
        elif code in there:
            continue
        elif losses and code.startswith("I.") and code.endswith(".3"):
            found[code] = ("IE", f"losses of the grid are in {losses[0].gpc_code}, account {losses[0].id}")
        else:
            found[code] = ("NE", "no account of this sub-sector")
    return found


def _contradiction(code: str, key: str, there: Mapping[str, Sequence[str]]) -> Problem:
    if code not in SUBSECTORS:
        return Problem(f"GPC sub-sector '{code}'", "unknown", "a code such as I.2.2 or III.4.1", "Correct the code.")
    observed = f"said to be {key}, and counted by account {', '.join(there[code][:3])}"
    return Problem(f"GPC sub-sector '{code}'", observed, "a figure or a notation key", "Remove the key or the account.")
