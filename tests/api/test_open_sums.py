"""Sums over homes in the API: what one of them would tell of a home beside the others, and beside the nights before."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service import schema as t
from service.api.homes import Homes
from service.api.open_sums import open_sums
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, writing
from tests.api.api_town import AT, TOKENS
from tests.town import MIDNIGHT_UTC, PARTS, Town, prepared

NIGHT = date(2022, 6, 16)
HOMES = 8
SITES = ", ".join(f'{{ id = "home-{i}", sector = "homes" }}' for i in range(HOMES))
METER = 'model = "electricity-meter", commodity = "electricity", role = "load", forecast = "load"'
UNDER = ', under = "feeder"'
METERS = "".join(f'  {{ id = "flat-{i}", site = "home-{i}", {METER}{UNDER if i < 6 else ""} }},\n' for i in range(HOMES))
FEEDER = f'  {{ id = "feeder", site = "here", {METER} }},\n'
TOTALS = {"all": range(8), "seven": range(7), "last-four": range(4, 8), "two": range(2)}


def total(name: str, homes: range) -> str:
    parts = ", ".join(f'"flat-{i}.energy"' for i in homes)
    return f'[[totals]]\nid = "{name}"\nof = [{parts}]\n'


def street(folder: Path, totals: dict[str, range], feeder: str = FEEDER) -> Town:
    """Eight homes, six of them under a feeder when there is one; three homes are the fewest a sum may tell."""
    town = Town(folder, days=0)
    head = town.head.replace('"here", sector = "services" }]', f'"here", sector = "services" }}, {SITES}]')
    head = head.replace("sectors = [{", 'sectors = [{ id = "homes" }, {').rstrip().removesuffix("]") + feeder
    head += (METERS if feeder else METERS.replace(UNDER, "")) + "]\n"
    parts = {key: text for key, text in PARTS.items() if key != "imports"}
    parts |= {"api": TOKENS, "k": "[households]\nk = 3\n", "totals": "".join(total(*one) for one in totals.items())}
    return Town(folder, head=head, parts=parts, days=0)


def loaded(town: Town) -> LoadedCity:
    return load(Environment(city=town.file, home=town.folder))


def seen(engine: Engine, city: LoadedCity, token: str = "all", night: date = NIGHT) -> set[str]:  # noqa: S107 - a name, no secret
    """Sums that a token of the town is told of a night."""
    (own,) = (one for one in city.settings.api_tokens if one.id == token)
    homes = Homes(engine, city, own)
    return {name for name in city.sums.summed if homes.series(name, night)}


def ran(engine: Engine, city: LoadedCity, night: date = NIGHT) -> None:
    """The record of a night, as the night itself keeps it."""
    run = {"city": "town", "night": night, "command": "night", "now_utc": MIDNIGHT_UTC, "started_utc": AT, "status": "done", "pid": 1}
    version = {"config_hash": city.config_hash, "seen_utc": AT, "author": "bo", "text": city.environment.city_file.read_text()}
    with writing(engine) as connection:
        connection.execute(t.run.insert().values(**run, config_hash=city.config_hash))
        connection.execute(t.config_version.delete().where(t.config_version.c.config_hash == city.config_hash))
        connection.execute(t.config_version.insert().values(**version))


def test_a_sum_over_all_homes_but_one_is_not_told_beside_that_over_all(tmp_path: Path) -> None:
    """Of 8 homes: all 8 and the last 4 are told (4 left); 7 of them (1 left) and a sum of 2 are not."""
    city = loaded(prepared(street(tmp_path, TOTALS, feeder="")))
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}")
    ran(engine, city)
    assert seen(engine, city) == {"all", "last-four"}
    assert seen(engine, loaded(street(tmp_path, {"seven": range(7)}, feeder="").write())) == set()  # no night with this city
    alone = loaded(street(tmp_path, {"seven": range(7)}, feeder="").write())
    ran(engine, alone, NIGHT + timedelta(days=9))
    assert seen(engine, alone, night=NIGHT + timedelta(days=9)) == {"seven"}


def test_a_feeder_that_is_read_stands_beside_the_sums(tmp_path: Path) -> None:
    """Six homes hang under the feeder, whose readings are open: five of them in a sum would tell the sixth, but for losses."""
    every = frozenset(f"home-{i}" for i in range(HOMES))
    five = {"five": range(5), "all": range(8)}
    assert open_sums(loaded(street(tmp_path, five).write()), every) == {"feeder.energy.remainder"}  # all 8 less the feeder: 2
    assert open_sums(loaded(street(tmp_path, {"five": range(5)}, feeder="").write()), every) == {"five"}
    assert open_sums(loaded(street(tmp_path, {"three": range(3)}).write()), every) == {"feeder.energy.remainder", "three"}


def test_homes_whose_owners_consent_hide_nobody_once_a_token_may_see_them(tmp_path: Path) -> None:
    """Four homes, two of them told singly to `kin`: the sum would be one of two homes, also for a token beside it."""
    town = street(tmp_path, {"last-four": range(4, 8)}, feeder="")
    city = loaded(prepared(town))
    engine = open_store(town.database)
    ran(engine, city)
    assert seen(engine, city) == seen(engine, city, "kin") == {"last-four"}
    with writing(engine) as connection:
        for name in ("home-4", "home-5"):
            note = {"household": name, "owner": "ada", "who": "bo", "note": "", "at_utc": AT, "event": "given", "since": "2022-06"}
            connection.execute(t.household_consent.insert().values(**note))
    assert seen(engine, city) == seen(engine, city, "kin") == set()


def test_an_asset_is_told_when_the_sum_it_follows_is(tmp_path: Path) -> None:
    """What is planned for a load is its forecast: that of two homes is not told under the name of an asset either."""
    town = street(tmp_path, TOTALS, feeder="")
    loads = "".join(f'[[assets]]\nid = "load-{name}"\nkind = "fixed_load"\nseries = ["{name}"]\n' for name in TOTALS)
    city = loaded(
        prepared(town.changed("assets", 'kind = "grid"\nconnection_kw = 500.0\n', f'kind = "grid"\nconnection_kw = 500.0\n{loads}'))
    )
    engine = open_store(town.database)
    ran(engine, city)
    homes = Homes(engine, city, city.settings.api_tokens[0])
    assert {name for name in TOTALS if homes.asset(f"load-{name}", NIGHT)} == {"all", "last-four"}
    assert homes.asset("hall", NIGHT)
    assert not homes.asset("load-all", NIGHT - timedelta(days=1))  # nobody knows what that night summed


def test_when_a_home_joins_a_sum_no_two_nights_that_forecast_the_same_hours_tell_it(tmp_path: Path) -> None:
    """The night of the 16th summed seven homes, that of the 17th eight; a night forecasts 48 hours."""
    town = street(tmp_path, {"sum": range(7)}, feeder="")
    before = loaded(prepared(town))
    engine = open_store(town.database)
    ran(engine, before, NIGHT)
    assert seen(engine, before) == {"sum"}
    after = loaded(street(tmp_path, {"sum": range(8)}, feeder="").write())
    assert seen(engine, after) == set()  # what was summed then is judged by who was in it then
    told = []
    for days in range(1, 5):
        ran(engine, after, NIGHT + timedelta(days=days))
        told.append(seen(engine, after, night=NIGHT + timedelta(days=days)))
    assert told == [set(), set(), {"sum"}, {"sum"}]


@pytest.mark.parametrize("kept", [True, False])
def test_a_change_of_the_city_file_that_touches_no_sum_hides_none(kept: bool, tmp_path: Path) -> None:
    town = street(tmp_path, {"sum": range(7)}, feeder="")
    before = loaded(prepared(town))
    engine = open_store(town.database)
    ran(engine, before)
    after = loaded(town.changed("head", 'name = "Town"', 'name = "Old Town"').write())
    assert after.config_hash != before.config_hash
    if kept:
        ran(engine, after, NIGHT + timedelta(days=1))
    assert seen(engine, after) == {"sum"}
    with writing(engine) as connection:
        connection.execute(t.config_version.delete().where(t.config_version.c.config_hash == before.config_hash))
    assert seen(engine, after) == set()  # nobody knows any more what that night summed
