"""What `penstock carbon factors` and `penstock carbon lint` print: sets, one factor with all that is known of it, findings."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from carbon.factors import Factor, by_id, load, load_sets
from carbon.factors.regions import names
from carbon.lint import Finding, lint_accounts, lint_folders
from carbon.lint.posted import lint_posted
from city.problems import PenstockError, fault
from service.environment import Environment
from service.settings import LoadedCity
from service.settings import load as load_city
from service.store import open_store
from service.store.ledger import open_ledger

_MOST = 40  # lines of a search


def sets(folders: Sequence[Path]) -> Iterator[str]:
    """One paragraph per set: what it is, who publishes it, how many factors, its hash."""
    for one in load_sets(folders):
        whose = "shipped" if one.shipped else "the city's own"
        yield f"{one.name}: {one.title}"
        yield f"  {len(one.factors)} factors, {whose}; {one.publisher}; {one.licence}"
        yield f"  SHA-256 {one.sha256}"


def search(folders: Sequence[Path], words: Sequence[str], region: str | None, on: date | None) -> Iterator[str]:
    """The factors that have all words in id, activity, region, basis or source, of a region and valid on a day."""
    found = [
        factor
        for factor in load(folders)
        if (region is None or factor.region == region) and (on is None or factor.valid_on(on)) and _has(factor, words)
    ]
    if not found:
        asked = " ".join([*words, *([region] if region else []), *([str(on)] if on else [])])
        raise fault(f"search for '{asked}'", "no factor", "words such as electricity, 浙江, diesel, GWP", "Try fewer words, or `list`.")
    for factor in found[:_MOST]:
        yield f"{factor.id}  {factor.value} {factor.unit}  {factor.gas}  {factor.region}  {factor.validity}  {factor.basis}"
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST} more; name a region, a day or another word"


def _has(factor: Factor, words: Sequence[str]) -> bool:
    text = " ".join((factor.id, factor.activity, *names(factor.region), factor.basis, factor.gas, factor.source)).casefold()
    return all(word.casefold() in text for word in words)


def one(folders: Sequence[Path], factor_id: str) -> Iterator[str]:
    """Everything that is known of one factor, and the others of its series."""
    factors = load(folders)
    factor = by_id(factors, factor_id)
    told = next(s for s in load_sets(folders) if s.name == factor.set_name)
    width = factor.uncertainty_percent
    interval = "not published" if width is None else f"+/- {width} % (95 %; {factor.uncertainty_source})"
    facts = {
        "activity": factor.activity,
        "value": f"{factor.value} {factor.unit}",
        "gas": factor.gas,
        "scope": factor.scope,
        "basis": factor.basis,
        "region": " ".join(names(factor.region)),
        "valid": factor.validity,
        "published": str(factor.published or "day not known"),
        "source": factor.source,
        "publisher": told.publisher,
        "licence": factor.licence,
        "uncertainty": interval,
        "status": factor.status,
        "SHA-256": factor.sha256,
        "set": f"{told.name} ({told.title}), SHA-256 {told.sha256}",
    }
    yield factor.id
    yield from (f"  {name:12} {value}" for name, value in facts.items())
    series = (factor.activity, factor.gas, factor.unit, factor.region, factor.basis)
    for other in factors:
        same = (other.activity, other.gas, other.unit, other.region, other.basis) == series
        if same and other is not factor and factor.basis != "warming potential":
            yield f"  {'also':12} {other.id}: {other.value}, {other.validity}"


def findings(city: LoadedCity | None, folders: Sequence[Path], on: date) -> tuple[Finding, ...]:
    """What the linter finds in the folders beside the shipped sets, and in how the city's accounts use factors."""
    found = lint_folders(folders)
    if city is None:
        return found
    return (*found, *lint_accounts(city.settings.accounts, load(folders), on, city.settings.carbon.gwp))


def linted(env: Environment, folder: Path | None, on: date) -> tuple[list[str], bool]:
    """Lines about a folder of sets - or, without one, about the city's own, its accounts and its ledger - and if any is to refuse."""
    said: list[str] = []
    if folder:
        found = findings(None, (folder,), on)
    else:
        city = load_city(env)
        found = findings(city, env.factor_folders, on)
        try:
            ledger = open_ledger(open_store(env.url), city.folder)
            found += lint_posted(ledger, load(city.factor_folders), city.settings.city.time_zone)
        except PenstockError as error:
            said.append(f"the ledger was not looked into: {error}")
    refused = sum(one.severity == "refuse" for one in found)
    lines = [f"{one.severity}: {one}" for one in found]
    return [*lines, *said, f"{refused} to refuse, {len(found) - refused} to look at"], refused > 0
