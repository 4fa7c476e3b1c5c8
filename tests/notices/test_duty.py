"""The demo's duty officer: told of the night by a signed webhook, once, and by nobody else."""

import http.client
import json

from sqlalchemy import Engine

from service.demo import duty
from service.environment import Environment
from service.notices import delivering
from service.notices.telling import tell
from service.settings import load
from service.summary import TOLD
from tests.notices.conftest import NOW, night
from tests.notices.receivers import Web
from tests.notices.test_outbox import hook


def test_the_duty_officer_keeps_what_is_genuine_and_keeps_it_once(engine: Engine, city) -> None:
    web = Web()
    made = city(hook(web, '["done"]').replace('id = "hook"', 'id = "duty"').replace("timeout_s = 0.5", "timeout_s = 9"))
    night(engine, "done")
    tell(engine, made, NOW)
    with duty(made.environment, made):
        town = load(Environment(city=made.environment.city, home=made.folder))  # with the secret that the demo's commands get
        assert delivering.deliver(engine, town, NOW, most=9, seconds=9).problems == []
        line = http.client.HTTPConnection("127.0.0.1", web.port, timeout=9)
        line.request("POST", "/duty", b"{}", {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"})
        assert line.getresponse().status == 401
        line.close()
        for _ in range(2):  # as after a crash between sending and recording
            assert "took the test" in delivering.try_out(town, "duty", NOW)
    told = [json.loads(one) for one in (made.folder / TOLD).read_text(encoding="utf-8").splitlines()]
    assert [one["type"] for one in told] == ["penstock.night.done", "penstock.test"]
