"""What adds up in a city: how its file says it, the history of what no meter measures, and a night whose forecasts hold together."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city.problems import PenstockError
from forecasting.coherent import Alone
from service.environment import Environment
from service.forecasts.adding import added_up
from service.forecasts.answering import Moment
from service.forecasts.series import groups, place_of
from service.forecasts.shares import Chunk, Share
from service.migrations import upgrade
from service.plans.begin import month_peak_kw
from service.settings import LoadedCity, load
from service.store import meter_days, open_store, results, sums, writing
from service.store import paths as stored
from service.sums import topmost
from service.view import tiles
from service.view.moment import Moment as Now
from service.view.plan import fans
from tests.town import HEAD, MIDNIGHT_UTC, NOW, Town, night, power

FEEDER = '{ id = "feeder", site = "here", model = "electricity-meter", commodity = "electricity", role = "load", forecast = "net"'
TREE = (
    HEAD.replace('unit = 1, link = "field",', 'under = "feeder", unit = 1, link = "field",')
    .replace('unit = 2, link = "field",', 'under = "feeder", unit = 2, link = "field",')
    .replace('  { id = "inflow"', f'  {FEEDER}, rating_kw = 12 }},\n  {{ id = "inflow"')
)
TOTALS = '[[totals]]\nid = "use"\nname = "All use"\nof = ["hall.energy"]\n[[totals]]\nid = "town"\nof = ["use"]\nless = ["sun.energy"]\n'
DAYS = 30


def _town(folder: Path) -> Town:
    town = Town(folder, head=TREE, days=DAYS)
    parts = {"totals": TOTALS, "imports": '[[imports]]\npath = "power.csv"\nmapping = { time = "time", quantity = "energy_kwh" }\n'}
    return Town(folder, head=TREE, parts=parts, days=town.days)


def _city(folder: Path, text: str) -> LoadedCity:
    folder.mkdir(exist_ok=True)
    (folder / "city.toml").write_text(text.replace("PORT", "1"), encoding="utf-8")
    return load(Environment(city=folder / "city.toml", home=folder))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, LoadedCity]:
    """A feeder that sees a hall, a roof and 2 kWh per quarter that no meter explains; its night has run."""
    folder = tmp_path_factory.mktemp("town")
    town = _town(folder).write()
    frame = power(DAYS)
    frame["feeder.energy"] = (frame["hall.energy"] - frame["sun.energy"] + 2 + np.sin(np.arange(len(frame)))).round(3)
    frame.to_csv(folder / "power.csv", index=False)
    assert town.penstock("init").code == 0
    assert town.penstock("import").code == 0
    night(town)
    return town, load(Environment(city=town.file, home=folder))


def test_a_city_file_says_what_adds_up(tmp_path: Path) -> None:
    city = _city(tmp_path, TREE + TOTALS)
    known = city.sums
    assert known.constraints == {
        "feeder.energy": {"hall.energy": 1.0, "sun.energy": -1.0, "feeder.energy.remainder": 1.0},
        "use": {"hall.energy": 1.0},
        "town": {"use": 1.0, "sun.energy": -1.0},
    }
    assert known.leaves("town") == {"hall.energy": 1.0, "sun.energy": -1.0}
    assert known.leaves("feeder.energy.remainder") == {"feeder.energy": 1.0, "hall.energy": -1.0, "sun.energy": 1.0}
    assert {name: s.kind for name, s in known.summed.items()} == {"feeder.energy.remainder": "net", "use": "load", "town": "net"}
    assert known.rating_kw == {"feeder.energy": 12.0}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TREE.replace('"feeder", unit = 1', '"feedr", unit = 1'), "meters[0].under: no meter 'feedr'"),
        (TREE.replace('{ id = "feeder", ', '{ id = "feeder", under = "hall", '), "a part of itself|circle"),
        (TREE.replace('{ id = "inflow", ', '{ id = "inflow", under = "hall", '), "'hall' measures electricity, not water"),
        (
            HEAD + '[[totals]]\nid = "t"\nof = ["hall.enrgy"]\n',
            "no point that counts and no total 'hall.enrgy'; allowed: one of hall.energy",
        ),
        (HEAD + '[[totals]]\nid = "t"\nof = ["hall.energy", "inflow.volume"]\n', "'inflow.volume' is volume_m3, others are energy_kwh"),
        (HEAD + '[[totals]]\nid = "t"\nof = ["u"]\n[[totals]]\nid = "u"\nof = ["t"]\n', "sums without a circle"),
        (HEAD + '[[totals]]\nid = "hall"\nof = ["sun.energy"]\n', "'hall' is a meter; allowed: an id of its own"),
        (HEAD.replace(', forecast = "pv"', "") + '[[totals]]\nid = "t"\nof = ["sun.energy"]\n', "'sun.energy' is not forecast"),
        (HEAD + '[[totals]]\nid = "t"\nof = []\n', "totals"),
    ],
)
def test_sums_that_cannot_be_are_told_with_their_path(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(PenstockError) as caught:
        _city(tmp_path, text)
    assert any(one in str(caught.value) for one in told.split("|"))


def test_the_history_of_a_sum_is_the_sum_of_histories(held: tuple[Town, LoadedCity]) -> None:
    town, city = held
    engine = open_store(town.database)
    start = MIDNIGHT_UTC - pd.Timedelta(days=3)
    measured = meter_days.block(
        engine, [city.points[f"{m}.energy"] for m in ("feeder", "hall", "sun")], start, MIDNIGHT_UTC, estimates=False
    )
    feeder, hall, sun = measured.unit_values()
    rest, whole = sums.block(city, engine, ["feeder.energy.remainder", "town"], start, MIDNIGHT_UTC).unit_values()
    assert whole == pytest.approx(hall - sun, abs=1e-5)
    known = np.isfinite(feeder - hall + sun)
    assert known.mean() > 0.8
    assert rest[known] == pytest.approx((feeder - hall + sun)[known], abs=1e-5)


def test_the_night_s_p50_adds_up_on_every_level(held: tuple[Town, LoadedCity]) -> None:
    town, _ = held
    said = results.forecasts(open_store(town.database), pd.Timestamp(NOW).date())
    p50 = {name: frame["p50"].to_numpy() for name, frame in said.items()}
    assert set(p50) >= {"feeder.energy", "feeder.energy.remainder", "use", "town"}
    assert p50["feeder.energy"] == pytest.approx(p50["hall.energy"] - p50["sun.energy"] + p50["feeder.energy.remainder"], abs=1e-4)
    assert p50["town"] == pytest.approx(p50["use"] - p50["sun.energy"], abs=1e-4)
    assert all((frame["p10"] <= frame["p50"]).all() and (frame["p50"] <= frame["p90"]).all() for frame in said.values())


def test_a_total_follows_the_hall_that_an_event_changed(held: tuple[Town, LoadedCity]) -> None:
    """The hall of 100 was told to run at 40; the total, forecast without knowing, follows it instead of pulling it back."""
    town, city = held
    origins = np.arange("2022-05-01", "2022-05-15", dtype="datetime64[D]").astype("datetime64[us]")
    bands = np.repeat(np.array([(80.0, 100.0, 120.0), (32.0, 40.0, 48.0)])[:, None], 4, axis=1)
    said = Alone(("use", "hall.energy"), 900, bands, origins, np.random.default_rng(1).standard_normal((2, 14, 4)))
    moment = Moment(city, open_store(town.database), MIDNIGHT_UTC, MIDNIGHT_UTC)
    chunk = Chunk(place_of(city.environment), next(iter(groups(city))), said.ids, MIDNIGHT_UTC, MIDNIGHT_UTC, 4, ())
    share = Share(chunk, said.ids, alone=(said,), changes=pd.DataFrame({"series_id": ["hall.energy"]}))
    made, problems = added_up(moment, [share])
    assert not problems
    assert made is not None
    assert made.together.quantiles["hall.energy"][1] == pytest.approx(40, abs=0.01)
    assert made.together.quantiles["use"][1] == pytest.approx(40, abs=0.01)


def test_paths_of_the_night_add_up_one_by_one(held: tuple[Town, LoadedCity]) -> None:
    town, _ = held
    found = stored.paths(open_store(town.database), pd.Timestamp(NOW).date(), ["feeder.energy", "hall.energy", "sun.energy", "town", "use"])
    assert found["town"].shape == (204, 200)
    assert found["town"].attrs["step_s"] == 900
    assert found["town"].to_numpy() == pytest.approx((found["use"] - found["sun.energy"]).to_numpy(), abs=1e-4)


def test_a_rated_feeder_has_a_chance_to_pass_its_rating_on_each_day(held: tuple[Town, LoadedCity]) -> None:
    town, _ = held
    peaks = stored.peaks(open_store(town.database), pd.Timestamp(NOW).date()).set_index(["series_id", "day"])
    rated = peaks.loc["feeder.energy"]
    assert len(rated) == 2
    assert (rated["limit"] == 12).all()
    assert (rated["quantity"] == "power_kw").all()
    for _, row in rated.iterrows():
        assert row.p10 <= row.p50 <= row.p90
        assert row.by_step.shape == (96,)
        assert row.by_step.max() <= row.probability <= 1
    assert peaks.loc["town"]["probability"].isna().all()


def test_the_band_of_a_sum_on_the_page_is_that_of_its_paths(tmp_path: Path) -> None:
    """A hall and a shop of 10 +- 10 that always err against each other: together 20 kWh per quarter, 80 kW, without any band."""
    shop = '  { id = "shop", site = "here", model = "electricity-meter", commodity = "electricity", role = "load", forecast = "load" },\n'
    city = _city(tmp_path, HEAD.replace('  { id = "inflow"', f'{shop}  {{ id = "inflow"'))
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    upgrade(engine)
    day, names = pd.Timestamp(NOW).date(), ["hall.energy", "shop.energy"]
    times = pd.date_range(MIDNIGHT_UTC, periods=4, freq="15min", unit="us")
    frame = pd.concat(
        pd.DataFrame({"series_id": name, "time_utc": times, "made_at_utc": MIDNIGHT_UTC, "quantity": "energy_kwh"}) for name in names
    ).assign(p10=0.0, p50=10.0, p90=20.0, model="boosted")
    ladder = pd.DataFrame({"series_id": names, "model": "boosted", "reason": ""})
    with writing(engine) as connection:
        results.store_forecast(connection, day, frame, ladder, 900)
    assert fans(engine, city, day)["load"].iloc[0].tolist() == [0, 80, 160]
    swing = np.repeat(np.linspace(-10, 10, 50)[:, None], 4, axis=1)
    with writing(engine) as connection:
        stored.store_paths(connection, day, MIDNIGHT_UTC, dict.fromkeys(names, 900), {names[0]: 10 + swing, names[1]: 10 - swing})
    shown = fans(engine, city, day)["load"]
    assert shown.attrs["paths"]
    assert shown.iloc[0].tolist() == pytest.approx([80, 80, 80])
    shop = shop.replace("site =", 'under = "hall", site =')
    below = _city(tmp_path, HEAD.replace('  { id = "inflow"', f'{shop}  {{ id = "inflow"'))
    assert fans(engine, below, day)["load"].iloc[0].tolist() == [0, 40, 80]  # the shop is in the hall's forecast already


def test_what_hangs_under_a_meter_is_not_counted_beside_it(held: tuple[Town, LoadedCity]) -> None:
    town, city = held
    engine, day = open_store(town.database), pd.Timestamp(NOW).date()
    assert topmost(city, ["hall", "feeder", "sun", "inflow"]) == ["feeder", "inflow"]
    assert topmost(city, ["hall", "sun"]) == ["hall", "sun"]
    expected = results.forecasts(engine, day)["feeder.energy"]["p50"].iloc[0] * 4
    at = Now(MIDNIGHT_UTC, "Europe/Rome", replayed=False, night=day, night_utc=MIDNIGHT_UTC, late=())
    assert tiles._expected(engine, city, at, frozenset(("hall", "feeder")), "_kwh") == pytest.approx(expected)
    june = pd.read_csv(town.folder / "power.csv", parse_dates=["time"]).set_index("time").loc["2022-05-31T22:00Z":, "feeder.energy"]
    assert month_peak_kw(city, engine, MIDNIGHT_UTC) == pytest.approx(4 * june.max(), abs=0.01)
