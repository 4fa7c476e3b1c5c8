"""What the page tells a receiver to do does what it says."""

import re
import time
from pathlib import Path

from service.notices import signing

PAGE = Path(__file__).resolve().parents[2] / "docs" / "notices.md"


def test_the_receiver_on_the_page_takes_what_is_genuine_and_nothing_else() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    exec(code, names)  # noqa: S102 - the page's own text
    key, now = b"k" * 24, int(time.time())
    told = signing.headers("msg_1", now, b"{}", key)
    assert names["genuine"](told, b"{}", key)
    assert not names["genuine"](told, b"{ }", key)
    assert not names["genuine"](signing.headers("msg_1", now - 301, b"{}", key), b"{}", key)
