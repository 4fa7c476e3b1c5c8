"""When slots come: each meter's own grid, the machine that slept, the clock that was set, and the dead that hold up nobody."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

import pytest

from city.clock import floor
from city.quality import VALID, Cause, missing
from meters.links.link import LinkConfig
from meters.polling.breaker import Breaker, share
from meters.polling.field import Field
from meters.polling.poll import Device
from meters.polling.schedule import due, next_slot, slots, wall_clock_slots
from tests.meters.gateway import Gateway
from tests.meters.test_polling import many

MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SECOND = timedelta(seconds=1)


def test_slots_are_those_of_every_step_once():
    times = list(slots(MIDNIGHT, MIDNIGHT + QUARTER, (300, 720, 900)))
    assert [(t - MIDNIGHT) // timedelta(minutes=1) for t in times] == [0, 5, 10, 12, 15]
    assert due((300, 720, 900), MIDNIGHT + QUARTER) == (300, 900)
    assert next_slot(MIDNIGHT, (900,)) == MIDNIGHT + QUARTER
    assert list(slots(MIDNIGHT, MIDNIGHT + QUARTER, ())) == []


class WallClock:
    """A clock that goes on by sleeping only, and can be set."""

    def __init__(self, at):
        self.at = at

    def __call__(self):
        return self.at

    def set(self, at):
        self.at = at

    async def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)


def seen(clock, steps_s, number, act=lambda slot: None):
    async def follow():
        found = []
        async for slot, in_time in wall_clock_slots(steps_s, clock):
            found.append((slot, in_time))
            if len(found) == number:
                return found
            act(slot)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("meters.polling.schedule.asyncio.sleep", clock.sleep)
        return asyncio.run(follow())


def test_each_slot_comes_once_and_as_its_time_comes():
    start = MIDNIGHT + timedelta(minutes=1)
    assert [slot for slot, _ in seen(WallClock(start), (900,), 2)] == [MIDNIGHT + QUARTER, MIDNIGHT + 2 * QUARTER]


def test_what_the_machine_slept_through_is_left_out():
    clock = WallClock(MIDNIGHT - SECOND)

    def sleep(slot):
        if slot == MIDNIGHT:
            clock.set(MIDNIGHT + timedelta(hours=3, minutes=7))

    assert [slot for slot, _ in seen(clock, (900,), 2, sleep)] == [MIDNIGHT, MIDNIGHT + 13 * QUARTER]


def test_a_clock_set_back_never_brings_a_slot_twice():
    clock = WallClock(MIDNIGHT - SECOND)

    def back(slot):
        if slot == MIDNIGHT:
            clock.set(MIDNIGHT - timedelta(minutes=40))

    assert [slot for slot, _ in seen(clock, (900,), 2, back)] == [MIDNIGHT, MIDNIGHT + QUARTER]


def test_a_slot_noticed_late_is_still_good_for_slow_meters_and_missed_for_fast_ones():
    class Jumping(WallClock):
        async def sleep(self, seconds):
            await super().sleep(seconds)
            if self.at == MIDNIGHT - timedelta(seconds=20):
                self.at = MIDNIGHT + timedelta(seconds=30)

    found = seen(Jumping(MIDNIGHT - timedelta(seconds=90)), (60, 900), 2)
    assert found[0] == (MIDNIGHT - timedelta(seconds=60), (60,))
    assert found[1] == (MIDNIGHT, (900,))


def test_phases_are_spread_evenly_and_always_the_same():
    shares = [share(f"meter-{i}") for i in range(100_000)]
    assert shares == [share(f"meter-{i}") for i in range(100_000)]
    counts = [0] * 10
    for one in shares:
        counts[int(10 * one)] += 1
    assert all(9_700 < count < 10_300 for count in counts)  # three standard deviations of 10,000 are 285


def test_a_breaker_doubles_its_pause_up_to_the_longest_and_forgets_it_with_the_first_answer():
    breaker, slot, pauses = Breaker("u", 900, 28_800), MIDNIGHT, []
    for _ in range(12):
        breaker.failed(slot)
        pause = next(s for s in range(0, 40_000, 60) if not breaker.open(slot + timedelta(seconds=s)))
        pauses.append(pause)
        slot += timedelta(seconds=pause)
    assert pauses[0] == 900
    assert all(900 <= pause <= 28_800 for pause in pauses)
    assert all(450 * 2**i <= pause <= 900 * 2**i + 60 for i, pause in enumerate(pauses[:6]))
    assert min(pauses[6:]) >= 14_400
    breaker.answered()
    assert breaker.closed
    assert not breaker.open(slot)


def live(gateways, devices, seconds, **limits):
    """The frames of a field that is followed for so long, with the clock running at its own pace from just before a slot."""
    links = [LinkConfig(id=f"l{i}", url=g.url, **limits) for i, g in enumerate(gateways)]
    frames, offset = SimpleQueue(), floor(datetime.now(UTC), QUARTER) + QUARTER - timedelta(seconds=0.3) - datetime.now(UTC)
    with Field(links, devices) as field:
        field.follow(frames.put, lambda: datetime.now(UTC) + offset)
        time.sleep(seconds)
    return [frames.get() for _ in range(frames.qsize())]


def test_a_followed_field_gives_one_frame_per_slot_and_step_spread_over_its_seconds():
    with Gateway() as gateway:
        devices = [Device(f"m{i}", "l0", i, many(1), step_s=900 if i % 2 else 60) for i in range(40)]
        frames = live([gateway], devices, 2.2, spread_s=1.5)
    assert [len(frame) for frame in frames] == [20, 20]
    slot = frames[0]["time_utc"].iloc[0]
    for frame in frames:
        assert set(frame["quality"]) == {VALID}
        late = (frame["received_at_utc"] - slot).dt.total_seconds()
        assert late.between(0, 2).all()
        assert late.max() - late.min() > 0.8


def test_a_held_field_asks_nothing():
    with Gateway() as gateway:
        frames, offset = SimpleQueue(), floor(datetime.now(UTC), QUARTER) + QUARTER - timedelta(seconds=0.2) - datetime.now(UTC)
        with Field([LinkConfig(id="l0", url=gateway.url)], [Device("m", "l0", 1, many(1))]) as field:
            field.hold(True)
            field.follow(frames.put, lambda: datetime.now(UTC) + offset)
            time.sleep(0.6)
        assert (gateway.asked, frames.qsize()) == ([], 0)


def test_a_machine_that_wakes_in_the_middle_of_a_slot_reads_nothing_for_it():
    with Gateway() as gateway:
        gateway.on_read = lambda asked: slept.append(True)
        slept, start = [], MIDNIGHT - timedelta(seconds=0.1)
        began = time.monotonic()

        def now():
            return start + timedelta(seconds=time.monotonic() - began) + (timedelta(hours=3) if slept else timedelta(0))

        frames = SimpleQueue()
        devices = [Device(f"m{i}", "l0", i, many(1)) for i in range(6)]
        with Field([LinkConfig(id="l0", url=gateway.url, spread_s=0.3)], devices) as field:
            field.follow(frames.put, now)
            frame = frames.get(timeout=5)
    assert sorted(frame["quality"]) == [VALID] + [missing(Cause.OVERRUN)] * 5
    assert len(gateway.asked) == 1


@pytest.mark.slow
def test_with_a_third_of_the_units_dead_the_others_are_on_time():
    """300 units behind three gateways, 30 % of them dead, six slots of which the first meets them unprepared."""
    gateways = [Gateway(dead=set(range(1, 101, 10)) | set(range(2, 101, 10)) | set(range(3, 101, 10))) for _ in range(3)]
    devices = [Device(f"m{link}-{unit}", f"l{link}", unit, many(10)) for link in range(3) for unit in range(1, 101)]
    healthy = {f"{d.meter_id}.r00" for d in devices if d.unit not in gateways[0].dead}
    on_time = total = 0
    with gateways[0], gateways[1], gateways[2]:
        links = [LinkConfig(id=f"l{i}", url=g.url, timeout_s=0.05, budget_s=6) for i, g in enumerate(gateways)]
        with Field(links, devices) as field:
            for i in range(6):
                slot = MIDNIGHT + i * QUARTER
                before = [len(g.asked) for g in gateways]
                began = datetime.now(UTC)
                frame = field.read_slot(slot)
                mine = frame[frame["point_id"].isin(healthy)]
                on_time += int(((mine["quality"] == VALID) & (mine["received_at_utc"] < began + timedelta(seconds=6))).sum())
                total += len(mine)
                for gateway, asked in zip(gateways, before, strict=True):
                    tries = [a.unit for a in gateway.asked[asked:] if a.unit in gateway.dead]
                    assert len(tries) == len(set(tries)) <= 30  # at most one timeout each
    assert total == 6 * 210
    assert on_time / total >= 0.999


def late(clock, steps_s, kept, number):
    async def follow():
        found = []
        async for slot, in_time in wall_clock_slots(steps_s, clock, kept):
            found.append((slot, in_time))
            if len(found) == number:
                return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("meters.polling.schedule.asyncio.sleep", clock.sleep)
        return asyncio.run(follow())


def test_midnight_is_read_by_a_process_that_was_killed_before_it_and_started_again_ten_seconds_after_it():
    clock, kept = WallClock(MIDNIGHT + 10 * SECOND), {60: MIDNIGHT - 60 * SECOND, 900: MIDNIGHT - QUARTER}
    found = late(clock, (60, 900), kept, 2)
    assert found[0] == (MIDNIGHT, (900,))  # ten seconds are too late for what is read each minute
    assert found[1] == (MIDNIGHT + 60 * SECOND, (60,))


def test_a_slot_that_is_kept_or_whose_meters_never_kept_one_is_not_read_late():
    for kept in ({900: MIDNIGHT}, {60: MIDNIGHT - QUARTER}, {}):
        assert late(WallClock(MIDNIGHT + 10 * SECOND), (900,), kept, 1)[0][0] == MIDNIGHT + QUARTER
    assert late(WallClock(MIDNIGHT + 91 * SECOND), (900,), {900: MIDNIGHT - QUARTER}, 1)[0][0] == MIDNIGHT + QUARTER
