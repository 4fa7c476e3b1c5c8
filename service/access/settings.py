"""`[access]` of city.toml: how long somebody stays signed in, what needs a second factor, and whom an identity provider may bring."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from city.places import Place
from service.access.roles import Action, Role

PersonRole = Literal["viewer", "operator", "planner", "engineer", "admin", "household"]  # of an account; `alone` is nobody's


UNTIL_SIGNED_OUT: tuple[Role, ...] = ("viewer",)  # roles that are not signed out when nobody clicks


class Grant(Place):
    """What members of a group of the identity provider may do."""

    group: str = Field(min_length=1, description="value in the claim, as the identity provider writes it")
    role: PersonRole = Field(description="role of its members")
    districts: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="zones they are bound to; none: the whole city"
    )


class Oidc(Place):
    """Sign-in through an identity provider, OpenID Connect Core 1.0. Its client secret stands in PENSTOCK_OIDC_SECRET alone."""

    discovery_url: str = Field(pattern=r"^https?://", description="the provider's /.well-known/openid-configuration")
    client_id: str = Field(min_length=1, description="as the provider registered the console")
    redirect_uri: str = Field(pattern=r"^https?://.*/oauth2callback$", description="the console's own address with /oauth2callback")
    claim: str = Field(default="groups", description="claim of the ID token that names a person's groups or roles")
    name_claim: str = Field(default="email", description="claim that becomes the name in the audit trail; an e-mail must be verified")
    scope: str = Field(default="openid profile email", description="what is asked of the provider")
    ends_with_token: bool = Field(default=False, description="the session ends when the ID token does")
    second_factor_amr: tuple[str, ...] = Field(default=(), description="values of `amr` (RFC 8176) that count as a second factor, e.g. mfa")
    grants: tuple[Grant, ...] = Field(min_length=1, description="roles of groups; the first that fits holds")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        for url in (self.discovery_url, self.redirect_uri):
            if url.startswith("http://") and url.split("/")[2].split(":")[0] not in ("127.0.0.1", "localhost"):
                raise ValueError(f"{url} is not encrypted; only an address of this machine may be http")
        return self


class Access(Place):
    """Who may sign in, and for how long."""

    behind_tls: bool = Field(
        default=False, description="a proxy with TLS stands before the console: its cookies travel over encrypted connections alone"
    )
    idle_minutes: float = Field(default=30, gt=0, le=1440, description="without a click for so long: signed out [min]; a viewer is not")
    absolute_hours: float = Field(default=12, gt=0, le=168, description="signed out after so long in any case: a shift [h]")
    viewer_hours: float = Field(default=168, gt=0, le=720, description="the same for a viewer, who decides nothing: a wall display [h]")
    free_tries: int = Field(default=2, ge=0, le=10, description="wrong sign-ins of a name before it waits; the wait doubles from then on")
    longest_wait_s: float = Field(default=300, ge=1, le=3600, description="the longest wait of a name [s]")
    tries_per_minute: int = Field(default=60, ge=5, description="wrong sign-ins of all names together before everybody waits")
    second_factor_for: tuple[Action, ...] = Field(default=(), description="what may be done only after a second factor was shown")
    oidc: Oidc | None = None

    def hours(self, role: Role) -> float:
        """How long a session of the role lasts at most [h]."""
        return self.viewer_hours if role in UNTIL_SIGNED_OUT else self.absolute_hours
