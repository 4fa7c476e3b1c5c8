"""[[vtns]] of city.toml: the OpenADR 3 servers that may call events here. The secret is not here: PENSTOCK_VTN_SECRETS holds it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from city.named_files import Names
from city.places import Place

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Vtn(Place):
    """An OpenADR 3 server; Penstock polls its events and posts reports to it."""

    id: str = Field(min_length=1, max_length=40, description="short name; key of its secret in PENSTOCK_VTN_SECRETS")
    url: str = Field(description="https://host/path up to the version, e.g. https://vtn.example/openadr3/3.1.0")
    version: Literal["3.0.1", "3.1.0"] = Field(default="3.1.0", description="version of the standard it speaks")
    ven_name: str = Field(min_length=1, max_length=128, description="what this city is called there")
    groups: tuple[str, ...] = Field(default=(), description="groups it belongs to there, as events target them")
    client_id: str = Field(min_length=1, description="OAuth 2.0 client id")
    token_url: str | None = Field(default=None, description="where tokens are given; the server's own /auth/token when not given")
    scope: str = Field(default="", description="OAuth 2.0 scopes to ask for, where the server wants them named")
    ca_file: Annotated[str | None, Names.BESIDE] = Field(
        default=None, description="certificate (PEM) of the authority to trust, beside city.toml; the system's if none"
    )
    timeout_s: float = Field(default=20.0, gt=0, le=120, description="longest time for one answer [s]")

    @field_validator("url", "token_url")
    @classmethod
    def _https(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            at = urlsplit(value)
            at.port  # noqa: B018 - reading it checks it
        except ValueError as error:
            raise ValueError(f"'{value}' is no address: {error}") from None
        secure = at.scheme == "https" or (at.scheme == "http" and at.hostname in LOOPBACK)
        if not secure or not at.hostname or at.query or at.fragment or at.username:
            raise ValueError(f"'{value}' is not of the form https://host/path; a token is sent over plain http to this machine only")
        return value.rstrip("/")
