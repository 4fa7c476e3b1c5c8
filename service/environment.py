"""What comes from the environment: where the city file is, where data live, the database, and nothing a reviewer should see in git."""

import os
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from city.problems import fault

SPOOLS = ("spool.db", "received.db")  # in the home folder: readings that wait for the store, read here and received from stations
STOP_FILE = "STOP"  # in the home folder: stops all writing even while the database does not answer


class Environment(BaseSettings):
    """Variables that start with PENSTOCK_."""

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", frozen=True, extra="ignore")

    city: Path = Field(default=Path("city.toml"), description="the city file; the demo city when there is none here")
    home: Path | None = Field(default=None, description="folder for what is written; var/<city id> when not set")
    database_url: SecretStr | None = Field(default=None, description="SQLAlchemy URL; SQLite in the home folder when not set")
    edge_token: SecretStr | None = Field(default=None, description="token of a station, as the central gave it; never in a file")
    vtn_secrets: SecretStr | None = Field(default=None, description="JSON: id in [[vtns]] -> its OAuth client secret; never in a file")
    notify_secrets: SecretStr | None = Field(
        default=None, description="JSON: id in [[notify]] -> password of the mail account or key of the webhook; never in a file"
    )
    ledger_key: SecretStr | None = Field(default=None, description="Ed25519 key that signs the ledger's roots, or the path of its file")
    access_key: SecretStr | None = Field(default=None, description="key that seals second factors; access.key in the home folder else")
    code: SecretStr | None = Field(default=None, description="code of the second factor of who decides on the command line")
    oidc_secret: SecretStr | None = Field(default=None, description="client secret at the identity provider; never in a file of the city")
    cookie_secret: SecretStr | None = Field(default=None, description="seals sign-in cookies; a new one at every console start else")
    cluster_ca: Path | None = Field(default=None, description="certificate (PEM) of the authority that signed a cluster's certificates")
    cluster_certificate: Path | None = Field(default=None, description="certificate (PEM) of this machine in a cluster")
    cluster_key: Path | None = Field(default=None, description="file with the private key of that certificate")
    log: str = Field(default="", description="form of the lines for engineers on stderr: json or text; text on a terminal when not set")
    operator: str = Field(default="", description="name written beside approvals made from the command line")

    @cached_property
    def city_file(self) -> Path:
        """The city file that is used."""
        if self.city.exists() or "city" in self.model_fields_set:
            return self.city
        return Path(__file__).resolve().parents[1] / "demo" / "city.toml"

    @cached_property
    def content(self) -> bytes:
        """The city file as it was read the first time: settings, hash and what a run keeps are of one edition. Raises `OSError`."""
        return self.city_file.read_bytes()

    def reading(self, content: bytes | None = None) -> "Environment":
        """The same with the city file as it is now, or as if it said `content`."""
        made = Environment.model_validate(self.model_dump(exclude_unset=True))
        if content is not None:
            made.__dict__["content"] = content
        return made

    @cached_property
    def raw(self) -> dict[str, Any]:
        """The city file as TOML. Raises `PenstockError` with line and column when it cannot be read."""
        try:
            return tomllib.loads(self.content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n"))
        except OSError as error:
            raise fault(
                str(self.city_file), error.strerror or "cannot be read", "a city file", "Set PENSTOCK_CITY or use --city."
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise fault(str(self.city_file), str(error), "TOML 1.0", "Correct that line.") from None
        except UnicodeDecodeError as error:
            raise fault(str(self.city_file), f"byte {error.start} is not UTF-8", "a text file in UTF-8", "Save it as UTF-8.") from None

    @property
    def city_id(self) -> str:
        city = self.raw.get("city")
        found = city.get("id") if isinstance(city, dict) else None
        if not isinstance(found, str) or not found:
            raise fault(f"{self.city_file}: city.id", "missing", "a short name", 'Write [city] with id = "..." at the top.')
        if Path(found).name != found:
            raise fault(f"{self.city_file}: city.id", f"'{found}'", "a plain name: it names the data folder", "Leave / and .. out of it.")
        return found

    @property
    def folder(self) -> Path:
        """Where everything that is written goes."""
        return self.home if self.home is not None else Path("var") / self.city_id

    @property
    def factor_folders(self) -> tuple[Path, ...]:
        """The city's own emission factors, in factors/ beside its file."""
        folder = self.city_file.parent / "factors"
        return (folder,) if folder.is_dir() else ()

    @property
    def url(self) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.folder / 'penstock.db'}"


def private_files() -> None:
    """What is written from now on tells of households: for owner and group only, however the shell is set."""
    os.umask(os.umask(0) | 0o007)
