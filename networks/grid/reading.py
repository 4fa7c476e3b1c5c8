"""Reading a network from a folder of CSV files, our own or SimBench's."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from city.problems import PenstockError, Problem, fault
from networks.grid.network import COLUMNS, Network

DEFAULTS: dict[str, dict[str, object]] = {
    "buses": {"district": "", "x": np.nan, "y": np.nan},
    "lines": {"length_km": np.nan, "c_nf": 0.0, "rating_a": np.nan},
    "transformers": {"no_load_loss_kw": 0.0, "no_load_current_pct": 0.0, "tap": 0, "tap_pct": 2.5},
    "switches": {"closed": True, "kind": "load-break", "feeder": ""},
    "sources": {"voltage_pu": 1.0},
    "loads": {"q_kvar": 0.0, "customers": 0.0},
}
"""What a column holds that a file does not have."""

_TRUE, _FALSE = {"true", "1", "yes", "closed"}, {"false", "0", "no", "open"}


def load(path: Path) -> Network:
    """The network in a folder: buses.csv, lines.csv, sources.csv, loads.csv and, where there are some, transformers.csv, switches.csv,
    line_types.csv; or the files of a SimBench network. Raises `PenstockError` with every fault that keeps it from being a network.
    """
    from networks.grid import simbench

    if not path.is_dir():
        raise fault(f"network folder {path}", "not there", "a folder with buses.csv, lines.csv, ...", "Check the path.")
    if (path / "Node.csv").exists():
        return as_network(simbench.tables(path), str(path))
    names = [*COLUMNS, "line_types"]
    return as_network({name: _read(path / f"{name}.csv") for name in names if (path / f"{name}.csv").exists()}, str(path))


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype="str", comment="#")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        remedy = "Save it as CSV in UTF-8 with one line of column names."
        raise fault(str(path), f"cannot be read ({str(error)[:100]})", "a CSV file in UTF-8", remedy) from None


def as_network(tables: Mapping[str, pd.DataFrame], subject: str) -> Network:
    """A `Network` of tables with at least the columns without a default. Lines may name a `type` of the table `line_types` instead of
    r_ohm, x_ohm, c_nf, rating_a. Raises `PenstockError` with every missing table or column, unreadable number and dangling name.
    """
    from networks.grid.checks import dangling

    given = dict(tables)
    problems: list[Problem] = []
    if "line_types" in given and "lines" in given:
        given["lines"], wrong = _typed_lines(given["lines"], given["line_types"], subject)
        problems += wrong
    made = {}
    for name, columns in COLUMNS.items():
        if name not in given and name in ("buses", "lines", "sources", "loads"):
            problems.append(Problem(f"{subject}/{name}.csv", "not there", f"a table with {', '.join(columns)}", "Add the file."))
        made[name], wrong = _checked(given.get(name, pd.DataFrame()), name, f"{subject}/{name}.csv")
        problems += wrong
    problems = problems or dangling(made, subject)
    if problems:
        raise PenstockError(problems)
    return Network(**made)


def _typed_lines(lines: pd.DataFrame, types: pd.DataFrame, subject: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Lines with the impedances of their types x length_km, where the line does not state its own."""
    table = types.set_index("type")
    unknown = sorted(set(lines["type"].dropna()) - set(table.index))
    problems = [
        Problem(f"{subject}/lines.csv, type {name}", "no such type", ", ".join(table.index), "Add it to line_types.csv.")
        for name in unknown
    ]
    made, length = lines.copy(), pd.to_numeric(lines["length_km"], errors="coerce")
    per_km = {"r_ohm": "r_ohm_per_km", "x_ohm": "x_ohm_per_km", "c_nf": "c_nf_per_km"}
    for column, source in [*per_km.items(), ("rating_a", "rating_a")]:
        if source not in table:
            continue
        of_type = pd.to_numeric(table[source], errors="coerce").reindex(lines["type"]).to_numpy()
        found = of_type * length if column in per_km else of_type
        own = pd.to_numeric(lines[column], errors="coerce") if column in lines else np.nan
        made[column] = pd.Series(own, index=lines.index, dtype=float).fillna(pd.Series(found, index=lines.index))
    return made, problems


def _checked(table: pd.DataFrame, name: str, subject: str) -> tuple[pd.DataFrame, list[Problem]]:
    """One table in its columns and types, and what is wrong with it."""
    columns, problems = {}, []
    for column, dtype in COLUMNS[name].items():
        default = DEFAULTS.get(name, {}).get(column)
        if column not in table:
            if default is None and len(table):
                problems.append(Problem(subject, f"no column {column}", f"columns {', '.join(COLUMNS[name])}", "Add the column."))
                default = "" if dtype == "str" else 0
            columns[column] = pd.Series([default] * len(table), index=table.index).astype(dtype)
            continue
        columns[column], wrong = _typed(table[column], dtype, default)
        for row in np.flatnonzero(wrong)[:5]:
            problems.append(
                Problem(f"{subject}, row {row + 2}, {column}", f"'{table[column].iloc[row]}'", _WORDS[dtype], "Correct the cell.")
            )
    return pd.DataFrame(columns).reset_index(drop=True), problems


_WORDS = {"str": "a name", "float64": "a number", "int64": "a whole number", "bool": "true or false"}


def _typed(raw: pd.Series, dtype: str, default: object) -> tuple[pd.Series, pd.Series]:
    """A column in its type, and where a cell could not be read; empty cells take the default."""
    empty = raw.isna()
    if dtype == "str":
        return raw.fillna("" if default is None else default).astype("str").str.strip(), empty & (default is None)
    if dtype == "bool" and raw.dtype != bool:
        word = raw.astype("str").str.strip().str.lower()
        return word.isin(_TRUE) | (empty & bool(default)), ~word.isin(_TRUE | _FALSE) & ~empty
    number = pd.to_numeric(raw, errors="coerce")
    wrong = number.isna() & ~(empty & (default is not None)) | np.isinf(number)
    if dtype == "int64":
        wrong = wrong | (number % 1 != 0) & number.notna()
    fallback = default if isinstance(default, int | float) else 0
    return number.mask(empty, float(fallback)).where(~wrong, 0.0).astype(dtype), wrong
