"""The console where a proxy ends TLS before it: every cookie it sets is for encrypted connections alone.

`penstock console` starts this in the place of app.py when city.toml says so. What a header says of the way a request came plays no part:
anybody can write one. A folder of its own, because the web server puts the folder of its script before all packages.
"""

import sys
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.starlette import App

ROOT = Path(__file__).resolve().parents[2]  # of the checkout, or of site-packages


class Secure:
    """Adds `Secure` to every cookie that is set without it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                headers = MutableHeaders(scope=message)
                cookies = headers.getlist("set-cookie")
                del headers["set-cookie"]
                for cookie in cookies:
                    headers.append("set-cookie", secured(cookie))
            await send(message)

        await self._app(scope, receive, sent)


def secured(cookie: str) -> str:
    """A Set-Cookie header with the attribute `Secure`."""
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    return cookie if "secure" in attributes else f"{cookie}; Secure"


if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # as it is for app.py
app = App(ROOT / "app.py", middleware=[Middleware(Secure)])
