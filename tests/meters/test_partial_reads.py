"""What a device refuses, what falls apart in several reads, and what no value is made of then."""

from datetime import timedelta

import pytest

from city.quality import VALID, Cause, cause_of, missing
from meters.maps.model import DeviceModel
from meters.polling.field import Field
from meters.polling.poll import Device
from tests.meters.gateway import QUARTER, SLOT, config, many, model, row


def test_a_refused_register_costs_only_itself_and_from_then_on_no_read(gateway, tmp_path):
    gateway.refused = {(1, "holding", 37)}
    device = Device("a", "field", 1, many(64))
    with Field([config(gateway)], [device], tmp_path / "refusals.json") as field:
        got = row(field.read_slot(SLOT))
        assert got["a.r37"].quality == missing(Cause.REFUSED)
        assert all(got[f"a.r{i:02d}"].value == i for i in range(64) if i != 37)
        assert len(gateway.asked) == 1 + 2 * 6  # the whole, and both halves six times
        gateway.asked.clear()
        got = row(field.read_slot(SLOT + QUARTER))
        assert gateway.reads() == [(0, 37), (38, 26)]
        assert got["a.r37"].quality == missing(Cause.REFUSED)
    gateway.asked.clear()
    with Field([config(gateway)], [device], tmp_path / "refusals.json") as field:  # a restart
        field.read_slot(SLOT + 2 * QUARTER)
        assert gateway.reads() == [(0, 37), (38, 26)]
        field.read_slot(SLOT + timedelta(hours=23))
        assert gateway.reads()[2:] == [(0, 37), (38, 26)]
        gateway.refused.clear()
        got = row(field.read_slot(SLOT + timedelta(hours=24)))
        assert gateway.reads()[4:] == [(0, 37), (38, 26), (37, 1)]
        assert got["a.r37"].value == 37
        field.read_slot(SLOT + timedelta(hours=24) + QUARTER)
        assert gateway.reads()[7:] == [(0, 64)]


def test_learning_costs_a_bounded_number_of_reads_a_slot_and_ends(gateway):
    gateway.refused = {(1, "holding", address) for address in range(1, 64, 3)}
    with Field([config(gateway)], [Device("a", "field", 1, many(64))]) as field:
        for i in range(60):
            gateway.asked.clear()
            got = row(field.read_slot(SLOT + i * QUARTER))
            assert len(gateway.asked) <= 64 + 24
            if len(gateway.asked) == 22:  # 0, then the pairs between the refused ones
                break
    assert [i for i in range(64) if got[f"a.r{i:02d}"].quality != VALID] == list(range(1, 64, 3))
    assert i < 20


def test_a_hole_that_may_not_be_read_across_is_learnt_as_well(gateway):
    gateway.refused = {(1, "holding", 2)}
    with Field([config(gateway)], [Device("a", "field", 1, model(("x", 0), ("y", 1), ("z", 3), max_gap=8))]) as field:
        for i in range(2):
            got = row(field.read_slot(SLOT + i * QUARTER))
            assert [got[f"a.{name}"].value for name in "xyz"] == [0, 1, 3]
    assert gateway.reads() == [(0, 4), (0, 1), (1, 3), (1, 1), (3, 1), (0, 2), (3, 1)]


def test_a_device_that_answers_shorter_reads_than_its_map_says_is_read_in_pieces(gateway):
    gateway.most = 20
    with Field([config(gateway)], [Device("a", "field", 1, many(64))]) as field:
        for i in range(3):  # 64 falls into 16, 32, 16, and in the next slot the 32 as well
            gateway.asked.clear()
            got = row(field.read_slot(SLOT + i * QUARTER))
            assert all(got[f"a.r{i:02d}"].value == i for i in range(64))
    assert gateway.reads() == [(0, 16), (16, 16), (32, 16), (48, 16)]


def test_a_unit_that_refuses_everything_is_taken_apart_once_a_day_and_comes_back_whole(gateway):
    gateway.refused = {(1, "holding", address) for address in range(64)}
    with Field([config(gateway)], [Device("a", "field", 1, many(64))]) as field:
        for i in range(6):  # 126 halves, 24 in a slot: none answers
            field.read_slot(SLOT + i * QUARTER)
        assert len(gateway.asked) == 6 + 126
        gateway.asked.clear()
        for i in range(6, 10):
            assert set(field.read_slot(SLOT + i * QUARTER)["quality"]) == {missing(Cause.REFUSED)}
        assert gateway.reads() == [(0, 64)] * 4
        gateway.refused.clear()  # it has started up
        assert set(field.read_slot(SLOT + 10 * QUARTER)["quality"]) == {VALID}


def test_a_register_that_answered_before_is_asked_again_within_the_hour(gateway):
    with Field([config(gateway)], [Device("a", "field", 1, many(4))]) as field:
        field.read_slot(SLOT)
        gateway.refused = {(1, "holding", 3)}  # an inverter at dusk
        field.read_slot(SLOT + QUARTER)
        gateway.refused.clear()
        quality = [row(field.read_slot(SLOT + i * QUARTER))["a.r03"].quality for i in range(2, 7)]
    assert quality == [missing(Cause.REFUSED)] * 3 + [VALID] * 2


