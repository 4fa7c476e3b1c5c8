"""The second factor: time-based one-time codes, RFC 6238 (30 s, 6 digits, SHA-1 as every authenticator app has it), and recovery codes.

The secret is kept apart from the accounts file: in the store, sealed by a key that is not in the store (`PENSTOCK_ACCESS_KEY`, or the file
access.key of its owner alone in the home folder). A backup of the store alone gives no codes.
"""

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, Engine, delete, select

from city.problems import fault
from service import schema as t
from service.environment import Environment
from service.store import writing

STEP_S = 30
DRIFT = 1  # steps that a phone's clock may be off; RFC 6238, 5.2 recommends at most one
RECOVERY = 8
KEY_FILE = "access.key"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a person must keep: shown once."""

    uri: str  # otpauth://, for an authenticator app
    recovery: tuple[str, ...]  # each once, in place of a code, when the phone is lost


def enrol(connection: Connection, env: Environment, name: str, at_utc: datetime) -> Enrolled:
    """Give an account a new second factor in place of any former one, for a transaction of `writing`."""
    secret = pyotp.random_base32()
    codes = tuple(f"{code[:5]}-{code[5:10]}-{code[10:]}" for code in (secrets.token_hex(8) for _ in range(RECOVERY)))
    sealed = _seal(_fernet(env, make=True), secret, [_digest(code) for code in codes])
    remove(connection, name)
    connection.execute(t.second_factor.insert().values(name=name, sealed=sealed, last_step=-1, since_utc=at_utc))
    return Enrolled(pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"Penstock {env.city_id}"), codes)


def enrolled(engine: Engine) -> set[str]:
    """The accounts that have a second factor."""
    with engine.connect() as connection:
        return set(connection.execute(select(t.second_factor.c.name)).scalars())


def accepts(engine: Engine, env: Environment, name: str, code: str, at_utc: datetime) -> bool:
    """Is it the account's code of now, one step either way, or one of its recovery codes? Either is accepted once.

    Raises `PenstockError` when the key that seals the secrets is not the one they were sealed with.
    """
    typed = "".join(code.split())
    with writing(engine) as connection:  # locked: the same code shown twice at once is accepted once
        row = connection.execute(select(t.second_factor).where(t.second_factor.c.name == name).with_for_update()).first()
        if row is None:
            return False
        fernet = _fernet(env)
        secret, recovery = _open(fernet, row.sealed)
        if _digest(typed) in recovery:
            recovery.remove(_digest(typed))
            values: dict[str, object] = {"sealed": _seal(fernet, secret, recovery)}
        elif (step := _step(secret, typed, at_utc)) is not None and step > row.last_step:
            values = {"last_step": step}
        else:
            return False
        connection.execute(t.second_factor.update().where(t.second_factor.c.name == name).values(values))
        return True


def remove(connection: Connection, name: str) -> None:
    """Take an account's second factor away, for a transaction of `writing`."""
    connection.execute(delete(t.second_factor).where(t.second_factor.c.name == name))


def _step(secret: str, code: str, at_utc: datetime) -> int | None:
    """The newest time step, of those that are near enough, whose code it is."""
    now, otp = int(at_utc.timestamp()) // STEP_S, pyotp.TOTP(secret, interval=STEP_S)
    steps = range(now + DRIFT, now - DRIFT - 1, -1)
    return next((step for step in steps if pyotp.utils.strings_equal(otp.generate_otp(step), code)), None)


def _digest(code: str) -> str:
    """A recovery code has 64 random bits and its digest is sealed as well, so that a plain hash is enough."""
    return hashlib.sha256("".join(code.split()).replace("-", "").lower().encode()).hexdigest()


def _seal(fernet: Fernet, secret: str, recovery: list[str]) -> str:
    return fernet.encrypt(json.dumps([secret, recovery]).encode()).decode()


def _open(fernet: Fernet, sealed: str) -> tuple[str, list[str]]:
    try:
        secret, recovery = json.loads(fernet.decrypt(sealed.encode()))
    except InvalidToken:
        raise fault("second factor", "sealed by another key", "the key it was sealed with", "Bring PENSTOCK_ACCESS_KEY back.") from None
    return secret, recovery


def _fernet(env: Environment, *, make: bool = False) -> Fernet:
    """The key: from the environment, or from its file, which is made with the first second factor."""
    path = env.folder / KEY_FILE
    if env.access_key is None and make and not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
    try:
        if env.access_key is None and path.stat().st_mode & 0o077:
            raise fault(f"{path}", "others may read it", "a file of its owner alone", f"chmod 600 {path}")
        told = env.access_key.get_secret_value().strip().encode() if env.access_key else path.read_bytes().strip()
        return Fernet(told)
    except (OSError, ValueError):
        observed = "neither PENSTOCK_ACCESS_KEY nor its file gives a key"
        raise fault(f"second factor, {path}", observed, "the key second factors were sealed with", "Bring it back.") from None
