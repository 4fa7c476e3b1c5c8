"""The configuration that a station reads by: pulled from the central, loaded whole before it counts, and kept until a better one comes."""

import json
import os
import re
from pathlib import Path

from city.problems import PenstockError, fault
from service.edge.part import digest
from service.environment import Environment
from service.settings import LoadedCity, load

_NAME = re.compile(r"city\.toml|devices/[a-z0-9][a-z0-9_-]*\.toml")


class Pinned:
    """Bundles below `folder`, each under its SHA-256, and the name of the one that counts."""

    def __init__(self, env: Environment) -> None:
        self._env, self._folder = env, env.folder / "config"
        self._pin = self._folder / "pinned"

    @property
    def name(self) -> str:
        """SHA-256 of the bundle that counts, '' before the first."""
        return self._pin.read_text(encoding="ascii").strip() if self._pin.exists() else ""

    def load(self) -> LoadedCity | None:
        """The pinned configuration, None before the first. Raises `PenstockError` when it is not what was pinned."""
        name = self.name
        if not name:
            return None
        try:
            content = (self._folder / f"{name}.json").read_bytes()
        except OSError as error:
            raise _broken(name, error.strerror or "cannot be read") from None
        if digest(content) != name:
            raise _broken(name, "was changed on this machine")
        return self._loaded(content, "files")

    def pin(self, content: bytes) -> LoadedCity:
        """Make a pulled bundle the one that counts, if it can be loaded. Raises `PenstockError`; then the one before counts still."""
        self._loaded(content, "trial")
        name = digest(content)
        _write(self._folder / f"{name}.json", content)
        _write(self._pin, name.encode())
        for old in self._folder.glob("*.json"):
            if old.stem != name:
                old.unlink()
        return self._loaded(content, "files")

    def _loaded(self, content: bytes, place_name: str) -> LoadedCity:
        name = digest(content)
        try:
            files = json.loads(content)
            wrong = [key for key in files if not _NAME.fullmatch(key)]
        except (ValueError, TypeError):
            raise _broken(name, "is no bundle of files") from None
        if wrong or "city.toml" not in files or not all(isinstance(text, str) for text in files.values()):
            raise _broken(name, f"holds {', '.join(wrong) or 'no city.toml'}")
        place = self._folder / place_name
        (place / "devices").mkdir(parents=True, exist_ok=True)
        for old in (place / "devices").iterdir():
            old.unlink()
        for key, text in files.items():
            (place / key).write_text(text, encoding="utf-8")
        city = load(Environment(city=place / "city.toml", home=self._env.folder))
        if not city.settings.links:
            raise _broken(name, "has no link to read")
        city.config_hash = name
        return city


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, also over a power cut."""
    making = path.with_suffix(".making")
    with making.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    making.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _broken(name: str, observed: str) -> PenstockError:
    remedy = "The one before stays; correct the central's city.toml, or remove config/pinned here to start again."
    return fault(f"configuration {name[:12]}", observed, "a bundle as the central makes it", remedy)
