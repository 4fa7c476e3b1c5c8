"""SunSpec discovery against pysunspec2, which brings the alliance's own definitions of the models."""

import asyncio
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from city.quality import VALID, Cause, questionable
from city.units import conversion
from meters.links.link import LinkFault
from meters.maps.batch import Layout
from meters.maps.map_file import as_toml
from meters.maps.registers import decode, load_model, text
from meters.maps.sunspec import discover, facts

device = pytest.importorskip("sunspec2.device")

MODELS = (1, 101, 102, 103, 201, 202, 203, 204, *range(701, 716), 802)
CURVES = range(705, 713)
SUNS, END = [0x5375, 0x6E53], [0xFFFF, 0]
UNITS = {"Var": "var", "Varh": "varh", "WH": "Wh"}


def defined(model):
    """(group, offset, name, type, size, scale factor, unit, access) of every point of pysunspec2's definition, without pads and curves."""
    found, offset = set(), 0
    group = device.get_model_def(model)["group"]
    for part in (group, *([] if model in CURVES else group.get("groups", ()))):
        offset = 0 if part.get("count") else offset
        for point in part["points"]:
            row = ("" if part is group else part["name"], offset, point["name"], point["type"], int(point["size"]))
            unit = UNITS.get(point.get("units", ""), point.get("units", ""))
            if point["type"] != "pad":
                found.add((*row, str(point.get("sf", "")), unit, point.get("access", "R")))
            offset += int(point["size"])
    return found


@pytest.mark.parametrize("model", MODELS)
def test_our_facts_are_those_of_the_definition(model):
    assert {(f.group, f.offset, f.name, f.type, f.size, f.scale_factor, f.unit, f.access) for f in facts()[model]} == defined(model)


def test_we_know_exactly_the_models_that_we_say_and_every_scale_factor_is_there():
    assert tuple(facts()) == MODELS
    for rows in facts().values():
        assert {f.scale_factor for f in rows if f.scale_factor} <= {f.name for f in rows}


@pytest.mark.parametrize("model", MODELS)
def test_every_meaning_of_a_state_is_that_of_the_definition(model):
    for fact in facts()[model]:
        if fact.meanings:
            group = device.get_model_def(model)["group"]
            points = [
                p for part in (group, *group.get("groups", ())) for p in part["points"] if p["name"] == fact.name and p.get("symbols")
            ]
            assert fact.meanings == ";".join(f"{symbol['value']}={symbol['name']}" for symbol in points[0]["symbols"])


def words_of(model, data=None):
    """The words of one model as pysunspec2 sends them."""
    packed = device.Model(model, data=data or {}).get_mb()
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


def reader(words, base=40000, refuses=()):
    """A device that holds `words` from `base` and refuses everything else."""

    async def read(address, count):
        if address < base or address + count > base + len(words) or address in refuses:
            raise LinkFault(Cause.REFUSED, "exception 2")
        return words[address - base : address - base + count]

    return read


def found(words, base=40000, **more):
    return asyncio.run(discover(reader(words, base, **more)))


def image_of(layout, words, base=40000):
    image = np.zeros((1, layout.width), dtype=np.uint16)
    for register in layout.registers:
        image[0, layout.columns[register.name]] = words[register.address - base :][: register.words]
    return image


def chosen(data, model):
    """Random words for every point of the model, its sentinels among them; scale factors within the standard's range or absent."""
    ports = {"NPrt": 2, "Prt": [{}, {}]} if model == 714 else {}
    words = words_of(model, ports)
    rows = [(f, f.offset + 20 * (f.group == "Prt") + 25 * port) for f in facts()[model] for port in range(2 if f.group == "Prt" else 1)]
    for fact, offset in rows:
        if offset < 2 or fact.name == "NPrt" or fact.type == "string":
            continue
        special = [[0] * fact.size, [0xFFFF] * fact.size, [0x8000] + [0] * (fact.size - 1), [0] * (fact.size - 1) + [5]]
        drawn = st.sampled_from(special) | st.lists(st.integers(0, 0xFFFF), min_size=fact.size, max_size=fact.size)
        factor = st.integers(-10, 10).map(lambda exponent: [exponent & 0xFFFF]) | st.just([0x8000])
        words[offset : offset + fact.size] = data.draw(factor if fact.type == "sunssf" else drawn)
    return words


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([m for m in MODELS if m not in CURVES and m != 1]))
def test_every_number_is_what_pysunspec2_computes(data, model):
    words = chosen(data, model)
    oracle = device.Model(model, data=struct.pack(f">{len(words)}H", *words))
    assert not oracle.error_info
    map_, whole = found(SUNS + words + END), SUNS + words + END
    for register in map_.registers:
        point = value_in(oracle, register.name.removeprefix(f"m{model}_"))
        read = whole[register.address - 40000 :][: register.words]
        if register.type == "string":
            assert text(register, read) == (point.value or "")
            continue
        factor = 0
        if register.scale_factor:
            helper = map_.register(register.scale_factor)
            exponent = decode(helper, whole[helper.address - 40000 :][:1])[0]
            factor = None if exponent is None else int(exponent)
        value, _ = decode(register, read, factor)
        if factor is None:
            assert value is None  # pysunspec2 gives the bare count; the standard calls the point not implemented
        elif register.quantity is None or not register.unit:
            assert value == (None if point.cvalue is None else pytest.approx(point.cvalue, rel=1e-12))
        else:
            ratio, shift = conversion(register.unit, register.quantity)
            assert value == (None if point.cvalue is None else pytest.approx(point.cvalue * float(ratio) + float(shift), rel=1e-12))


