"""A town after a night that told its people of it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.notices.receivers import Web
from tests.town import NOW, PARTS, Town

SECRET = "a-key-of-at-least-24-bytes"


@dataclass(frozen=True)
class Reported:
    """The town, what its webhook got, and where the report lies."""

    town: Town
    taken: list[tuple[dict[str, str], bytes]]

    @property
    def folder(self) -> Path:
        return self.town.folder / "nights" / "2022-06-16"


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Fourteen days of history and the night after; tests must not write to it."""
    web = Web()
    notify = f'[[notify]]\nid = "hook"\nkind = "webhook"\nurl = "{web.url}"\non = ["failed", "problems", "done", "alarm-3"]\n'
    town = Town(tmp_path_factory.mktemp("reported") / "town", parts={**PARTS, "notify": notify}, days=14).write()
    with web.up():
        for words in (["init"], ["import"], ["night", "--now", NOW]):
            said = town.penstock(*words, NOTIFY_SECRETS=json.dumps({"hook": SECRET}))
            assert said.code in (0, 2), said.all
    return Reported(town, web.taken)
