"""`[[notify]]` in city.toml: who is told of nights and alarms, and over which line. The secrets are in PENSTOCK_NOTIFY_SECRETS."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from city.named_files import Names
from city.places import Place

LOOPBACK = ("localhost", "127.0.0.1", "::1")
Occasion = Literal["failed", "problems", "done", "alarm-1", "alarm-2", "alarm-3"]
# The dot-atom form of RFC 5322 in ASCII: nothing that could end a header line or begin another recipient.
ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


class Channel(Place):
    """What every way of telling has."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="short name; key of its secret in PENSTOCK_NOTIFY_SECRETS")
    on: tuple[Occasion, ...] = Field(
        default=("failed", "problems"),
        min_length=1,
        description="nights that ended so, and alarms: alarm-2 stands for those of priority 2 and worse",
    )
    language: Literal["en", "zh"] = Field(default="en", description="of what is told")
    timeout_s: float = Field(default=15.0, gt=0, le=60, description="longest time for one delivery, from dialling to the last byte [s]")
    ca_file: Annotated[str | None, Names.BESIDE] = Field(
        default=None, description="certificate (PEM) of the authority to trust, beside city.toml; the system's if none"
    )

    @property
    def alarms_to(self) -> int:
        """The mildest priority that is told, 0 for none."""
        return max((int(word[-1]) for word in self.on if word.startswith("alarm-")), default=0)


class Email(Channel):
    """Mail through the utility's own server. The certificate of the server is checked; without TLS only to this machine."""

    kind: Literal["email"] = Field(default="email", description="kind of channel")
    host: str = Field(pattern=r"^[A-Za-z0-9.:-]+$", max_length=253, description="mail server")
    port: int = Field(default=587, ge=1, le=65535, description="587 for starttls, 465 for implicit")
    tls: Literal["starttls", "implicit", "none"] = Field(default="starttls", description="none only on the loopback address")
    sender: str = Field(max_length=254, description="address that it comes from")
    to: tuple[str, ...] = Field(min_length=1, max_length=50, description="addresses that it goes to")
    user: str = Field(default="", max_length=254, description="name at the server, where it wants a sign-in; its secret is the password")

    @field_validator("sender", "to")
    @classmethod
    def _addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            if not ADDRESS.fullmatch(address) or ".." in address:
                raise ValueError(f"'{address[:80]}' is no address; write name@domain without a display name")
        return value

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.tls == "none" and self.host not in LOOPBACK:
            raise ValueError(f'tls = "none" sends to {self.host} in the clear; use starttls or implicit, or a relay on this machine')
        return self


class Webhook(Channel):
    """A signed POST to a server, after the Standard Webhooks specification."""

    kind: Literal["webhook"] = Field(default="webhook", description="kind of channel")
    url: str = Field(max_length=2000, description="https://host/path; http only on the loopback address")

    @field_validator("url")
    @classmethod
    def _https(cls, value: str) -> str:
        try:
            at = urlsplit(value)
            at.port  # noqa: B018 - reading it checks it
        except ValueError as error:
            raise ValueError(f"'{value}' is no address: {error}") from None
        secure = at.scheme == "https" or (at.scheme == "http" and at.hostname in LOOPBACK)
        if not secure or not at.hostname or at.fragment or at.username or not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError(f"'{value}' is not of the form https://host/path; plain http goes to this machine only")
        return value


KINDS = (Email, Webhook)
Notify = Annotated[Email | Webhook, Field(discriminator="kind")]
