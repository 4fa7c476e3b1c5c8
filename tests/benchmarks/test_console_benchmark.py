"""The console's benchmark runs small: a real console, real sessions that sign in and click, and no click that goes wrong."""

import asyncio
import shutil
import tomllib
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks import console
from benchmarks._console_session import _TOLD, Session
from benchmarks._console_store import _staff, account
from console.words.phrases import PHRASES


@pytest.mark.slow
def test_sessions_sign_in_click_and_get_whole_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path))
    found = console.run(Namespace(quick=True, seed=1, demo=None))
    (scale,) = found["scales"]
    assert scale["faults"] == []
    assert (scale["sessions"], scale["errors"], found["tracebacks"]) == (2, 0, 0)
    assert {"now", "tonight", "water", "carbon", "meters", "runs"} <= {page["name"] for page in found["first_opening"]}
    assert scale["clicks"] >= 4
    assert all(page["kb"] > 1 for page in found["pages"])


class Silent:
    """A server that says nothing by itself."""

    async def __aiter__(self):
        await asyncio.Event().wait()
        yield b""


async def _session() -> Session:
    return Session(Silent(), "http://127.0.0.1:1")


def test_a_widget_is_found_by_its_whole_key_and_not_by_that_of_another() -> None:
    async def found() -> list[str | None]:
        session = await _session()
        for key in ("points_shown", "point", "acknowledge_all", "acknowledge_7"):
            session.widgets[f"$$ID-0-{key}"] = ("button", SimpleNamespace(disabled=False), "")
        return [session.find(key) for key in ("point", r"acknowledge_\d+", "points")]

    assert asyncio.run(found()) == ["$$ID-0-point", "$$ID-0-acknowledge_7", None]


def test_a_click_ends_with_its_own_part_of_the_page_and_not_with_one_that_refreshed_itself() -> None:
    def ended(status: int, *parts: str) -> ForwardMsg:
        message = ForwardMsg(script_finished=status)
        message.metadata.run.fragment_ids.extend(parts)
        return message

    async def done() -> list[bool]:
        session = await _session()
        session._part, seen = "mine", []
        for message in (
            ended(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY, "clock"),
            ended(ForwardMsg.FINISHED_EARLY_FOR_RERUN, "mine"),
            ended(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY, "mine"),
        ):
            session._take(message)
            seen.append(session._done.is_set())
        return seen

    assert asyncio.run(done()) == [False, False, True]


@pytest.mark.parametrize("key", ["unexpected", "failed"])
@pytest.mark.parametrize("language", [0, 1])
def test_a_page_that_tells_that_it_failed_is_an_error(key: str, language: int) -> None:
    async def told() -> str:
        session = await _session()
        message = ForwardMsg()
        message.delta.new_element.html.body = f'<div role="status">{PHRASES[key][language].format(number="1f")} x</div>'
        session._take(message)
        return session._told

    assert asyncio.run(told())
    assert _TOLD.search('<div class="card">12.3 kW</div>') is None


def test_each_of_twenty_sessions_is_a_person_of_its_own(tmp_path: Path) -> None:
    shutil.copy(Path(console.__file__).parents[1] / "demo" / "accounts.toml", tmp_path)
    _staff(tmp_path / "accounts.toml")
    known = {one["name"]: one for one in tomllib.loads((tmp_path / "accounts.toml").read_text())["accounts"]}
    names = [account(i)[0] for i in range(20)]
    assert len(set(names)) == 20
    assert all(known[name]["hash"] == known[name.rpartition("-")[0]]["hash"] for name in names)
    assert {tuple(known[name].get("districts", ())) for name in names} == {(), ("dma-a", "dma-b", "dma-c", "dma-d", "dma-e")}
