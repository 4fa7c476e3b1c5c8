"""What `penstock console` hands its web server: guards that cannot be weakened from outside, and secrets in a file of their owner alone."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from city.problems import PenstockError
from service import station
from service.environment import Environment
from tests.commands import free_port

OIDC = """
[access.oidc]
discovery_url = "https://id.city.example/.well-known/openid-configuration"
client_id = "penstock"
redirect_uri = "https://console.city.example/oauth2callback"
grants = [{ group = "staff", role = "viewer" }]
"""
SECRET = "between console and provider"


def test_the_guards_are_flags_and_nothing_of_streamlit_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = set(station.flags(None))
    assert {"--server.enableXsrfProtection=true", "--server.enableCORS=true", "--server.address=127.0.0.1"} <= flags
    assert {"--client.showErrorDetails=none", "--server.xsrfCookieSameSite=strict"} <= flags
    weak = {"STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false", "STREAMLIT_SERVER_ENABLE_CORS": "false", "HOME": "/home/x"}
    assert station.guarded(weak) == {"HOME": "/home/x"}


def test_a_list_reaches_the_web_server_whole() -> None:
    colours = next(flag for flag in station.flags(None) if flag.startswith("--theme.chartCategoricalColors="))
    assert len(json.loads(colours.partition("=")[2])) == 8


@pytest.mark.slow
def test_neither_a_config_file_nor_the_environment_weakens_the_console(tmp_path: Path) -> None:
    """The web server's own settings as it understands them, from the words and the environment that the console gets."""
    (tmp_path / ".streamlit").mkdir()
    weak = "[server]\nenableXsrfProtection = false\nenableCORS = false\naddress = '0.0.0.0'\n"
    (tmp_path / ".streamlit" / "config.toml").write_text(weak)
    outside = os.environ | {"STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false", "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "full"}
    words = [sys.executable, "-m", "streamlit", "config", "show"]

    def understood(*flags: str, given: Mapping[str, str]) -> dict[str, dict[str, object]]:
        done = subprocess.run([*words, *flags], env=given, cwd=tmp_path, capture_output=True, text=True, check=True)
        settings = re.sub("\x1b\\[[0-9;]*m", "", done.stdout)
        return tomllib.loads(settings[settings.index("[global]") :])

    assert understood(given=outside)["server"]["enableXsrfProtection"] is False  # so the attempt is a real one
    found = understood(*station.flags(None), given=station.guarded(outside))
    assert found["server"]["enableXsrfProtection"] is True
    assert found["server"]["enableCORS"] is True
    assert found["server"]["address"] == "127.0.0.1"
    assert found["client"]["showErrorDetails"] == "none"


def test_the_providers_secrets_are_in_a_file_of_the_owner_alone_while_the_console_runs(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    env.city_file.write_text(env.city_file.read_text() + OIDC)
    with pytest.raises(PenstockError, match="PENSTOCK_OIDC_SECRET: not set"), station.provider_flags(Environment(), 8600):
        pass
    monkeypatch.setenv("PENSTOCK_OIDC_SECRET", SECRET)
    with station.provider_flags(Environment(), 8600) as (flag,):
        path = Path(flag.removeprefix("--secrets.files="))
        assert path.stat().st_mode & 0o777 == 0o600
        told = tomllib.loads(path.read_text())["auth"]
        assert (told["client_secret"], told["client_kwargs"]["prompt"]) == (SECRET, "login")
        assert len(told["cookie_secret"]) > 40
    assert not path.exists()


def test_the_console_itself_gets_no_secret_and_none_stands_in_its_words(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    env.city_file.write_text(env.city_file.read_text() + OIDC)
    monkeypatch.setenv("PENSTOCK_OIDC_SECRET", SECRET)
    monkeypatch.setenv("PENSTOCK_CODE", "123456")
    started = []

    class Started:
        def __init__(self, words: list[str], env: dict[str, str]) -> None:
            started.append((words, env))

        def __enter__(self) -> "Started":
            return self

        def __exit__(self, *_error: object) -> None: ...

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(station.subprocess, "Popen", Started)
    assert station.serve(Environment(), 8600) == 0
    ((words, given),) = started
    assert not [text for text in (*words, *given.values()) if SECRET in text or text == "123456"]


@pytest.mark.slow
def test_a_console_that_is_terminated_takes_its_web_server_and_the_file_of_secrets_with_it(env: Environment) -> None:
    env.city_file.write_text(env.city_file.read_text() + OIDC)
    port = free_port()
    words = [sys.executable, "-m", "service.cli", "console", "--port", str(port)]
    with subprocess.Popen(words, env=os.environ | {"PENSTOCK_OIDC_SECRET": SECRET}, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not listening(port):
            time.sleep(0.1)
        (file,) = env.folder.glob("console-*.secrets.toml")
        process.terminate()
        assert process.wait(timeout=20) == 143
    assert not file.exists()
    assert not listening(port)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
