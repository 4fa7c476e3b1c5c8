"""One browser's side of Streamlit's websocket: it signs in, clicks, and waits until the answer is whole; nothing is drawn.

As the browser does, a session keeps large messages by their hash and tells the server which ones it has, asks again on its own
for the parts of a page that refresh themselves, and fetches pictures and the like that the page names.
"""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from console.words.phrases import PHRASES

_WAIT_S = 60.0  # an answer that takes longer is an error
_WIDGETS = {"button": "trigger_value", "selectbox": "string_value", "text_input": "string_value", "checkbox": "bool_value"}
_TOLD = re.compile("|".join(re.escape(text.split("{")[0]) for key in ("unexpected", "failed") for text in PHRASES[key]) + "|Traceback")
_MEDIA = re.compile(r'(?:src="|")(/media/[^"]+)"')
_WHOLE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)
_PART = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
_KEPT_RUNS = 2  # global.maxCachedMessageAge


@dataclass(frozen=True)
class Answer:
    """What came back for one click: seconds until the last delta and medium were there, bytes, and what went wrong."""

    seconds: float
    received: int
    error: str = ""


class Session:
    """A signed-in browser tab, less its drawing."""

    def __init__(self, socket: Any, url: str) -> None:
        self._socket, self._url = socket, url
        self.pages: dict[str, str] = {}  # path -> hash of its script
        self.page = ""
        self.widgets: dict[str, tuple[str, Any, str]] = {}  # id -> kind, its message, fragment
        self.charts: set[str] = set()  # keys of those on the page
        self._states: dict[str, WidgetState] = {}
        self._kept: dict[str, tuple[Any, int]] = {}
        self._clocks: dict[str, asyncio.Task[None]] = {}
        self._run, self._received, self._told, self._part, self._shown = 0, 0, "", "", ""
        self._done: asyncio.Event = asyncio.Event()
        self._media: set[str] = set()
        self.refreshed = 0
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, port: int) -> "Session":
        socket = await websockets.connect(
            f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=[websockets.Subprotocol("streamlit")], max_size=None, compression=None
        )
        made = cls(socket, f"http://127.0.0.1:{port}")
        await made._ask()
        return made

    async def close(self) -> None:
        """Leave: the tab is shut."""
        for task in (*self._clocks.values(), self._reader):
            task.cancel()
        await self._socket.close()

    def find(self, key: str) -> str | None:
        """The id of the first widget whose key is like `key` (a pattern) and that is not disabled, if the page has one."""
        return next((name for name, one in self.widgets.items() if re.fullmatch(key, _key(name)) and not one[1].disabled), None)

    async def sign_in(self, name: str, password: str) -> Answer:
        """Fill in the form and send it."""
        for key, text in (("sign_in_name", name), ("sign_in_password", password)):
            self._set(key, text)
        return await self.click(next(i for i, (kind, proto, _) in self.widgets.items() if kind == "button" and proto.is_form_submitter))

    async def open_page(self, path: str) -> Answer:
        """Choose a page in the list."""
        self.page = path
        return await self._ask()

    async def choose(self, key: str, value: str) -> Answer:
        """Set the widget with a key to what is shown as `value`."""
        return await self._ask(self.widgets[self._set(key, value)][2])

    async def click(self, name: str) -> Answer:
        """Press the button with an id."""
        self._states[name] = WidgetState(id=name, trigger_value=True)
        try:
            return await self._ask(self.widgets[name][2])
        finally:
            self._states.pop(name, None)

    def _set(self, key: str, value: str) -> str:
        name = self.find(key)
        if name is None:
            raise KeyError(key)
        kind = self.widgets[name][0]
        state = WidgetState(id=name)
        if kind == "button_group":
            state.string_array_value.data.append(value)
        else:
            setattr(state, _WIDGETS[kind], value)
        self._states[name] = state
        return name

    async def _ask(self, fragment: str = "") -> Answer:
        """Send what a browser sends after a click and wait for the whole answer."""
        before, self._told, self._part = self._received, "", fragment
        self._done.clear()
        self._media.clear()
        started = time.perf_counter()
        await self._send(fragment)
        try:
            await asyncio.wait_for(self._done.wait(), _WAIT_S)
        except TimeoutError:
            return Answer(_WAIT_S, self._received - before, "no answer")
        await self._fetch()
        seconds = time.perf_counter() - started
        if not self._told and self.page and self._shown != self.pages.get(self.page):
            self._told = f"another page than {self.page}"
        return Answer(seconds, self._received - before, self._told)

    async def _send(self, fragment: str = "", *, by_itself: bool = False) -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.page_script_hash = self.pages.get(self.page, "")
        asked.fragment_id, asked.is_auto_rerun = fragment, by_itself
        asked.widget_states.widgets.extend(self._states.values())
        asked.cached_message_hashes.extend(self._kept)
        await self._socket.send(message.SerializeToString())

    async def _fetch(self) -> None:
        async with httpx.AsyncClient(base_url=self._url) as client:
            for path in self._media:
                self._received += len((await client.get(path)).content)

    async def _read(self) -> None:
        with suppress(websockets.ConnectionClosed):
            async for data in self._socket:
                self._received += len(data)
                try:
                    self._take(ForwardMsg.FromString(data))
                except (KeyError, AttributeError, ValueError) as error:
                    self._told = f"not understood: {error!r}"

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            if not message.metadata.run.fragment_ids:
                self._run += 1
                self.widgets.clear()
                self.charts.clear()
                self._stop_clocks()
        elif kind == "page_not_found":
            self._told = "page not found"
        elif kind == "navigation":
            self._shown = message.navigation.page_script_hash
            self.pages = {
                page.url_pathname or ("now" if page.is_default else ""): page.page_script_hash for page in message.navigation.app_pages
            }
        elif kind == "auto_rerun":
            self._refresh(message.auto_rerun)
        elif kind == "delta":
            self._element(message.delta, message)
        elif kind == "ref_hash":
            self._element(self._kept[message.ref_hash][0].delta, None)
        elif kind == "script_finished" and self._awaited(message):
            self._kept = {name: kept for name, kept in self._kept.items() if kept[1] > self._run - _KEPT_RUNS}
            self._done.set()

    def _awaited(self, message: ForwardMsg) -> bool:
        """Is it the end of what was clicked, not of a part that refreshed itself meanwhile?"""
        part = message.script_finished == _PART and self._part in message.metadata.run.fragment_ids
        return message.script_finished in _WHOLE or part

    def _element(self, delta: Any, message: ForwardMsg | None) -> None:
        if message is not None and message.metadata.cacheable:
            self._kept[message.hash] = (message, self._run)
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind in _WIDGETS or kind == "button_group":
            proto = getattr(element, kind)
            self.widgets[proto.id] = (kind, proto, delta.fragment_id)
        elif kind == "echarts_chart":
            self.charts.add(_key(element.echarts_chart.id))
        elif kind == "exception":
            self._told = element.exception.message or "exception"
        elif kind == "html" and _TOLD.search(element.html.body):
            self._told = element.html.body[:300]
        if kind in ("imgs", "html"):
            self._media.update(_MEDIA.findall(str(element)))

    def _refresh(self, asked: Any) -> None:
        async def again() -> None:
            while True:
                await asyncio.sleep(asked.interval)
                self.refreshed += 1
                await self._send(asked.fragment_id, by_itself=True)

        self._clocks[asked.fragment_id] = asyncio.create_task(again())

    def _stop_clocks(self) -> None:
        for task in self._clocks.values():
            task.cancel()
        self._clocks.clear()


def _key(name: str) -> str:
    """The key that the page gave a widget, from its id `$$ID-hash-key`."""
    return name.split("-", 2)[-1]
