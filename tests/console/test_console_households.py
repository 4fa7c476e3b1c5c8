"""A household's book and its owner's name: on the owner's page, and on no page, list or download of anybody else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from city.problems import PenstockError
from console.pages import PAGES
from service import schema as t
from service.auditing import listing
from service.books import households
from service.decisions import Person
from service.environment import Environment
from service.settings import load
from service.store import open_store, results, writing
from tests.signed_in import token

HOME, OWNER, AMOUNT = "flat-7b", "rosalind-owns-it", 987_654_321  # Wh
PLANNER = Person(name="planner", role="planner")
AT = datetime(2022, 6, 15, 21, tzinfo=UTC)
OTHERS = ("operator", "planner", "viewer", "engineer", "admin")


@pytest.fixture
def with_home(city: Path) -> Path:
    file = city / "city.toml"
    text = file.read_text(encoding="utf-8")
    assert "sites = [" in text
    file.write_text(text.replace("sites = [", f'sites = [{{ id = "{HOME}", sector = "services" }}, ', 1), encoding="utf-8")
    accounts = city / "accounts.toml"
    for name, role in (("engineer", "engineer"), ("admin", "admin"), (OWNER, "household"), ("neighbour", "household")):
        if f'name = "{name}"' not in (there := accounts.read_text(encoding="utf-8")):
            accounts.write_text(f'{there}\n[[accounts]]\nname = "{name}"\nrole = "{role}"\n', encoding="utf-8")
    loaded = load(Environment())
    engine = open_store(loaded.environment.url)
    households.give(engine, loaded, PLANNER, HOME, OWNER, AT, f"{OWNER} signed a form", "2022-05")
    with writing(engine) as connection:
        row = {"household": HOME, "month": "2022-05", "measure": "energy_kwh", "amount": AMOUNT, "missing": 0}
        connection.execute(t.household_month.insert().values(row))
    households.book(engine, HOME, OWNER, AT)
    with pytest.raises(PenstockError, match="not open to operator"):
        households.book(engine, HOME, "operator", AT)
    token(OWNER)  # whose sign-in is a line of the audit as well
    return city


def shown(page: str, name: str) -> str:
    """Everything a page sends to the browser, whatever kind of element it stands in."""
    script = "from console import pages\npages.main()" if page == "main" else f"from console import pages\npages.show({page!r})"
    at = AppTest.from_string(script, default_timeout=90)
    at.session_state["token"] = token(name)
    at.run()
    assert not at.exception
    frames = "".join(frame.value.to_csv() for frame in at.dataframe)
    return str(at) + "".join(html.proto.body for html in at.html) + frames


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_no_page_shows_anybody_else_a_household_its_owner_or_its_use(with_home: Path, name: str) -> None:
    for page in PAGES:
        seen = shown(page, name)
        assert len(seen) > 500, page
        assert not [secret for secret in (OWNER, "987654", "987,654", "987 654") if secret in seen], page
        if page == "runs":
            assert listing.MASKED in seen


def test_the_owner_sees_the_own_book_and_no_other_page(with_home: Path) -> None:
    seen = shown("own_household", OWNER)
    assert "987654.321" in seen
    assert "2022-05" in seen
    assert "987654" not in shown("own_household", "neighbour")
    for page in PAGES:
        at = AppTest.from_string(f"from console import pages\npages.show({page!r})", default_timeout=60)
        at.session_state["token"] = token(OWNER)
        assert len(at.run().html) == 0, page


def test_the_owner_withdraws_and_consents_again_and_the_old_book_is_gone(with_home: Path) -> None:
    at = AppTest.from_string("from console import pages\npages.show('own_household')", default_timeout=60)
    at.session_state["token"] = token(OWNER)
    at.run()
    assert at.button(key=f"withdraw_{HOME}").disabled  # until it is said twice: the book cannot be brought back
    at.checkbox(key=f"sure_{HOME}").check().run()
    at.button(key=f"withdraw_{HOME}").click().run()
    engine = open_store(Environment().url)
    assert results.rows(engine, t.household_month) == []
    assert not at.dataframe
    at.button(key=f"give_{HOME}").click().run()
    assert households.consents(engine)[HOME].since == "2022-06"
    assert not at.dataframe  # what was shown before is not kept


def test_lists_of_the_audit_mask_households_and_cannot_be_searched_for_them(with_home: Path) -> None:
    engine = open_store(Environment().url)
    lines = [line for line in listing.lines(engine, listing.Asked()) if line.action.startswith(("household", "consent"))]
    lines += [line for line in listing.lines(engine, listing.Asked(action="sign in")) if line.who == listing.MASKED]
    assert {line.action for line in lines} == {"consent given", "household book", "household book refused", "sign in"}
    assert {(line.who, line.subject, line.sentence) for line in lines} == {(listing.MASKED,) * 3}
    for asked in (listing.Asked(text=HOME), listing.Asked(text=OWNER), listing.Asked(who=OWNER)):
        assert listing.lines(engine, asked) == []
        assert listing.count(engine, asked) == 0
    assert OWNER not in listing.choices(engine)["who"]


def test_nobody_enters_the_own_consent_however_the_name_is_spelled(with_home: Path) -> None:
    loaded = load(Environment())
    engine = open_store(loaded.environment.url)
    for owner in ("planner", "Planner", "ＰＬＡＮＮＥＲ"):
        with pytest.raises(PenstockError, match="a colleague who enters it"):
            households.give(engine, loaded, PLANNER, HOME, owner, AT, "")
