"""What every statement ends with: data quality, method, factors, and the proof that ties it to its ledger."""

from fractions import Fraction

from carbon.statements.document import Cell, Column, Row, Section, Table, Value, rounded
from carbon.statements.source import MG_PER_T, STATES, Source
from carbon.statements.vocabulary import told
from carbon.statements.words import column, say

_POSTING = {"kind": "posting"}


def back_matter(source: Source, kind: str) -> tuple[Section, ...]:
    """Sections quality, method, factors and proof of a statement of some kind."""
    lang = source.language
    methods = tuple(say(lang, key, assessment=source.assessment, zone=source.zone) for key in (f"method_{kind}", *_METHOD))
    return (
        Section("quality", say(lang, "quality"), quality_text(source), (quality(source), *restated(source)), new_page=True),
        Section("method", say(lang, "method"), methods),
        Section("factors", say(lang, "factors"), _factor_text(source), (rules(source), potentials(source), factors(source), *sets(source))),
        Section("proof", say(lang, "proof"), (say(lang, "proof_text"),), (proof(source),)),
    )


_METHOD = ("method_ledger", "method_rounding", "method_time", "method_explain")


def completeness(source: Source) -> Fraction:
    """Mean over the metered accounts of the usable share of their time [1]; an account without entries counts 0."""
    return sum(source.usable.values(), Fraction(0)) / len(source.usable) if source.usable else Fraction(0)


def gap(source: Source, account: str) -> Fraction | None:
    """What the unusable time of an account would weigh at the mean of its other time [t CO2e]; None: it has no other."""
    share = source.usable.get(account, Fraction(1))
    return Fraction(source.mass(account_id=account, **_POSTING).exact) * (1 - share) / share if share else None


def _accounts(source: Source) -> list[str]:
    """Accounts with entries in the period, and those that are silent."""
    return sorted({account for (account,) in source.distinct("account_id")} | set(source.usable))


def quality(source: Source) -> Table:
    """Per account: entries by state, mass by state and what open gaps would weigh."""
    lang = source.language
    counts = [column(lang, state, "number", "", 0) for state in STATES]
    masses = [Column(f"{state}_t", say(lang, f"{state}_t"), "number", "tCO2e", 3) for state in STATES[:3]]
    whole = Column("all_t", say(lang, "total"), "number", "tCO2e", 3, tuple(column.key for column in masses))
    shares = [column(lang, "usable", "number", "%", 1), Column("gap_t", say(lang, "gap"), "number", "tCO2e", 3)]
    rows = []
    for account in _accounts(source):
        where = {"account_id": account, **_POSTING}
        cells: list[Cell] = [account, *(source.value("entries", account_id=account, state=state) for state in STATES)]
        cells += [source.mass(**where, state=state) for state in STATES[:3]] + [source.mass(**where)]
        unknown = gap(source, account)
        share = Value(100 * source.usable[account]) if account in source.usable else None
        rows.append(Row((*cells, share, "?" if unknown is None else Value(unknown))))
    columns = (column(lang, "account"), *counts, *masses, whole, *shares)
    total = [*_added(rows, range(1, len(columns) - 2)), None, *_added(rows, [len(columns) - 1])]  # shares are no sums
    body = (*rows, Row((say(lang, "total"), *total), tuple(range(len(rows))))) if rows else ()
    return rounded(Table("Quality", say(lang, "by_quality"), columns, body, (say(lang, "gap_note"),)))


def _added(rows: list[Row], places: range | list[int]) -> list[Value]:
    return [Value(sum((Fraction(cell.exact) for row in rows if isinstance(cell := row.cells[c], Value)), Fraction(0))) for c in places]


def not_over(source: Source) -> tuple[str, ...]:
    """That the period is not over, where it is not: said before any number of it."""
    return (say(source.language, "not_over", period=source.period, until=source.until),) if source.until else ()


def quality_text(source: Source) -> tuple[str, ...]:
    """Completeness against its threshold, and whether open gaps could be material."""
    lang, share = source.language, completeness(source)
    total = Fraction(source.mass(**_POSTING).exact)
    gaps = {account: gap(source, account) for account in _accounts(source)}
    open_ended = [account for account, weight in gaps.items() if weight is None]
    known = sum((weight for weight in gaps.values() if weight is not None), Fraction(0))
    enough = "complete" if share >= Fraction(source.completeness) else "incomplete"
    said = [*not_over(source), say(lang, enough, share=_percent(share), limit=_percent(Fraction(source.completeness)))]
    limit = Fraction(source.materiality)
    material = "gaps_open" if open_ended else "gaps_material" if known > limit * abs(total) else "gaps_small"
    names = ", ".join(open_ended[:8]) + (" ..." if len(open_ended) > 8 else "")
    said.append(
        say(
            lang,
            material,
            mass=f"{float(known):.3f}",
            share=_percent(known / abs(total) if total else Fraction(0)),
            limit=_percent(limit),
            names=names,
        )
    )
    return (*said, *_spread(source))


def _spread(source: Source) -> tuple[str, ...]:
    """The 95 % interval of the city's sum, and how much of it rests on sources that state none."""
    found, lang = source.uncertainty, source.language
    if found is None:
        return ()
    if not len(found.by_source):
        return (say(lang, "spread_unknown"),)
    first = found.by_source.iloc[0]
    values = {"low": f"{found.low_kg / 1000:,.1f}", "high": f"{found.high_kg / 1000:,.1f}", "source": told(lang, str(first["source"]))}
    said = say(lang, "spread", **values, share=f"{100 * first['share']:.0f} %")
    return (said, say(lang, "spread_unstated", share=f"{100 * found.unstated_share:.1f} %")) if found.unstated_share else (said,)


