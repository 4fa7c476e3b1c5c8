"""`penstock console`: the console as a process of its own, with its settings as flags, so that it is the same from any folder.

Flags stand above any config.toml and STREAMLIT_ variable: what protects the console cannot be switched off from outside.
"""

import importlib.util
import json
import os
import secrets
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from city.problems import PenstockError, fault
from service.environment import Environment
from service.extras import EXTRA, lacking

ROOT = Path(__file__).resolve().parents[1]  # of the checkout, or of site-packages
SECRETS = ("PENSTOCK_OIDC_SECRET", "PENSTOCK_COOKIE_SECRET", "PENSTOCK_CODE")  # the console itself does not need them


def flags(port: int | None) -> Iterator[str]:
    """console/streamlit.toml as words of a command line; a list is JSON, as the web server reads it."""
    settings = tomllib.loads((ROOT / "console" / "streamlit.toml").read_text(encoding="utf-8"))
    if port is not None:
        settings["server"]["port"] = port
    for section, keys in settings.items():
        for key, value in keys.items():
            yield f"--{section}.{key}={value if isinstance(value, str) else json.dumps(value)}"


def guarded(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without variables of Streamlit: none of them may weaken a console that `penstock console` starts."""
    return {name: value for name, value in environment.items() if not name.startswith("STREAMLIT_")}


def entry(env: Environment) -> Path:
    """What the web server runs: app.py, or, where people come through a proxy with TLS, the entry whose cookies are `Secure`.

    That is said by `[access] behind_tls`, or by an identity provider that sends people back to an https address; never by a request.
    """
    access = env.raw.get("access")
    access = access if isinstance(access, dict) else {}
    oidc = access.get("oidc")
    back = str(oidc.get("redirect_uri")) if isinstance(oidc, dict) else ""
    behind_tls = access.get("behind_tls") is True or back.startswith("https://")
    return ROOT / "console" / "entry" / "behind_tls.py" if behind_tls else ROOT / "app.py"


@contextmanager
def provider_flags(env: Environment, port: int | None) -> Iterator[list[str]]:
    """What tells the web server of the identity provider of `[access.oidc]`: a file of its owner alone, there while the console runs.

    Its secrets come from the environment. Raises `PenstockError` without PENSTOCK_OIDC_SECRET.
    """
    from service.access.oidc import secrets_toml
    from service.settings import load

    oidc = load(env).settings.access.oidc if "access" in env.raw else None
    if oidc is None:
        yield []
        return
    if env.oidc_secret is None:
        observed = "not set, and city.toml has [access.oidc]"
        raise fault(
            "PENSTOCK_OIDC_SECRET", observed, "the client secret that the identity provider gave", "Set it, or take that table out."
        )
    cookie = env.cookie_secret.get_secret_value() if env.cookie_secret else secrets.token_urlsafe(32)
    path = env.folder / f"console-{port or 'default'}.secrets.toml"
    path.unlink(missing_ok=True)  # of a console that was killed
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(secrets_toml(oidc, env.oidc_secret.get_secret_value(), cookie))
    try:
        yield [f"--secrets.files={path.resolve()}"]
    finally:
        path.unlink(missing_ok=True)


def serve(env: Environment, port: int | None = None, now_utc: datetime | None = None) -> int:
    """Run the console of the city until it is stopped; `now_utc` replaces its clock. Returns its exit code.

    Raises `PenstockError` without the extra `console`.
    """
    for package in (name for name, extra in EXTRA.items() if extra == "console"):
        if importlib.util.find_spec(package) is None and (told := lacking(ModuleNotFoundError(name=package))):
            raise PenstockError(told)
    given = {"PENSTOCK_CITY": str(env.city_file.resolve()), "PENSTOCK_HOME": str(env.folder.resolve())}
    if now_utc is not None:
        given["PENSTOCK_NOW"] = now_utc.isoformat()
    with _ended_by_terminate(), provider_flags(env, port) as provider:
        words = [sys.executable, str(ROOT / "console" / "entry" / "web.py"), "run", str(entry(env)), *flags(port), *provider]
        kept = {name: value for name, value in guarded(os.environ).items() if name not in SECRETS}
        with subprocess.Popen(words, env={**kept, **given}) as process:  # noqa: S603 - our own console
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue  # the terminal told the console as well; it ends by itself
                except SystemExit:
                    process.terminate()
                    process.wait()
                    raise


@contextmanager
def _ended_by_terminate() -> Iterator[None]:
    """SIGTERM ends this process as Ctrl-C would: what it started ends with it, and the file of secrets goes."""

    def end(_number: int, _frame: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
