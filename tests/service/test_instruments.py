"""A certificate is used once: by whoever comes first, across processes, restarts and databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from city.problems import PenstockError
from service import schema as t
from service.books.instruments import Use, acts, holdings, lots, take_in, use
from service.decisions import Person
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, results, writing
from tests.town import PARTS, Town

NOW = datetime(2022, 8, 1, tzinfo=UTC)
PLANNER = Person(name="ping", role="planner")
HEAD = "id,scheme,first,last,issued_on,produced_from,produced_to,expires_on,technology,plant,market,beneficiary,kg_co2_per_kwh\n"
LOT = "gec-1,GEC,GD0001,GD0100,2022-07-05,2022-06-01,2022-06-30,2024-06-30,wind,windy,CN,Town,0\n"
CONTRACT = """[[contracts]]
id = "ppa"
accounts = ["el-hall"]
plant = "sunny"
technology = "solar"
market = "CN"
first_day = 2022-01-01
last_day = 2022-12-31
certificates = "none issued"
months_mwh = { 2022-06 = 1.5 }
"""


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedCity:
    town = Town(tmp_path / "town", days=0, parts={**PARTS, "contracts": CONTRACT}).write()
    return load(Environment(city=town.file, home=town.folder))


def file(folder: Path, text: str = LOT, head: str = HEAD) -> Path:
    path = folder / "registry.csv"
    path.write_text(head + text, encoding="utf-8")
    return path


@pytest.fixture
def held(engine: Engine, loaded: LoadedCity, tmp_path: Path) -> Engine:
    take_in(engine, loaded, PLANNER, file(tmp_path), NOW)
    return engine


def asked(count: int | None = 10, instrument: str = "gec-1", **more) -> Use:
    return Use(**{"instrument": instrument, "reason": "2022 inventory", "account": "el-hall", "period": "2022-06", "count": count} | more)


def audited(engine: Engine, action: str) -> list[str]:
    return [row.sentence for row in results.rows(engine, t.audit) if row.action == action]


def test_an_import_is_taken_once_and_told_in_the_audit(held: Engine, loaded: LoadedCity, tmp_path: Path) -> None:
    assert lots(held)["gec-1"].count == 100
    assert "nothing changed" in take_in(held, loaded, PLANNER, file(tmp_path), NOW)[0]
    assert len(audited(held, "import certificates")) == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (LOT.replace("gec-1", "gec-2").replace("GD0001", "GD0100").replace("GD0100,2022", "GD0200,2022"), "in one lot"),
        (LOT.replace("wind,", "solar,"), "other contents"),
        (LOT.replace("gec-1", "gec-2").replace("GD0", " gd0"), "in one lot"),  # the same serials in small letters
        (LOT.replace("gec-1", "gec-2").replace("GD0", "GD000"), "in one lot"),  # with more leading zeros
        (LOT.replace("gec-1", "a").replace("GD0", "CN-GD-0") + LOT.replace("gec-1", "b").replace("GD0", "CN/GD/0"), "each once"),
        (LOT.replace("gec-1", "ppa").replace("GD0", "GX0"), "a contract's id"),
        (LOT.replace("GD0001", "GD101").replace("gec-1", "g"), "share a prefix"),
        (LOT.replace("2022-07-05", "2022-13-05").replace("gec-1", "g"), "day of issue"),
        (LOT.replace("GEC", "XYZ").replace("gec-1", "g"), "kind of certificate"),
        (LOT + LOT, "each once"),
        ("", "no rows"),
        (LOT.replace("wind,", "w\x1b[2Jind,").replace("gec-1", "g").replace("GD0", "GX0"), "technology"),
        ("=cmd()," + LOT.split(",", 1)[1].replace("GD0", "GE0") + "x" * 5, "registry.csv:3"),
    ],
)
def test_a_faulty_file_is_a_sentence_and_nothing_of_it_is_taken(
    held: Engine, loaded: LoadedCity, tmp_path: Path, text: str, named: str
) -> None:
    with pytest.raises(PenstockError, match=named):
        take_in(held, loaded, PLANNER, file(tmp_path, text), NOW)
    assert list(lots(held)) == ["gec-1"]


def test_unknown_columns_and_binary_files_are_sentences(held: Engine, loaded: LoadedCity, tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="columns"):
        take_in(held, loaded, PLANNER, file(tmp_path, "1,2\n", "id,other\n"), NOW)
    (tmp_path / "registry.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PenstockError, match="cannot be read"):
        take_in(held, loaded, PLANNER, tmp_path / "registry.csv", NOW)


def test_ten_are_retired_then_the_next_ten_then_no_more_than_are_left(held: Engine, loaded: LoadedCity) -> None:
    assert "GEC GD0001 to GEC GD0010" in use(held, loaded, PLANNER, asked(), NOW)
    use(held, loaded, PLANNER, asked(None, first="GD0015", last="GD0020"), NOW)
    assert "GD0011 to GEC GD0014, GEC GD0021 to GEC GD0026" in use(held, loaded, PLANNER, asked(), NOW)
    with pytest.raises(PenstockError, match="74, as many as are free"):
        use(held, loaded, PLANNER, asked(75), NOW)
    assert [(one["free"], one["retired"], one["sold"]) for one in holdings(held)] == [(74, 26, 0)]


def test_what_was_retired_cannot_be_retired_or_sold_again_after_a_restart(held: Engine, loaded: LoadedCity) -> None:
    use(held, loaded, PLANNER, asked(), NOW)
    again = open_store(held.url.render_as_string(hide_password=False))
    for name in ({}, {"period": "", "account": "", "beneficiary": "Buyer"}):
        with pytest.raises(PenstockError, match="retired or sold before"):
            use(again, loaded, PLANNER, asked(None, first="GD0010", last="GD0012", **name), NOW)
    assert len(acts(again)) == 1  # nothing of the refused range either
    assert len(audited(again, "certificate refused")) == 2


def test_the_store_itself_refuses_a_second_use_whoever_writes_it(held: Engine, loaded: LoadedCity) -> None:
    use(held, loaded, PLANNER, asked(), NOW)
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), writing(held) as connection:
        connection.execute(t.instrument_use.insert().values(use_id="GEC GD0001", act_id=99))


def test_of_two_who_retire_the_same_serials_at_once_one_gets_them(held: Engine, loaded: LoadedCity) -> None:
    url = held.url.render_as_string(hide_password=False)

    def one(_: int) -> str:
        try:
            return use(open_store(url), loaded, PLANNER, asked(None, first="GD0050", last="GD0059"), NOW)
        except PenstockError as error:
            return f"refused: {error}"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(one, range(4)))
    assert sum("refused" not in line for line in told) == 1, told
    with held.connect() as connection:
        assert connection.execute(select(func.count()).select_from(t.instrument_use)).scalar_one() == 10


def test_ranges_that_overlap_in_any_order_are_found_among_many(held: Engine, loaded: LoadedCity, tmp_path: Path) -> None:
    many = "".join(
        LOT.replace("gec-1", f"lot-{i}").replace("GD0001", f"Z{10 * i:08d}").replace("GD0100", f"Z{10 * i + 9:08d}") for i in range(3000)
    )
    one = LOT.replace("gec-1", "wide").replace("GD0001", "Z00000500").replace("GD0100", "Z00000505")
    assert len(take_in(held, loaded, PLANNER, file(tmp_path, many), NOW)) == 3000
    with pytest.raises(PenstockError, match=r"'lot-50'|'wide'"):
        take_in(held, loaded, PLANNER, file(tmp_path, one), NOW)


def test_a_certificate_may_be_for_the_year(held: Engine, loaded: LoadedCity) -> None:
    asked_of_the_year = asked(period="2021")
    assert "2021" in use(held, loaded, PLANNER, asked_of_the_year, NOW)
    (act,) = acts(held)
    assert (act.start_utc, act.end_utc) == (datetime(2020, 12, 31, 23, tzinfo=UTC), datetime(2021, 12, 31, 23, tzinfo=UTC))


def test_a_contracts_month_is_retired_once_with_its_volume(held: Engine, loaded: LoadedCity) -> None:
    assert "1.500000 MWh" in use(held, loaded, PLANNER, asked(None, "ppa", account=""), NOW)
    with pytest.raises(PenstockError, match="before"):
        use(held, loaded, PLANNER, asked(None, "ppa", account=""), NOW)
    with pytest.raises(PenstockError, match="no volume for 2022-05"):
        use(held, loaded, PLANNER, asked(None, "ppa", account="", period="2022-05"), NOW)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"reason": " "}, "no reason"),
        ({"instrument": "gec-9"}, "no lot and no contract"),
        ({"account": "roof"}, "el-hall"),
        ({"period": "2022-08"}, "has not ended"),
        ({"period": "0000-05"}, "civil month"),
        ({"period": "2022-06-15T10:30+02:00"}, "civil month"),
        ({"period": "9999-12-31T23:00+00:00"}, "civil month|has not ended"),
        ({"count": None}, "count"),
        ({"count": -3}, "count"),
        ({"first": "GD0001"}, "count"),
        ({"last": "GD0001"}, "count"),
        ({"count": None, "first": "GD0200"}, "GD0001 to GD0100"),
        ({"count": None, "first": "GD0009", "last": "GD0002"}, "first one first"),
        ({"period": ""}, "no period and no buyer"),
        ({"beneficiary": "Town\x1b[2J"}, "control characters"),
    ],
)
def test_what_does_not_fit_is_a_sentence_and_uses_nothing(held: Engine, loaded: LoadedCity, wrong: dict, named: str) -> None:
    with pytest.raises(PenstockError, match=named):
        use(held, loaded, PLANNER, asked(**wrong), NOW)
    assert acts(held) == []
    assert len(audited(held, "certificate refused")) == 1


def test_an_expired_certificate_cannot_be_retired(held: Engine, loaded: LoadedCity) -> None:
    with pytest.raises(PenstockError, match="expired on 2024-06-30"):
        use(held, loaded, PLANNER, asked(), datetime(2024, 7, 1, tzinfo=UTC))


def test_nothing_is_dated_before_what_is_on_record(held: Engine, loaded: LoadedCity, tmp_path: Path) -> None:
    use(held, loaded, PLANNER, asked(), datetime(2022, 9, 1, tzinfo=UTC))
    with pytest.raises(PenstockError, match="the last act"):
        use(held, loaded, PLANNER, asked(), NOW)
    with pytest.raises(PenstockError, match="the last act"):
        take_in(held, loaded, PLANNER, file(tmp_path, LOT.replace("gec-1", "g").replace("GD0", "GX0")), NOW)


def test_serials_may_be_typed_in_small_letters(held: Engine, loaded: LoadedCity) -> None:
    use(held, loaded, PLANNER, asked(None, first=" gd0010 "), NOW)
    with pytest.raises(PenstockError, match="before"):
        use(held, loaded, PLANNER, asked(None, first="GD0010"), NOW)


def test_a_viewer_may_neither_import_nor_retire(held: Engine, loaded: LoadedCity, tmp_path: Path) -> None:
    viewer = Person(name="vera", role="viewer")
    with pytest.raises(PenstockError, match="role planner"):
        use(held, loaded, viewer, asked(), NOW)
    with pytest.raises(PenstockError, match="role planner"):
        take_in(held, loaded, viewer, file(tmp_path), NOW)
    assert len(audited(held, "certificate refused")) == 2
