"""The page of cases and the shift log on Now: a board by state, the next step as the one button, two names for a hand-over."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("streamlit")

from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from console import look
from console.cases import case as page
from console.cases import steps
from console.now import paper, shift
from console.words.cases import CASE_WORDS
from console.words.shifts import SHIFT_WORDS
from service.cases import deciding, opening
from service.cases import store as cases
from service.cases.levels import CaseSettings
from service.cases.states import STATES, STEPS
from service.decisions import Person
from service.environment import Environment
from service.settings import load
from service.shifts import log
from service.shifts.changes import Change
from service.store import open_store
from tests.console.test_console_pages import opened, text
from tests.signed_in import token

NOW, HOUR = datetime(2022, 6, 16, 0, 0, tzinfo=UTC), timedelta(hours=1)
LEAK, PLAIN = "leak-20220615-1400-dma-a", CaseSettings()
ADA, EVA = Person(name="ada", role="operator"), Person(name="eva", role="engineer")


@pytest.fixture
def engine(city: Path) -> Engine:
    """The store of the small city after a round: two leaks, two cases."""
    store = open_store(f"sqlite:///{city / 'penstock.db'}")
    opening.follow(store, load(Environment(city=city / "city.toml", home=city)), NOW)
    return store


def burst(engine: Engine) -> cases.Case:
    return next(case for case in cases.listed(engine, PLAIN, states=STATES) if case.source_id == LEAK)


def shown(engine: Engine, language: str = "en"):
    at = opened("cases", language=language)
    at.button(key=f"case_{burst(engine).case_id}").click().run()
    assert not at.exception
    return at


def step(at, name: str = "step"):
    """The button that takes the next step, or another one."""
    return next(button for button in at.button if (button.key or "").startswith(f"{name}_"))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["Open cases 2 Leak 2", "Overdue", "Found needs an owner 2", "Leak · Old town", "Burst of 42.0 m3/h", "overdue 8 h"]),
        ("zh", ["未结工单 2 漏损 2", "超时", "已发现 待派单 2", "漏损 · Old town", "爆管 42.0 m3/h，最可能为管道 105", "超时 8 h"]),
    ],
)
def test_the_board_shows_every_open_case_with_owner_age_and_how_late(engine: Engine, language: str, said: list[str]) -> None:
    seen = text(opened("cases", language=language)).replace("\\", "")
    assert [part for part in said if part not in seen] == [], seen


def test_the_next_step_is_the_one_primary_button(engine: Engine) -> None:
    at = shown(engine)
    step(at).click().run()
    assert (burst(engine).state, burst(engine).owner) == ("assigned", "operator")
    assert "operator has it" in text(at)
    at.text_input(key=f"case_work_{burst(engine).case_id}").set_value("clamp set").run()
    step(at).click().run()
    assert (burst(engine).state, burst(engine).last.note) == ("worked", "clamp set")
    assert step(at).disabled  # an operator does not check
    assert "Only for: engineer" in text(at)
    assert "The leak itself is still open." in text(at)


def test_closing_offers_to_tell_the_leak_repaired_and_does_not_do_it_by_itself(engine: Engine) -> None:
    number = burst(engine).case_id
    deciding.assign(engine, ADA, number, NOW, "ada")
    deciding.work(engine, ADA, number, NOW)
    deciding.check(engine, EVA, number, NOW)
    at = shown(engine)
    assert "Closing the case leaves the leak as it is" in text(at)
    step(at).click().run()
    assert burst(engine).state == "closed"
    assert opening.kinds()["leak"].lasts(engine, burst(engine)) is True
    at.segmented_control(key=f"marks_{number}").set_value(2).run()
    at.checkbox(key=f"false_{number}").check().run()
    step(at).click().run()
    assert burst(engine).last.facts == {"marks": 2, "false_alarm": True}


def test_who_was_slower_is_told_so_and_nothing_is_lost(engine: Engine) -> None:
    at = shown(engine)
    deciding.assign(engine, ADA, burst(engine).case_id, NOW, "ada")
    step(at).click().run()
    assert "In the meantime, by ada: assigned to ada (2022-06-16 02:00 CEST). Look again." in text(at)
    assert (burst(engine).state, burst(engine).owner) == ("assigned", "ada")  # not worked: nobody meant that


def test_a_viewer_sees_the_case_and_decides_nothing(engine: Engine) -> None:
    at = opened("cases", name="viewer")
    at.button(key=f"case_{burst(engine).case_id}").click().run()
    assert step(at).disabled
    assert step(at, "cancel").disabled


def test_the_line_of_stations_forgets_what_was_before_a_case_was_opened_again(engine: Engine) -> None:
    number = burst(engine).case_id
    deciding.assign(engine, ADA, number, NOW, "ada")
    deciding.work(engine, ADA, number, NOW + HOUR)
    deciding.reopen(engine, EVA, number, NOW + 2 * HOUR, "still wet")
    assert list(page.passed(burst(engine))) == ["found", "assigned"]


def test_what_somebody_typed_is_text_on_the_page(engine: Engine, city: Path) -> None:
    loaded = load(Environment(city=city / "city.toml", home=city))
    bad = "<script>alert(1)</script> :red[x] **y**"
    number = opening.by_hand(engine, loaded, ADA, "meter", "feeder-01", 2, NOW, bad)
    deciding.note(engine, ADA, number, NOW, bad)
    log.note(engine, ADA, NOW, bad, bad)
    at = opened("cases")
    assert look.plain(bad) in at.button(key=f"case_{number}").label
    at.button(key=f"case_{number}").click().run()
    for seen in (at, opened("now")):
        assert not [html for html in seen.html if "<script>alert" in html.proto.body]


def test_now_shows_what_changed_and_takes_notes(engine: Engine) -> None:
    at = opened("now")
    seen = text(at)
    assert "What changed since 2022-06-15 14:00 CEST" in seen
    assert "Cases · 2" in seen
    at.text_area(key="shift_text").set_value("Pump 2 is out")
    at.button(key="shift_write").click().run()
    assert [note.text for note in log.notes(engine, NOW - HOUR, NOW)] == ["Pump 2 is out"]
    assert "Pump 2 is out" in text(opened("now", language="zh"))


def test_the_sheet_of_paper_has_every_change_and_note_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper.header, "city_name", lambda: "Town & Co")
    monkeypatch.setattr(paper, "_printed", lambda: "02:00 CEST")
    monkeypatch.setattr(paper.look, "clock", lambda at: f"{at:%H:%M}")
    notes = [log.Note(2, NOW, "ada", "ps-lake", "<b>out</b>", 1), log.Note(1, NOW, "ada", "", "on", None, 2)]
    done = log.HandOver(1, NOW, NOW, "ada", "quiet <night>", {}, "cat", NOW + HOUR)
    made = paper.sheet("since 14:00", [("leaks", "02:00 new <i>"), ("nights", "done")], notes, done)
    for part in ("Town &amp; Co", "<h2>Leaks · 1</h2><ul><li>02:00 new &lt;i&gt;</li></ul>", "<h2>Nights · 1</h2>", "<s>on</s>"):
        assert part in made
    assert "<b>ps-lake</b> &lt;b&gt;out&lt;/b&gt;" in made
    assert "quiet &lt;night&gt;" in made
    assert "Handed over by: ada</div><div>Taken over by: cat" in made


def test_only_lines_that_read_alike_stand_as_one() -> None:
    def change(subject: str, sentence: str) -> Change:
        return Change(NOW, "decisions", "did_restate", subject, sentence, "carbon", "ada")

    made = shift._alike([change("2022-05", "one batch"), change("2022-05", "another"), change("2022-04", "one batch")])
    assert [(one.subject, count) for one, count in made] == [("2022-05", 2), ("2022-04", 1)]


def test_a_hand_over_waits_on_now_for_a_second_name(engine: Engine, city: Path) -> None:
    log.hand_over(engine, load(Environment(city=city / "city.toml", home=city)), ADA, NOW, "quiet night")
    at = opened("now")
    assert "ada handed over at 2022-06-16 02:00 CEST; nobody has taken over yet." in text(at)
    at.button(key="sign_1").click().run()
    assert "You took over from ada." in text(at)
    assert log.hand_overs(engine)[0].incoming == "operator"


def test_every_state_step_kind_and_group_has_its_words() -> None:
    from service.cases.kinds import kinds
    from service.shifts.changes import _DECISIONS, GROUPS

    needed = {f"state_{state}" for state in STATES} | {f"step_{step}" for step in STEPS} | {f"case_kind_{kind}" for kind in kinds()}
    needed |= {f"case_do_{state}" for state in STATES}
    assert needed - set(CASE_WORDS) == set()
    told = {f"group_{group}" for group in GROUPS} | {f"did_{action.replace(' ', '_')}" for action in _DECISIONS}
    assert told - set(SHIFT_WORDS) == set()


def test_chinese_pages_call_districts_by_their_chinese_names(engine: Engine, city: Path) -> None:
    told = (city / "city.toml").read_text(encoding="utf-8")
    assert told.count('name = "Old town"') == 1
    (city / "city.toml").write_text(told.replace('name = "Old town"', 'name = "Old town", name_zh = "老城"'), encoding="utf-8")
    assert "漏损 · 老城" in text(opened("cases", language="zh"))
    assert "#1 漏损 老城" in text(opened("now", language="zh")).replace("\\", "")


@pytest.mark.parametrize("asked", ["99", "9" * 30, "²", "-1", "<b>"])
def test_a_link_to_no_case_is_told_or_left_out(engine: Engine, asked: str) -> None:
    at = AppTest.from_string("from console import pages\npages.show('cases')", default_timeout=60)
    at.session_state["token"] = token("operator")
    at.query_params["case"] = asked
    at.run()
    assert not at.exception
    assert "number" not in text(at) or "no case has this number" in text(at)


def test_a_case_that_somebody_moved_or_that_is_late_by_now_comes_again_without_a_click(
    engine: Engine, city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, again, watch = burst(engine), [], page._watch.__wrapped__  # what Streamlit calls each minute
    told = {"due": "due"}
    monkeypatch.setattr(
        page.data, "station", lambda: SimpleNamespace(engine=engine, city=load(Environment(city=city / "city.toml", home=city)))
    )
    monkeypatch.setattr(page.wording, "tag", lambda _case: (None, told["due"]))
    monkeypatch.setattr(page.st, "rerun", lambda: again.append(told["due"]))
    watch(seen, "due")
    assert again == []
    told["due"] = "late"
    watch(seen, "due")
    told["due"] = "due"
    deciding.note(engine, ADA, seen.case_id, NOW, "on my way")
    watch(seen, "due")
    assert again == ["late", "due"]


def test_who_has_shown_no_second_factor_is_told_so_and_not_to_be_somebody_else(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(steps.st, "caption", said.append)
    monkeypatch.setattr(steps, "say", lambda key, **_words: key)
    assert not steps.allowed(Person(name="ada", role="operator", unconfirmed=("case",)), burst(engine), "case")
    assert not steps.allowed(ADA, burst(engine), "case-check")
    assert said == ["needs_factor", "case_only"]
