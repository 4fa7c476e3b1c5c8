"""The conformance suite of the engines: no wrong reply becomes a value, each has its cause, and the next good one succeeds."""

import asyncio
import gc
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._hostile_modes import RTU, TCP, Mode, Query
from benchmarks._hostile_server import KINDS, open_files, tried
from city.problems import PenstockError
from meters.links import strict
from meters.links.asked import checksum, reading, writing
from meters.links.exchange import Exchange
from meters.links.link import Link, LinkConfig, LinkFault


def trials(kind, modes):
    async def run():
        return await asyncio.gather(*(tried(mode, kind) for mode in modes))

    return asyncio.run(run())


@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("kind", KINDS)
def test_no_wrong_reply_becomes_a_value_each_has_its_cause_and_the_next_good_one_succeeds(kind, part):
    gc.collect()  # what tests before this one left to the collector is not counted
    before = open_files()
    done = trials(kind, KINDS[kind][1][part::5])
    assert [f"{trial.mode}: {wrong}" for trial in done for wrong in trial.wrong] == []
    assert all(trial.next_good for trial in done)
    assert open_files() <= before


def test_there_are_more_than_a_hundred_modes_over_each_framing_and_none_is_there_twice():
    for modes in (TCP, RTU):
        assert len({mode.name for mode in modes}) == len(modes) > 100


@pytest.mark.parametrize("engine", ["strict", "pymodbus"])
def test_a_peer_that_closes_is_noticed_within_50_ms(engine):
    async def run():
        async def answer(reader, writer):
            await reader.readexactly(12)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        link = Link(LinkConfig(id="field", url=url, timeout_s=5, engine=engine))
        began = time.perf_counter()
        with pytest.raises(LinkFault, match="no_connection"):
            await link.read(1, "holding", 0, 1)
        took_s = time.perf_counter() - began
        link.close()
        server.close()
        return took_s

    assert asyncio.run(run()) < 0.05


@pytest.mark.parametrize("engine", ["strict", "pymodbus"])
def test_a_deadline_counts_from_where_the_caller_says_and_holds_for_connecting_too(engine):
    async def run():
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(9), "127.0.0.1", 0)
        url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        link = Link(LinkConfig(id="field", url=url, timeout_s=5, engine=engine))
        began = loop.time()
        with pytest.raises(LinkFault, match="timeout"):
            await link.read(1, "holding", 0, 1, deadline=began + 0.1)
        first_s = loop.time() - began
        link.close()
        with pytest.raises(LinkFault) as failure:
            await link.read(1, "holding", 0, 1, deadline=loop.time() - 1)
        server.close()
        return first_s, failure.value

    first_s, late = asyncio.run(run())
    assert 0.09 < first_s < 0.2
    assert late.cause.name == "OVERRUN"
    assert not late.reachable  # nothing was sent


@pytest.mark.parametrize("engine", ["strict", "pymodbus"])
def test_a_request_that_is_cancelled_leaves_nothing_behind(engine):
    async def run():
        async def answer(reader, writer):
            request = await reader.readexactly(12)
            await asyncio.sleep(0.02 if request[11] == 1 else 0)
            writer.write(request[:5] + bytes([3 + 2 * request[11], *request[6:8], 2 * request[11]]) + b"\0\7" * request[11])

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        link = Link(LinkConfig(id="field", url=url, timeout_s=1, engine=engine))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(link.read(1, "holding", 0, 1), 0.01)
        value = (await link.read(1, "holding", 0, 2)).tolist()
        link.close()
        server.close()
        return value

    assert asyncio.run(run()) == [7, 7]


def test_a_transaction_that_was_given_up_long_ago_is_good_when_its_number_comes_again():
    exchange = Exchange()
    exchange.begin(ASKED, b"\0\7", 0.0)
    assert exchange.give_up(1.0).cause.name == "TIMEOUT"
    exchange.begin(ASKED, b"\0\7", 2.0)
    assert exchange.take(GOOD[:5], 2.1) is None
    assert exchange.take(GOOD[5:], 2.2) == GOOD


def test_only_a_refusal_that_says_so_means_that_a_write_did_not_happen():
    asked = writing(1, "holding", 0, [5], single=True)
    said = {code: strict.check(asked, b"\0\1", b"\0\1" + asked.refusal + bytes([code])).refused for code in (1, 2, 3, 4, 5, 6, 8, 10, 11)}
    assert said == {1: True, 2: True, 3: True, 4: False, 5: False, 6: True, 8: False, 10: True, 11: False}


ASKED = reading(3, "holding", 10, 4)
GOOD = Query(7, 3, 3, 10, 4, b"", False).frame()
RTU_ASKED = reading(3, "holding", 10, 4, rtu=True)
RTU_GOOD = Query(0, 3, 3, 10, 4, b"", True).frame()


@given(st.binary(max_size=40))
def test_only_frames_that_differ_in_data_bytes_alone_pass(noise):
    passes = strict.check(ASKED, b"\0\7", noise) is None and strict.complete(ASKED, b"\0\7", noise)
    assert passes == (len(noise) == len(GOOD) and noise[:9] == GOOD[:9])


@given(st.integers(0, 8), st.integers(1, 255))
def test_any_change_of_a_header_byte_is_seen(place, change):
    changed = bytearray(GOOD)
    changed[place] ^= change
    assert strict.check(ASKED, b"\0\7", bytes(changed)) is not None


@given(st.integers(0, len(RTU_GOOD) - 1), st.integers(1, 255))
def test_any_change_of_one_byte_of_an_rtu_frame_is_seen(place, change):
    changed = bytearray(RTU_GOOD)
    changed[place] ^= change
    assert strict.check(RTU_ASKED, b"", bytes(changed)) is not None


@given(st.integers(0, len(GOOD)))
def test_every_beginning_of_a_good_reply_is_good_so_far(length):
    assert strict.check(ASKED, b"\0\7", GOOD[:length]) is None
    assert strict.complete(ASKED, b"\0\7", GOOD[:length]) == (length == len(GOOD))


def test_the_checksum_is_that_of_the_standard():
    assert checksum(bytes([0x02, 0x07])) == bytes([0x41, 0x12])  # Modbus over Serial Line V1.02, 6.2.2, the printed example


def test_what_no_modbus_request_can_ask_is_refused_before_it_is_sent():
    for request in ((1, "holding", 0, 126), (1, "coil", 0, 2001), (1, "holding", 65_535, 2), (256, "holding", 0, 1), (1, "input", 0, 0)):
        with pytest.raises(PenstockError, match=r"allowed: unit 0\.\.255"):
            reading(*request)
    for table, words in (("input", [1]), ("coil", [2]), ("holding", [65_536])):
        with pytest.raises(PenstockError, match=r"allowed: holding with 0\.\.65535"):
            writing(1, table, 0, words)


def test_a_mode_that_the_link_gets_right_would_be_told_if_it_expected_something_else():
    wrong = Mode("silence, expected to be garbage", ((lambda query: b"", "GARBAGE"),))
    (trial,) = trials("strict", [wrong])
    assert trial.wrong[0].startswith("TIMEOUT instead of GARBAGE")
