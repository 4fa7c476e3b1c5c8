"""The ledger of the release before comes along as it was: its rows, its chain, its last root behind which the new one begins.

`former_ledger.json` holds the headers that the release before (0.1.0 as of e02e981, `carbon/proof.py`) gave to the entries below.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, column, select, table

from service import migrations
from service import schema as t
from service.books import former_ledger
from service.store import open_store, writing
from tests.service.ledger_town import book, night, town

AT = datetime(2022, 6, 13, 22, tzinfo=UTC)
HEADS = json.loads((Path(__file__).parent / "former_ledger.json").read_text(encoding="utf-8"))
ENTRIES = [  # batch, place, account, activity, scope, amount, factor, mg, kind
    (0, 0, "el-hall", "grid electricity", 2, 600_000, "cn.grid.ZJ.2022", 309_000_000, "posting"),
    (0, 1, "water", "Wasserverlust ü", 3, 12_000_000, "memo", 0, "memo"),
    (1, 0, "el-hall", "grid electricity", 2, 500_000, "cn.grid.ZJ.2022", 257_500_000, "posting"),
]


def filled(engine: Engine) -> None:
    """The tables of the release before with two nights."""
    entries, batches = (
        table(name, *(column(one.name, one.type) for one in former.columns))
        for name, former in (("ledger_entry", t.former_ledger_entry), ("ledger_batch", t.former_ledger_batch))
    )
    with writing(engine) as connection:
        for number, place, account, activity, scope, amount, factor, mg, kind in ENTRIES:
            start = AT + timedelta(days=number)
            row = {"number": number, "ordinal": place, "entry_id": f"{number}{place}" * 16, "account_id": account, "scope": scope}
            row |= {"period_start_utc": start, "period_end_utc": start + timedelta(days=1), "activity": activity, "amount": amount}
            row |= {"factor_id": factor, "mg_by_gas": mg, "quality": 1, "kind": kind, "supersedes": None}
            connection.execute(entries.insert().values(**row, known_at_utc=start + timedelta(days=1, hours=2.5)))
        for head in HEADS:
            connection.execute(batches.insert().values(**head, day=(AT + timedelta(days=head["number"], hours=12)).date()))


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def test_the_former_ledger_comes_along_verifies_and_goes_back(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'p.db'}" if database == "sqlite" else request.getfixturevalue("postgres_database")
    engine = open_store(url, create=True)
    migrations.upgrade(engine, "0009")
    filled(engine)
    migrations.upgrade(engine)
    assert former_ledger.root(engine) == HEADS[-1]["root"]
    assert former_ledger.size(engine) == (2, 3)
    assert list(former_ledger.verify(engine)) == []
    entry = t.former_ledger_entry
    with writing(engine) as connection:
        connection.execute(entry.update().where(entry.c.account_id == "water").values(amount=1))
    (found,) = former_ledger.verify(engine)
    assert "former ledger, batch 0: other values in amount" in str(found)
    migrations.downgrade(engine, "0009")
    with engine.connect() as connection:
        kept = connection.execute(select(column("root")).select_from(table("ledger_batch")).order_by(column("number"))).scalars().all()
    assert kept == [head["root"] for head in HEADS]


def test_the_new_chain_begins_behind_the_former_root_and_posts_its_days_again(tmp_path: Path) -> None:
    made = town(tmp_path / "new", days=3)
    engine = open_store(made.database)
    migrations.downgrade(engine, "0009")
    filled(engine)
    migrations.upgrade(engine)
    night(made)
    assert book(made).batches[0].header.previous == HEADS[-1]["root"]
    fresh = town(tmp_path / "fresh", days=3)
    night(fresh)
    assert [one.header.merkle for one in book(made).batches] == [one.header.merkle for one in book(fresh).batches]
    said = made.penstock("verify")
    assert (said.code, "3 entries in 2 batches of the former ledger" in said.out) == (0, True)
    with writing(engine) as connection:
        connection.execute(t.former_ledger_batch.delete().where(t.former_ledger_batch.c.number == 1))
    assert "ledger batch 0: behind root d512336fb791" in made.penstock("verify").out
