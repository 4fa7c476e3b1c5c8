"""A linter of factor sets: what goes wrong when tables are copied, told per row. Nothing it says is an opinion.

Each rule is a function from a `Table` to findings; a finding names the row, what was seen, what is allowed and what to do, and
is to `refuse` (the set must not be used so) or to `warn`. docs/factors.md says what the rules find and what they cannot.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from carbon.factors import SHIPPED, load_sets, read_rows
from carbon.lint import cells, magnitude, published, table
from carbon.lint.rows import Finding, Given, Row, Table, table_of
from carbon.lint.use import lint_accounts
from city.problems import PenstockError

__all__ = ["Finding", "Row", "Table", "lint", "lint_accounts", "lint_folders", "refuse"]

Rule = Callable[[Table], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    cells.readable,
    cells.zero,
    cells.named_years,
    cells.gas_of_unit,
    cells.inventory_scope,
    cells.old_defaults,
    table.competing,
    table.open_ends,
    table.gaps,
)
# Rules that doubt the number itself, the surest first: a row is told by the first that finds something.
DOUBTS: tuple[Rule, ...] = (
    published.copies,
    table.units_of_one_thing,
    magnitude.slips,
    table.parts,
    table.odd_gas,
    table.repeated,
    table.jumps,
)


def lint(rows: Iterable[Given], shipped: Iterable[Given] = ()) -> tuple[Finding, ...]:
    """Every finding over rows as `carbon.factors.read_rows` gives them, beside published ones; empty when there is none."""
    held = table_of(rows, shipped)
    found = [finding for rule in RULES for finding in rule(held)]
    doubted: set[str] = set()
    for rule in DOUBTS:
        new = [finding for finding in rule(held) if finding.subject not in doubted]
        doubted.update(finding.subject for finding in new)
        found += new
    return tuple(dict.fromkeys(found))


def lint_folders(folders: Sequence[Path] = ()) -> tuple[Finding, ...]:
    """Lint the shipped sets, and those of `folders` beside them. Raises `PenstockError` for a file that is no table."""
    return (*lint(read_rows(SHIPPED)), *_lint_own(folders))


def refuse(folders: Sequence[Path]) -> None:
    """Raise `PenstockError` with every finding of severity `refuse` in the sets of `folders`."""
    if found := [finding for finding in _lint_own(folders) if finding.severity == "refuse"]:
        raise PenstockError(found)


def _lint_own(folders: Sequence[Path]) -> tuple[Finding, ...]:
    own = [row for folder in folders for row in read_rows(folder)]
    found = lint(own, read_rows(SHIPPED)) if own else ()
    told = {finding.subject for finding in found if finding.severity == "refuse"}
    return (*found, *(finding for finding in _not_loaded(folders) if finding.subject not in told))


def _not_loaded(folders: Sequence[Path]) -> Iterator[Finding]:
    """Why the sets of `folders` cannot be loaded: faults of manifests, of ids, and of rows."""
    try:
        load_sets(folders)
    except PenstockError as error:
        yield from cells.refusals(error, "set")