def test_a_refused_register_hides_no_other_meters_register_that_overlaps_it(gateway):
    """Two meters of one unit: of a's u32 at 0 the first word is refused, b's u32 at 1 is not."""
    a, b = model({"name": "p", "address": 0, "type": "u32"}, ("r", 5)), model({"name": "p", "address": 1, "type": "u32"})
    gateway.refused = {(1, "holding", 0)}
    gateway.words = {(1, "holding", 1): 0, (1, "holding", 2): 77}
    with Field([config(gateway)], [Device("a", "field", 1, a), Device("b", "field", 1, b)]) as field:
        for i in range(3):
            got = row(field.read_slot(SLOT + i * QUARTER))
            assert (got["b.p"].value, got["a.r"].value, got["a.p"].quality) == (77, 5, missing(Cause.REFUSED))


SPLIT = ({"name": "w", "address": 0, "scale_factor": "sf"}, {"name": "sf", "address": 30, "type": "i16", "scale_of": "w"})


def split_model():
    registers = [{k: v for k, v in r.items() if k != "scale_of"} for r in SPLIT]
    filler = [{"name": f"f{i:02d}", "address": i, "type": "u16", "quantity": "power_kw"} for i in range(1, 30)]
    return DeviceModel.model_validate(
        {"name": "s", "max_words": 16, "registers": [{"type": "u16", "quantity": "power_kw", **registers[0]}, registers[1], *filler]}
    )


def test_a_scale_factor_that_changes_between_two_reads_never_scales_the_older_value(gateway):
    gateway.words = {(1, "holding", 0): 123, (1, "holding", 30): 0}

    def change(asked):
        if asked.address > 0 and armed:
            armed.clear()
            gateway.words.update({(1, "holding", 0): 12, (1, "holding", 30): 1})

    armed = []
    with Field([config(gateway)], [Device("a", "field", 1, split_model())]) as field:
        assert row(field.read_slot(SLOT))["a.w"].value == 123
        gateway.asked.clear()
        gateway.on_read = change
        assert row(field.read_slot(SLOT + QUARTER))["a.w"].value == 123
        assert gateway.reads() == [(16, 15), (0, 16), (30, 1)]  # the factor, the value, and the factor once more by itself
        armed.append(True)
        got = row(field.read_slot(SLOT + 2 * QUARTER))["a.w"]
        assert got.value == 120 or cause_of(int(got.quality)) is Cause.INVALID_REPLY  # not 123 x 10 nor 12 x 1


@pytest.mark.parametrize("at", [0, 16, 30])
def test_a_scale_factor_that_was_another_for_a_while_is_noticed(gateway, at):
    """Before each slot it is 1; in the second slot it becomes 0, as it was in the first, just before one of the reads."""
    gateway.words = {(1, "holding", 0): 123, (1, "holding", 30): 0}
    with Field([config(gateway)], [Device("a", "field", 1, split_model())]) as field:
        assert row(field.read_slot(SLOT))["a.w"].value == 123
        gateway.words.update({(1, "holding", 0): 12, (1, "holding", 30): 1})
        back = {(1, "holding", 0): 123, (1, "holding", 30): 0}
        gateway.on_read = lambda asked: gateway.words.update(back) if asked.address == at else None
        got = row(field.read_slot(SLOT + QUARTER))["a.w"]
    assert got.value in (120, 123) or cause_of(int(got.quality)) is Cause.INVALID_REPLY


def test_halves_of_a_refused_read_tear_a_factor_from_its_value_too(gateway):
    registers = [{"name": "w", "address": 0, "type": "u16", "quantity": "power_kw", "scale_factor": "sf"}]
    registers += [{"name": f"f{i}", "address": i, "type": "u16", "quantity": "power_kw"} for i in range(1, 7)]
    split = DeviceModel.model_validate({"name": "s", "registers": [*registers, {"name": "sf", "address": 7, "type": "i16"}]})
    gateway.refused = {(1, "holding", 3)}
    gateway.words = {(1, "holding", 0): 123, (1, "holding", 7): 0}
    change = {(1, "holding", 0): 12, (1, "holding", 7): 1}
    gateway.on_read = lambda asked: gateway.words.update(change) if (asked.address, asked.count) == (0, 2) else None
    with Field([config(gateway)], [Device("a", "field", 1, split)]) as field:
        got = row(field.read_slot(SLOT))["a.w"]
        assert got.value == 120 or cause_of(int(got.quality)) is Cause.INVALID_REPLY
        gateway.on_read = None
        assert row(field.read_slot(SLOT + QUARTER))["a.w"].value == 120


def test_a_scale_factor_that_never_holds_still_gives_no_value(gateway):
    count = iter(range(1000))
    gateway.on_read = lambda asked: gateway.words.update({(1, "holding", 30): next(count) % 3})
    with Field([config(gateway)], [Device("a", "field", 1, split_model())]) as field:
        assert row(field.read_slot(SLOT))["a.w"].quality == missing(Cause.INVALID_REPLY)
