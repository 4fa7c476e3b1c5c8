"""One simulator process per test file, and a link to it."""

import socket

import pytest

from meters.links.link import LinkConfig
from meters.polling.field import Field
from meters.simulator import running
from tests.meters.bench import START, table, written_spec
from tests.meters.gateway import Gateway


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    table().to_parquet(folder / "live.parquet")
    return written_spec(folder)


@pytest.fixture(scope="module")
def port(spec):
    with running(spec, lifetime_s=120) as number:
        yield number


@pytest.fixture
def link(port):
    config = LinkConfig(id="field", url=f"tcp://127.0.0.1:{port}", timeout_s=0.3, backoff_s=1800, read_only=False, simulated=True)
    with Field([config], []) as field:
        field.set_clock(START)
    return config


@pytest.fixture
def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def gateway():
    with Gateway() as one:
        yield one
