"""Web addresses in the text of a city file, as they may leave the house: scheme and host, without what follows.

Many receivers of webhooks know who may post by the path of their address alone: whoever reads it can post there. Which line of a
difference belongs to which table cannot be told, and an address in a comment is as good as another, so all of them are cut.
"""

import re
import tomllib
from typing import Any
from urllib.parse import urlsplit

from service.redaction import HIDDEN

_ADDRESS = re.compile(
    r"""(?ix)
    (?P<quote>["'])?                       # in quotes it goes to the same one, else to the end of the word
    (?P<scheme>https?://)
    (?:[^\s/?\#"'@]*@)?                    # name and password
    (?P<host>(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5}(?![^/?\#\s"',;)\]}]))?)
    (?P<rest>(?(quote)(?:(?!(?P=quote))\S)*|[^\s"',;)\]}]*))
    """
)
_BARE = ("", "/")


def of_city_file(text: str) -> str:
    """A city file with the host alone of each web address; hidden whole where a webhook's is written in a way that this cannot cut."""
    cut = hosts_alone(text)
    try:
        channels = tomllib.loads(cut).get("notify", [])
        return cut if all(_cut(channel) for channel in channels) else HIDDEN
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        return HIDDEN


def hosts_alone(text: str) -> str:
    """`https://hooks.town.example/T0/secret?x=1` as `https://hooks.town.example/***`, wherever it stands."""
    return _ADDRESS.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    rest = found["rest"] if found["rest"] in _BARE else f"/{HIDDEN}"
    return f"{found['quote'] or ''}{found['scheme']}{found['host']}{rest}"


def _cut(channel: dict[str, Any]) -> bool:
    url = channel.get("url")
    if url is None:
        return True
    at = urlsplit(url)
    return at.path in (*_BARE, f"/{HIDDEN}") and not at.query and not at.fragment and "@" not in at.netloc
