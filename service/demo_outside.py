"""What the demo shows to other programs: an export of its night, and one call of the JSON API with a token made for it."""

import json
import shutil
import threading
import tomllib
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from service.api.settings import ApiToken
from service.environment import Environment
from service.settings import load

EXPORT, ANSWER = "export", "api-answer.json"
KINDS = ("readings", "forecast", "plan", "plan_value", "alarm")
ASKED = "/v1/forecasts/feeder-03.energy"


def call(env: Environment, now_utc: datetime) -> Path:
    """Ask the API for a forecast over a socket of this machine, with a token that is good for this call. Returns the file of the answer."""
    from service.api.serving import Server
    from service.api.tokens import made

    token, _, *entry = made(load(env), "demo", ["forecasts"], [], 1, now_utc)
    known = ApiToken.model_validate(tomllib.loads("\n".join(entry))["api_tokens"][0])
    server = Server(env, "127.0.0.1", 0, None, None, now_utc, more=(known,))
    thread = threading.Thread(target=server.run, name="api")
    thread.start()
    try:
        opener = urllib.request.build_opener()
        opener.addheaders = [("Authorization", f"Bearer {token}")]
        with opener.open(f"http://127.0.0.1:{server.port}{ASKED}", timeout=30) as answer:
            told = json.load(answer)
    finally:
        server.stop()
        thread.join()
    path = env.folder / ANSWER
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return path


def emptied(env: Environment) -> Path:
    """The folder of the demo's export, without that of a run before."""
    shutil.rmtree(env.folder / EXPORT, ignore_errors=True)
    return env.folder / EXPORT


def lines(folder: Path) -> Iterator[str]:
    """What the summary says of both."""
    answer = folder / ANSWER
    if (folder / EXPORT / "manifest.json").exists():
        yield f"  export      {folder / EXPORT} ({', '.join(KINDS)})"
    if answer.exists():
        told = json.loads(answer.read_text(encoding="utf-8"))
        steps = f"{told['steps']} steps of {told['quantity']}, made at {told['made_at_utc']}"
        yield f"  api         GET {ASKED}: {steps}; {answer}"
