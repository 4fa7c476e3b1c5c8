"""The two city files that are shipped."""

from demo.make import CITY


def test_both_city_files_load_and_the_smallest_is_small() -> None:
    from service.environment import Environment
    from service.settings import load

    assert len(load(Environment(city=CITY)).points) > 100
    tiny = CITY.with_name("tiny_city.toml")
    assert sorted(load(Environment(city=tiny)).points) == ["hall.energy", "hall.power"]
    lines = [line for line in tiny.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 15