def _percent(share: Fraction) -> str:
    return f"{float(share) * 100:.1f} %"


def restated(source: Source) -> tuple[Table, ...]:
    """Closed periods: the locked figure beside what the ledger says now."""
    if not source.comparatives:
        return ()
    lang = source.language
    columns = (
        column(lang, "period"),
        column(lang, "closed"),
        column(lang, "locked", "number", "tCO2e", 3),
        Column("now", say(lang, "restated"), "number", "tCO2e", 3),
        column(lang, "change", "number", "%", 4),
        Column("root", say(lang, "ledger_root"), "text"),
        column(lang, "reason", "text"),
    )
    rows = [
        Row((
            one.period, f"{one.closed} {one.who}", Value(one.locked / MG_PER_T), Value(one.now / MG_PER_T),
            Value((one.now - one.locked) * 100 / one.locked) if one.locked else None, one.root, one.reason,
        ))
        for one in source.comparatives
    ]  # fmt: skip
    return (rounded(Table("Restated", say(lang, "comparatives"), columns, tuple(rows), (say(lang, "restated_note"),))),)


def _factor_text(source: Source) -> tuple[str, ...]:
    provisional = sorted(rule.rule_id for rule in source.rules.values() if rule.provisional)
    return (say(source.language, "provisional", names=", ".join(provisional)),) if provisional else ()


def rules(source: Source) -> Table:
    """The rules that weighed the period's entries, provisional ones first."""
    lang = source.language
    columns = (
        column(lang, "rule"), column(lang, "gas"), column(lang, "kind"),
        column(lang, "basis"), column(lang, "ratio"), Column("factors", say(lang, "made_of"), "text"),
        column(lang, "note", "text"),
    )  # fmt: skip
    ordered = sorted(source.rules.values(), key=lambda rule: (not rule.provisional, rule.rule_id, rule.gas, rule.kind))
    rows = []
    for rule in ordered:
        note = " ".join(text for text in (say(lang, "is_provisional") if rule.provisional else "", told(lang, rule.note)) if text)
        ratio = f"{rule.numerator} / {rule.denominator}"
        rows.append(
            Row(
                (
                    rule.rule_id,
                    rule.gas,
                    say(lang, rule.kind),
                    told(lang, rule.basis),
                    ratio,
                    "; ".join(name for name, _ in rule.parts),
                    note,
                )
            )
        )
    return Table("Rules", say(lang, "rules"), columns, tuple(rows), (say(lang, "ratio_note"),))


def factors(source: Source) -> Table:
    """Every published number behind the rules, as printed in its source."""
    lang = source.language
    keys = ("factor", "value", "unit", "region", "validity", "uncertainty", "source", "sha256")
    columns = tuple(column(lang, key, "text" if key in ("source", "sha256") else "label") for key in keys)
    hashes = {name: digest for rule in source.rules.values() for name, digest in rule.parts}
    hashes |= {factor.id: factor.sha256 for found in source.coal.values() for weight in found.values() for factor in weight.factors}
    rows = []
    for name, digest in sorted(hashes.items()):
        factor = source.factors.get(name)
        if factor is None or factor.sha256 != digest:
            rows.append(Row((name, None, None, None, None, None, say(lang, "factor_gone"), digest)))
            continue
        spread = (
            say(lang, "unknown") if factor.uncertainty_percent is None else f"±{factor.uncertainty_percent} % ({factor.uncertainty_source})"
        )
        source_of, valid = f"{factor.source} [{factor.licence}]", told(lang, factor.validity)
        rows.append(Row((name, Value(factor.value), factor.unit, factor.region, valid, spread, source_of, digest)))
    return Table("Factors", say(lang, "factor_list"), columns, tuple(rows))


def potentials(source: Source) -> Table:
    """The warming potentials that weighed the gases of the period."""
    lang = source.language
    columns = (column(lang, "gas"), column(lang, "weight"), column(lang, "assessment"))
    gases = [gas for (gas,) in source.distinct("gas") if gas != "-"]
    rows = tuple(Row((gas, Value(source.weights[gas]), source.assessment)) for gas in gases)
    return Table("Potentials", say(lang, "potentials"), columns, rows)


def sets(source: Source) -> tuple[Table, ...]:
    """The factor sets those numbers came in, with publisher, licence and hash."""
    if not source.sets:
        return ()
    lang = source.language
    columns = tuple(column(lang, key, "label" if key == "set" else "text") for key in ("set", "publisher", "licence", "sha256"))
    rows = tuple(Row((f"{one.name}: {one.title}", one.publisher, one.licence, one.sha256)) for one in source.sets)
    return (Table("Sets", say(lang, "sets"), columns, rows),)


def proof(source: Source) -> Table:
    """Root, signature, key, time, and the files of the proof with their hashes."""
    lang, seal = source.language, source.seal
    unsigned = say(lang, "unsigned")
    sealed = {
        "ledger_root": seal.root, "batches": str(seal.batches), "known_at": seal.known_at_utc,
        "signature": seal.signature or unsigned, "public_key": seal.public_key or unsigned,
    }  # fmt: skip
    rows = [Row((say(lang, key), value)) for key, value in sealed.items()]
    rows += [Row((f"SHA-256 {name}", digest)) for name, digest in sorted(seal.files.items())]
    return Table("Proof", say(lang, "proof"), (column(lang, "what"), column(lang, "content", "text")), tuple(rows))
