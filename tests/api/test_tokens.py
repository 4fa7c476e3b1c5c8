"""Who may ask for what: tokens, their scopes, districts and days, homes, and how often."""

import re
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from service import schema as t
from service.api.groups import OPERATIONS
from service.api.homes import Homes
from service.api.problem import Denied
from service.api.rates import Rates
from service.books.households import consents
from service.store import open_store, writing
from tests.api.api_town import AT, HASH, SECRET, Client
from tests.town import NOW, Town

HOME = {"flat", "flat.energy", "home"}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "unknown or missing"),
        ({"authorization": f"Basic all.{SECRET}"}, "unknown or missing"),
        ({"authorization": f"Bearer nobody.{SECRET}"}, "unknown or missing"),
        ({"authorization": "Bearer all.wrong"}, "unknown or missing"),
        ({"authorization": "Bearer all.\xe9\xff"}, "unknown or missing"),
        ({"authorization": f"Bearer stale.{SECRET}"}, "expired on 2022-06-14"),
    ],
)
def test_without_a_good_token_nothing_is_told(headers: dict[str, str], said: str, api_night: Town) -> None:
    answer = Client(api_night).raw("/v1/city", headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert said in answer.told["observed"]


def test_only_health_and_the_description_need_no_token(client: Client) -> None:
    assert [client.get(path, None).status for path in ("/v1/health", "/v1/openapi.json", "/v1/plans")] == [200, 200, 401]


def test_a_token_without_the_scope_is_told_which_one(client: Client) -> None:
    answer = client.get("/v1/readings", "narrow", point="hall.energy")
    assert (answer.status, answer.told["allowed"]) == (403, "the scope readings")


def test_a_token_that_is_bound_to_districts_sees_nothing_beside_them(client: Client) -> None:
    assert {item["id"] for item in client.pages("/v1/meters", "dma")} == {"inflow"}
    assert client.get("/v1/readings", "dma", point="hall.energy").status == 404
    assert {item["series"] for item in client.pages("/v1/forecasts", "dma")} == {"inflow.volume"}
    for path in ("/v1/plans", "/v1/statements", "/v1/ledger/batches", "/v1/levels", "/v1/targets"):
        assert client.get(path, "dma").status == 403


def test_a_home_is_not_there_without_consent_and_scope(api_town: Town) -> None:
    client = Client(api_town)
    for token in ("all", "kin"):
        told = {item["id"] for path in ("/v1/meters", "/v1/points") for item in client.pages(path, token)}
        assert told.isdisjoint(HOME)
        unknown = client.get("/v1/readings", token, point="nothing.here")
        answer = client.get("/v1/readings", token, point="flat.energy")
        assert answer.status == unknown.status == 404
        assert answer.body == unknown.body.replace(b"nothing.here", b"flat.energy")  # as if there were no such point
    assert not any("flat" in str(item) for item in client.pages("/v1/latest"))


def test_a_home_whose_owner_consents_is_told_from_that_month_on_to_the_scope_alone(api_town: Town) -> None:
    engine = open_store(api_town.database)
    note = {"household": "home", "owner": "ada", "who": "bo", "note": "opted in", "at_utc": AT}
    with writing(engine) as connection:
        connection.execute(t.household_consent.insert().values(**note, event="given", since="2022-06"))
    assert list(consents(engine)) == ["home"]
    client, asked = Client(api_town), {"point": "flat.energy", "since": "2022-06-15T18:00Z", "until": "2022-06-16T00:00Z"}
    assert len(client.pages("/v1/readings", "kin", **asked)) == 10
    assert client.get("/v1/readings", "all", **asked).status == 404
    with writing(engine) as connection:
        connection.execute(t.household_consent.insert().values(**note, event="given", since="2022-07"))
    assert client.pages("/v1/readings", "kin", **asked) == []
    with writing(engine) as connection:
        connection.execute(t.household_consent.insert().values(**note, event="withdrawn", since="2022-07"))
    assert client.get("/v1/readings", "kin", **asked).status == 404


def test_the_newest_good_reading_of_a_home_is_told_from_the_month_of_its_consent_only(api_town: Town) -> None:
    note = {"household": "home", "owner": "ada", "who": "bo", "note": "opted in", "at_utc": AT, "event": "given", "since": "2022-06"}
    engine, client = open_store(api_town.database), Client(api_town)
    key = select(t.point.c.point_key).where(t.point.c.point_id == "flat.energy").scalar_subquery()
    with writing(engine) as connection:
        connection.execute(t.household_consent.insert().values(**note))
    assert [one["good_value"] is None for one in client.pages("/v1/latest", "kin") if one["point"] == "flat.energy"] == [False]
    with writing(engine) as connection:
        connection.execute(update(t.latest).where(t.latest.c.point_key == key).values(good_time_utc=datetime(2022, 5, 30, tzinfo=UTC)))
    (told,) = (one for one in client.pages("/v1/latest", "kin") if one["point"] == "flat.energy")
    assert (told["good_value"], told["good_time_utc"]) == (None, None)


def test_no_operation_names_a_closed_home(client: Client) -> None:
    """Whatever is told of the whole city, in lists, sentences and values, but for the bytes of statements."""
    names = {"series": "hall.energy", "plan": "plan-20220616-0", "period": "2022-06"}
    for one in OPERATIONS:
        if one.answer is not None and one.scope is not None:
            query = {"point": "hall.energy"} if one.group == "readings" and any(p.required for p in one.parameters) else {}
            answer = client.get(one.path.format(**names), **query)
            assert answer.status == 200, answer.body
            assert not re.search(rb'"flat"|flat\.energy|"home"', answer.body), one.path


def test_an_alarm_of_what_rests_on_a_closed_home_is_not_told(api_town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_store(api_town.database)
    row = {"kind": "breach", "priority": 2, "state": "unacknowledged", "active": True, "since_utc": AT, "reason": "", "follows": ""}
    with writing(engine) as connection:
        for number, subject in enumerate(("flat", "battery", "pump", "hall"), 9_000):
            own = {"alarm_id": number, "subject": subject, "source": f"{subject} 1", "district": "", "facts": {}}
            connection.execute(t.alarm.insert().values(**row, **own))
    monkeypatch.setattr(Homes, "asset", lambda _, name: name != "battery")
    told = {item["subject"] for item in Client(api_town).pages("/v1/alarms") if item["id"] >= 9_000}
    assert told == {"pump", "hall"}


def test_which_homes_are_closed_is_asked_once_in_a_request(client: Client) -> None:
    """A sum over ten thousand points must not look ten thousand times."""
    homes = Homes(client.engine, client.city, client.city.settings.api_tokens[0])
    assert "flat.energy" in homes.closed
    assert homes.closed is homes.closed


def test_the_command_shows_a_token_once_and_its_entry_opens_the_api_without_a_restart(api_town: Town) -> None:
    client = Client(api_town)
    said = api_town.penstock("api", "token", "viz", "--scope", "city,readings", "--zones", "old-town", "--days", "30", "--now", NOW)
    assert said.code == 0, said.all
    token, _, *entry = said.out.splitlines()
    assert "expires = 2022-07-15" in entry
    assert token.split(".")[1] not in "".join(entry)
    headers = {"authorization": f"Bearer {token}"}
    assert client.raw("/v1/meters", headers=headers).status == 401
    before = api_town.file.read_text(encoding="utf-8")
    api_town.file.write_text(before + "\n" + "\n".join(entry) + "\n", encoding="utf-8")
    answer = client.raw("/v1/meters", headers=headers)
    assert [item["id"] for item in answer.told["items"]] == ["inflow"]
    api_town.file.write_text(before, encoding="utf-8")
    assert client.raw("/v1/meters", headers=headers).status == 401


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["all"], "is in city.toml already"),
        (["Bad Name"], "token 'Bad Name', id"),
        (["viz", "--scope", "everything"], "--scope: 'everything'; allowed: city, readings, "),
        (["viz", "--zones", "atlantis"], "old-town"),
    ],
)
def test_a_token_that_cannot_be_is_refused_with_a_sentence(words: list[str], said: str, api_night: Town) -> None:
    answer = api_night.penstock("api", "token", *words)
    assert answer.code == 1
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1


