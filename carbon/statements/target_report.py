"""The target report: where each target stands, its path before and after a change of base, and the odds of its milestones."""

from collections.abc import Sequence
from decimal import Decimal

from carbon.statements import chinese
from carbon.statements.back import back_matter
from carbon.statements.document import Cell, Chart, Column, Document, Row, Section, Series, Table, Value, rounded
from carbon.statements.source import Source
from carbon.statements.vocabulary import told
from carbon.statements.words import column, say
from carbon.targets.odds import CALIBRATION
from carbon.targets.standing import Standing

_LIGHTS = {"green": "●", "amber": "▲", "red": "■"}  # readable without colour


def target_report(source: Source, standings: Sequence[Standing], problems: Sequence[str] = ()) -> Document:
    """The report of all targets on one day; `problems` say why others cannot be told.

    Factors, quality and proof are those of the ledger behind the actual values.
    """
    lang = source.language
    warnings = [str(warning) for one in standings for warning in one.warnings]
    text = (
        say(lang, "targets_intro"),
        *(f"{one.target.id}: {chinese.standing(one) if lang == 'zh' else one.sentence}" for one in standings),
        *warnings,
        *problems,
    )
    sections = (
        Section("summary", say(lang, "summary"), text, (_targets(lang, standings),)),
        Section(
            "paths",
            say(lang, "paths"),
            (),
            (_odds(lang, standings), *_changes(lang, standings)),
            tuple(_chart(lang, one) for one in standings),
        ),
        Section("path_values", say(lang, "path_values"), (), (_paths(lang, standings),)),
        *back_matter(source, "targets"),
    )
    return Document("targets", say(lang, "targets"), source.city, source.shown, lang, sections, source.seal)


def _number(lang: str, key: str, places: int = 6, unit: str = "") -> Column:
    return column(lang, key, "number", unit, places)


def _value(number: Decimal | None) -> Cell:
    return None if number is None else Value(number)


def _targets(lang: str, standings: Sequence[Standing]) -> Table:
    texts = [column(lang, key, "text" if key == "metric" else "label") for key in ("target", "metric", "unit", "base_year")]
    numbers = [_number(lang, key) for key in ("base_value", "required", "actual", "gap_target")]
    columns = (
        *texts,
        numbers[0],
        column(lang, "year"),
        *numbers[1:],
        column(lang, "light"),
        _number(lang, "needed", 2, "%"),
    )
    rows = []
    for one in standings:
        now, target = one.progress, one.target
        metric = chinese.metric(str(one.metric)) if lang == "zh" else str(one.metric)
        head = (target.id, metric, target.unit, str(target.base_year), Value(target.base_value), str(now.year))
        light = f"{_LIGHTS[now.light]} {say(lang, now.light)}"
        rows.append(Row((*head, Value(now.required), Value(now.actual), Value(now.gap), light, _value(now.needed_per_year))))
    return rounded(Table("Targets", say(lang, "targets"), columns, tuple(rows), _light_rules(lang, standings)))


def _light_rules(lang: str, standings: Sequence[Standing]) -> tuple[str, ...]:
    """What a light means, once for each pace in use."""
    paces = sorted({one.target.red_above_pace for one in standings})
    return (say(lang, "targets_note"), *(say(lang, "light_rule", most=f"{pace:f}") for pace in paces))


def _series(one: Standing) -> list[tuple[str, list[tuple[int, Decimal]]]]:
    """The path as promised and, where the base was moved, as restated."""
    first, later = one.target, one.target.as_known(one.on)
    years = range(first.base_year, max(first.milestones) + 1)
    made = [("as_promised", [(year, first.required(year)) for year in years])]
    return made if later is first else [*made, ("as_restated", [(year, later.required(year)) for year in years])]


def _paths(lang: str, standings: Sequence[Standing]) -> Table:
    columns = (
        column(lang, "target"), column(lang, "series"), column(lang, "year"),
        _number(lang, "required"), _number(lang, "actual"),
    )  # fmt: skip
    rows = [
        Row((one.target.id, say(lang, name), str(year), Value(required), _value(one.actuals.get(year))))
        for one in standings
        for name, path in _series(one)
        for year, required in path
    ]
    return rounded(Table("Paths", say(lang, "path_values"), columns, tuple(rows)))


def _odds(lang: str, standings: Sequence[Standing]) -> Table:
    columns = (
        column(lang, "target"), column(lang, "milestone"), _number(lang, "asked"),
        _number(lang, "odds", 0, "%"), _number(lang, "low"), _number(lang, "middle"), _number(lang, "high"),
    )  # fmt: skip
    rows = [
        Row((one.target.id, str(o.milestone), Value(o.asked), Value(100 * o.odds), Value(o.low), Value(o.middle), Value(o.high)))
        for one in standings
        for o in one.odds
    ]
    judged = dict.fromkeys(one.target.measure for one in standings if one.odds)
    notes = (
        say(lang, "odds_note"),
        *(chinese.calibration(one) if lang == "zh" else one.sentence for name in judged if (one := CALIBRATION.get(name))),
    )
    return rounded(Table("Odds", say(lang, "odds_of"), columns, tuple(rows), notes))


def _changes(lang: str, standings: Sequence[Standing]) -> tuple[Table, ...]:
    columns = (
        column(lang, "target"), column(lang, "published"), _number(lang, "before"), _number(lang, "after"),
        _number(lang, "change", 1, "%"), Column("told", say(lang, "reason"), "text"),
    )  # fmt: skip
    rows = [
        Row((one.target.id, str(c.published), Value(c.before), Value(c.after), Value(c.change_percent), told(lang, c.sentence)))
        for one in standings
        for c in one.changes
    ]
    return (rounded(Table("Base changes", say(lang, "base_changes"), columns, tuple(rows))),) if rows else ()


def _chart(lang: str, one: Standing) -> Chart:
    """Required and actual values by year; both series where the base was moved."""
    paths = _series(one)
    years = tuple(sorted({year for _, path in paths for year, _ in path} | {year for year in one.actuals if year >= one.target.base_year}))

    def line(points: dict[int, Decimal]) -> tuple[float | None, ...]:
        return tuple(float(points[year]) if year in points else None for year in years)

    drawn = [Series(say(lang, "actual"), line(dict(one.actuals)))]
    drawn += [Series(say(lang, name), line(dict(path)), dashed=name == "as_restated") for name, path in paths]
    return Chart(one.target.id, one.target.unit, "lines", tuple(map(str, years)), tuple(drawn))
