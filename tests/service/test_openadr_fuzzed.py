"""Events that somebody broke: each is taken in or told as a sentence, whatever stands where."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from city.problems import PenstockError
from service.openadr.objects import parsed, read_json
from service.response import binding, incoming
from service.store import writing
from tests.service.response_town import CALLED, horizon, openadr, opened, response_town

WORDS = "PT1H P9999Y 0000-00-00 9999-12-31T23:59:59Z -P1D P1Y SIMPLE PRICE KW KWH GHG DISPATCH_SETPOINT * \x00 \ud800"
JUNK: tuple[Any, ...] = (None, True, 0, -1, 3, 1e308, 2**70, "", "x" * 200, [], {}, [[]], {"x": 1, "y": 2}, *WORDS.split(" "))
KEYS = ("duration", "start", "intervalPeriod", "values", "targets", "priority", "id", "randomizeStart")


def places(found: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    for key in list(found) if isinstance(found, dict) else range(len(found)) if isinstance(found, list) else ():
        yield found, key
        yield from places(found[key])


def broken(rng: random.Random) -> Any:
    made = copy.deepcopy(openadr(duration="PT3H", priority=1, targets=[{"type": "RESOURCE_NAME", "values": ["hall"]}]))
    for _ in range(rng.randint(1, 4)):
        where, key = rng.choice([*places(made)])
        if rng.random() < 0.2:
            del where[key]
        elif isinstance(where, list) and rng.random() < 0.3:
            where.append(copy.deepcopy(where[key]))
        elif isinstance(where, dict) and rng.random() < 0.2:
            where[rng.choice(KEYS)] = copy.deepcopy(rng.choice(JUNK))
        else:
            where[key] = copy.deepcopy(rng.choice(JUNK))
    return made


@pytest.mark.parametrize("seed", range(3))
def test_a_broken_event_is_taken_or_told(seed: int, tmp_path: Path) -> None:
    engine, city = opened(response_town(tmp_path / "town", days=0))
    rng, taken, told = random.Random(seed), 0, list[str]()  # noqa: S311 - no secret
    for _ in range(150):
        text = json.dumps(broken(rng)).encode()
        try:
            with writing(engine) as connection:
                incoming.take(connection, city, parsed(read_json(text, "event"), "event"), "ada", CALLED)
            taken += 1
        except PenstockError as error:
            told += map(str, error.problems)
    assert min(taken, len(told)) > 10
    assert max(map(len, told)) < 1000
    assert len(binding.bound(engine, city, horizon(), CALLED).import_price_per_kwh) == 96