def test_an_unknown_scope_in_the_city_file_is_one_sentence(api_town: Town) -> None:
    """Without it the list would be too short as well, which nobody has to be told."""
    text = api_town.file.read_text(encoding="utf-8")
    api_town.file.write_text(text.replace('scopes = ["city"]', 'scopes = ["everything"]'), encoding="utf-8")
    (told,) = api_town.penstock("night", "--now", NOW).err.splitlines()
    assert "api_tokens[3].scopes[0]" in told
    assert "everything" in told
    api_town.file.write_text(text.replace('scopes = ["city"]', "scopes = []"), encoding="utf-8")
    (told,) = api_town.penstock("night", "--now", NOW).err.splitlines()
    assert "at least 1 item" in told


def test_a_token_for_a_district_that_is_not_there_is_a_fault_of_the_city_file(api_town: Town) -> None:
    text = api_town.file.read_text(encoding="utf-8").replace('districts = ["old-town"]', 'districts = ["new-town"]')
    api_town.file.write_text(text, encoding="utf-8")
    assert "api_tokens[2].districts" in api_town.penstock("night", "--now", NOW).err


def test_a_token_may_ask_so_often_and_is_told_when_it_may_again() -> None:
    clock = [0.0]
    rates = Rates(6, lambda: clock[0])
    for _ in range(6):
        rates.take("a")
    with pytest.raises(Denied) as denied:
        rates.take("a")
    assert (denied.value.status, denied.value.headers) == (429, {"Retry-After": "10"})
    rates.take("b")
    clock[0] = 10.0
    rates.take("a")


def test_an_address_that_tries_tokens_out_has_to_wait_and_who_has_one_does_not(api_night: Town) -> None:
    client = Client(api_night)
    said = [client.get("/v1/city", "nobody").status for _ in range(32)]
    assert said[:30] == [401] * 30
    assert set(said[30:]) == {429}
    assert client.get("/v1/city").status == 200  # behind a proxy all have one address: nobody shuts the others out


def test_comparing_takes_as_long_for_a_name_that_is_there(client: Client) -> None:
    """Both compare two digests in constant time: no name can be told by its time."""
    from service.api.tokens import Tokens

    tokens = Tokens(client.city.environment.city_file, client.city.settings.api_tokens)
    taken: dict[str, list[float]] = {"all": [], "nobody": []}
    for _ in range(300):
        for name, times in taken.items():
            begun = time.perf_counter()
            with pytest.raises(Denied):
                tokens.known(f"Bearer {name}.wrong", datetime(2022, 6, 15, tzinfo=UTC))
            times.append(time.perf_counter() - begun)
    middle = {name: sorted(times)[150] for name, times in taken.items()}
    assert 0.3 < middle["all"] / middle["nobody"] < 3


def test_no_hash_of_a_token_leaves_through_the_api(client: Client) -> None:
    found = [
        client.get(one.path.format(series="hall.energy", plan="plan-20220616-0", period="2022-06", name="inventory.json")).body
        for one in OPERATIONS
    ]
    told = b"".join(found)
    assert HASH.encode() not in told
    assert not re.search(rb"sha256 = |expires", told)