def value_in(oracle, name):
    """pysunspec2's point of our name: `w_sf`, `prt2_dca`, `pfwinj_pf`."""
    places = {point.lower(): oracle.points[point] for point in oracle.points}
    for group, made in oracle.groups.items():
        for number, one in enumerate(made if isinstance(made, list) else [made], start=1):
            label = f"{group.lower()}{number}" if isinstance(made, list) else group.lower()
            places |= {f"{label}_{point.lower()}": one.points[point] for point in one.points}
    return places[name]


COMMON = {"Mn": "Maker", "Md": "Inverter 5", "Vr": "1.2", "SN": "SN-0042"}
INVERTER = {"W": 1234, "W_SF": 1, "WH": 5_000_000, "WH_SF": 0, "St": 4, "Hz": 5001, "Hz_SF": -2}


def test_a_device_says_what_it_holds_and_who_it_is():
    words = SUNS + words_of(1, COMMON) + [64_001, 3, 1, 2, 3] + words_of(103, INVERTER) + END
    for base in (40000, 0, 50000):
        model = found(words, base)
        layout = Layout(model)
        values, quality = layout.decode(image_of(layout, words, base), np.zeros((1, len(layout.registers)), dtype=np.uint8))
        read = {register.name: value for register, value in zip(model.points, values[0], strict=True)}
        assert model.description == (
            f"Maker Inverter 5 1.2. SunSpec models 1, 64001 (left out: unknown), 103 from register {base}, discovered."
        )
        assert (read["m103_w"], read["m103_wh"], read["m103_hz"], read["m103_st"]) == (12.34, 5_000.0, 50.01, 4.0)
        assert quality[0][[r.name for r in model.points].index("m103_va")] == Cause.NOT_IMPLEMENTED << 8
        assert model.identity is not None
        assert text(model.identity, words[model.identity.address - base :][:16]) == "SN-0042"
        assert model.register("m103_wh").address == base + 2 + 68 + 5 + 24


def test_after_an_update_that_moves_the_models_no_value_is_believed():
    words = SUNS + words_of(1, COMMON) + words_of(103, INVERTER) + END
    moved = SUNS + words_of(1, COMMON) + [64_001, 3, 1, 2, 3] + words_of(103, INVERTER) + END
    layout = Layout(found(words))
    for read, believed in ((words, True), (moved, False)):
        _, quality = layout.decode(image_of(layout, read), np.zeros((1, len(layout.registers)), dtype=np.uint8))
        assert bool((quality & 1).any()) is believed


def test_the_second_model_of_an_id_gets_names_of_its_own():
    model = found(SUNS + words_of(203) + words_of(203) + END)
    assert model.register("m203_2_w").address - model.register("m203_w").address == 107


def test_of_two_common_models_the_first_has_the_serial_number():
    model = found(SUNS + words_of(1, COMMON) + words_of(1, COMMON | {"SN": "SN-0043"}) + words_of(103, INVERTER) + END)
    assert model.identity == model.register("m1_sn")


def test_a_bit_field_whose_highest_bit_is_set_means_nothing():
    events = found(SUNS + words_of(103, INVERTER) + END).register("m103_evt1")
    assert decode(events, [0, 1]) == (1, VALID)
    assert decode(events, [0x8000, 1])[1] == questionable(Cause.OUT_OF_MAP)


def test_a_shorter_model_ends_where_the_device_says_and_a_point_without_its_scale_factor_is_left_out():
    words = words_of(103)[:26]  # up to WH; WH_SF is missing
    words[1] = 24
    names = [register.name for register in found(SUNS + words + END).registers]
    assert "m103_w" in names
    assert "m103_pf_sf" in names
    assert not {"m103_wh", "m103_wh_sf", "m103_dca"} & set(names)


def test_an_end_marker_of_one_register_is_enough():
    words = SUNS + words_of(103) + [0xFFFF]
    assert found(words).register("m103_w").address == 40016


def test_what_is_no_sunspec_device_is_said_in_a_sentence():
    with pytest.raises(PenstockError, match="no `SunS`; allowed: at register 40000, 0, 50000"):
        found([1, 2, 3])
    with pytest.raises(PenstockError, match="no end marker after 100 models"):
        found(SUNS + [103, 0] * 300)
    with pytest.raises(PenstockError, match="models 64001; allowed: one of 1, 101"):
        found([*SUNS, 64_001, 1, 0, *END])


def test_a_silent_device_is_not_asked_three_times():
    asked = []

    async def silent(address, count):
        asked.append(address)
        raise LinkFault(Cause.TIMEOUT, "no reply within 1 s")

    with pytest.raises(LinkFault, match="no reply"):
        asyncio.run(discover(silent))
    assert asked == [40000]


def test_a_discovered_map_written_to_a_file_is_the_same_map(tmp_path):
    ports = {"NPrt": 2, "Prt": [{}, {}]}
    model = found(SUNS + words_of(1, COMMON) + words_of(701) + words_of(713) + words_of(714, ports) + words_of(802) + END)
    (tmp_path / "roof.toml").write_text(as_toml(model), encoding="utf-8")
    assert load_model("roof", [tmp_path]) == model.model_copy(update={"name": "roof"})
