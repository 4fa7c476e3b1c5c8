"""Whatever a device refuses is found: a law over random devices, and the file in which it is remembered."""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from city.quality import VALID, Cause, missing
from meters.links.link import LinkConfig, LinkFault
from meters.maps.model import DeviceModel
from meters.polling.planner import Span
from meters.polling.poll import Device, Poll
from meters.polling.reading import EXTRA_READS
from meters.polling.refusals import RefusalFile

SLOT = datetime(2026, 1, 5, tzinfo=UTC)


class Refusing:
    """A link to a device that refuses every read that touches `refused` or is longer than `most`."""

    def __init__(self, refused, most):
        self.config = LinkConfig(id="l", url="tcp://127.0.0.1:1")
        self.connections, self.refused, self.most, self.reads = 1, refused, most, []

    async def read(self, unit, table, address, count, deadline=None):
        good = count <= self.most and not self.refused & set(range(address, address + count))
        self.reads.append(good)
        if not good:
            raise LinkFault(Cause.REFUSED, "exception 2")
        return np.arange(address, address + count, dtype=np.uint16)

    def close(self):
        pass


@settings(max_examples=60, deadline=None)
@example(wanted={*range(24), 25}, refused={*range(24), 25} - {9}, most=11, max_gap=6)  # one slot's extra reads find no answer
@given(
    wanted=st.sets(st.integers(0, 70), min_size=1, max_size=60),
    refused=st.sets(st.integers(0, 70), max_size=40),
    most=st.integers(1, 60),
    max_gap=st.integers(0, 6),
)
def test_in_the_end_everything_that_can_be_read_is_and_nothing_is_asked_in_vain(wanted, refused, most, max_gap):
    registers = [{"name": f"r{i:02d}", "address": i, "type": "u16", "quantity": "power_kw"} for i in sorted(wanted)]
    device = Device("m", "l", 1, DeviceModel.model_validate({"name": "x", "max_gap": max_gap, "registers": registers}), step_s=1)
    link = Refusing(refused, most)

    async def seconds():
        poll = Poll({"l": link}, [device])
        for i in range(80):
            link.reads.clear()
            frame = await poll.read(SLOT + i * timedelta(seconds=1), SLOT)  # before anything is tried again
            assert len(link.reads) <= 2 * len(wanted) + EXTRA_READS
            if all(link.reads):
                return frame
        return frame

    frame = asyncio.run(seconds())
    expected = {f"m.r{i:02d}": missing(Cause.REFUSED) if i in refused else VALID for i in wanted}
    assert dict(zip(frame["point_id"], frame["quality"], strict=True)) == expected
    values = frame["value"].to_numpy()
    assert all(np.isnan(value) or value == int(name[3:]) for name, value in zip(frame["point_id"], values, strict=True))
    if wanted - refused:
        assert all(link.reads)


def test_the_file_keeps_what_was_learnt_and_is_not_written_for_nothing(tmp_path):
    path, span = tmp_path / "refusals.json", Span("input", 3, 5)
    memory = RefusalFile(path)
    memory.of("l/1").refused(span, SLOT)
    memory.of("l/2")
    memory.keep()
    written = path.stat().st_mtime_ns
    memory.keep()
    assert path.stat().st_mtime_ns == written
    again = RefusalFile(path).of("l/1")
    assert again.walls == {span}
    assert again.due(SLOT + timedelta(hours=23)) == []
    assert again.due(SLOT + timedelta(days=1)) == [span]
    again.answered(span)
    assert again.walls == frozenset()


@pytest.mark.parametrize("text", ["", "[]", '{"l/1": [["input", 3]]}', '{"l/1": [["input", 3, 5, "yesterday"]]}'])
def test_a_broken_file_is_a_sentence(tmp_path, text):
    (tmp_path / "refusals.json").write_text(text)
    with pytest.raises(PenstockError, match="poll learns again"):
        RefusalFile(tmp_path / "refusals.json")


def test_a_disk_that_refuses_costs_the_memory_only(tmp_path):
    memory = RefusalFile(tmp_path / "gone" / "refusals.json")
    memory.of("l/1").refused(Span("input", 3, 5), SLOT)
    memory.keep()
    assert memory.of("l/1").changed  # and is tried again at the next slot
