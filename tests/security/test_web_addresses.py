"""The path of a webhook's address does not leave with what is exported or passed on.

Of a whole store: tests/exchange/test_addresses_out.py.
"""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.addresses import hosts_alone, of_city_file
from service.redaction import HIDDEN

SECRET = "T0AB/B1CD/gTr0ub4dor3x"
HOOK = f"https://hooks.chat.example/services/{SECRET}"


def notify(url: str) -> str:
    return f'[[notify]]\nid = "chat"\nkind = "webhook"\nurl = {url}\non = ["failed", "problems", "done"]\n'


@pytest.mark.parametrize(
    "line",
    [
        f'url = "{HOOK}"',
        f"url = '{HOOK}'",
        f'url = "{HOOK}?team=night#x"',
        f'url = "{HOOK}\'more"',
        f'url = "https://hooks.chat.example:8443?key={SECRET}"',
        f'url = "HTTPS://hooks.chat.example/{SECRET}"',
        f'url="{HOOK}" # was {HOOK}/old',
        f"# until May: {HOOK}",
        f'-url = "{HOOK}"',
        f'+  {{ id = "a", url = "{HOOK}" }}, {{ id = "b", url = "{HOOK}" }}',
        f'url = "https://penstock:{SECRET.replace("/", "")}@hooks.chat.example/x"',
        f'url = "https://hooks.chat.example:{SECRET}@else/x"',  # as nobody may write it
        f'url = "https://hooks.chat.example\\{SECRET}"',
    ],
)
def test_of_a_web_address_the_host_alone_is_left(line: str) -> None:
    told = hosts_alone(line)
    assert not any(part in told for part in (*SECRET.split("/"), "team", "more", "old"))
    assert "hooks.chat.example" in told
    assert hosts_alone(told) == told


@pytest.mark.parametrize(
    "line",
    ['url = "https://hooks.town.example"', 'url = "https://h.example/"', "tcp://10.0.0.7:502", "http://127.0.0.1:8080", "price = 3 / 4"],
)
def test_what_has_no_path_or_is_no_web_address_stays(line: str) -> None:
    assert hosts_alone(line) == line


@pytest.mark.parametrize(
    "url",
    [
        f'"\\u0068ttps://hooks.chat.example/{SECRET}"',  # the same to a reader of TOML
        f'"""https://hooks.chat.example/\\\n   {SECRET}"""',
        f'"https:\\u002f\\u002fhooks.chat.example/{SECRET}"',
    ],
)
def test_a_city_file_whose_address_cannot_be_cut_is_hidden_whole(url: str) -> None:
    text = notify(url)
    assert tomllib.loads(text)["notify"][0]["url"] == f"https://hooks.chat.example/{SECRET}"
    assert of_city_file(text) == HIDDEN


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=40))
def test_whatever_a_path_is_made_of_the_file_that_is_left_does_not_hold_it(path: str) -> None:
    url = f"https://hooks.chat.example/{path}Zz9secretZz9"
    written = '"' + url.replace("\\", "\\\\").replace('"', '\\"') + '"'
    text = notify(written)
    assert tomllib.loads(text)["notify"][0]["url"] == url
    assert "Zz9secretZz9" not in of_city_file(text)
