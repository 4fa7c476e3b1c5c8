"""SunSpec devices say themselves which models they hold: walk the chain, and the register map follows.

`sunspec.csv` holds the facts: for each model its points, their offset from the model's ID register, type, scale factor, unit and
access. Of the curve models 705 to 712 it holds the fixed header, not the repeating curves; of 714 also the repeating DC ports.

References: SunSpec Device Information Model Specification 1.1 (base registers, chain of models, "not implemented", accumulators);
SunSpec Information Model Reference, models 1, 101-103, 201-204, 701-715 and 802.
"""

import csv
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from city.problems import fault
from city.quality import Cause
from meters.links.link import LinkFault
from meters.maps.model import DeviceModel, Register
from meters.maps.registers import text

Read = Callable[[int, int], Awaitable[Sequence[int]]]  # address, count: words. Raises `LinkFault`

BASES = (40000, 0, 50000)
_SUNS = (0x5375, 0x6E53)
_END = 0xFFFF
_MOST_MODELS = 100
_TYPES = {"int": "i", "uint": "u", "acc": "u", "enum": "u", "bitfield": "u"}
_UNITS = {"Pct": "%", "%WHRtg": "%", "C": "degC"}


@dataclass(frozen=True)
class Block:
    """One model as the device announces it: `address` of its ID register, `length` without ID and L [registers]."""

    model: int
    address: int
    length: int


@dataclass(frozen=True)
class Fact:
    """One row of sunspec.csv."""

    model: int
    group: str
    offset: int
    name: str
    type: str
    size: int
    scale_factor: str
    unit: str
    access: str
    quantity: str
    meanings: str


@cache
def facts() -> dict[int, tuple[Fact, ...]]:
    """The points of every model we know, by model id."""
    found: dict[int, list[Fact]] = {}
    with (Path(__file__).parent / "sunspec.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            first, _, last = row.pop("models").partition("-")
            offset, size = int(row.pop("offset")), int(row.pop("size"))
            for model in range(int(first), int(last or first) + 1):
                found.setdefault(model, []).append(Fact(model=model, offset=offset, size=size, **row))
    return {model: tuple(rows) for model, rows in found.items()}


async def discover(read: Read, name: str = "sunspec") -> DeviceModel:
    """The register map of the SunSpec device that `read` reads, with its true addresses.

    Raises `PenstockError` when no base register holds "SunS", when the chain of models does not end, or when the device holds none of
    the models we know; `LinkFault` when the device does not answer.
    """
    base = await _base(read)
    blocks = await _chain(read, base + 2)
    known = [block for block in blocks if block.model in facts()]
    if not known:
        models = ", ".join(str(block.model) for block in blocks) or "none"
        raise fault(f"SunSpec device at {base}", f"models {models}", f"one of {', '.join(map(str, facts()))}", "Write a map by hand.")
    registers = tuple(register for number, block in enumerate(known) for register in _registers(block, _earlier(known, number)))
    about = await _nameplate(read, registers)
    listed = ", ".join(f"{block.model}" if block.model in facts() else f"{block.model} (left out: unknown)" for block in blocks)
    return DeviceModel(
        name=name, description=f"{about}. SunSpec models {listed} from register {base}, discovered.", max_gap=124, registers=registers
    )


async def _base(read: Read) -> int:
    for base in BASES:
        try:
            if tuple(await read(base, 2)) == _SUNS:
                return base
        except LinkFault as failure:
            if failure.cause in (Cause.TIMEOUT, Cause.NO_CONNECTION):
                raise
    raise fault(
        "SunSpec discovery", "no `SunS`", f"at register {', '.join(map(str, BASES))}", "Check unit id; is SunSpec enabled in the device?"
    )


async def _chain(read: Read, address: int) -> list[Block]:
    """The models from `address` up to the end marker."""
    blocks: list[Block] = []
    while address + 1 < 65536 and len(blocks) < _MOST_MODELS:
        model, length = (int(word) for word in await _header(read, address))
        if model == _END:
            return blocks
        blocks.append(Block(model, address, length))
        address += 2 + length
    last = f"after {len(blocks)} models, at register {address}"
    raise fault(
        "SunSpec discovery", f"no end marker {last}", "model id 65535 behind the last model", "The device's chain of models is broken."
    )


async def _header(read: Read, address: int) -> Sequence[int]:
    """ID and length of the model at `address`; some devices answer the end marker only when its ID is asked for alone."""
    try:
        return await read(address, 2)
    except LinkFault as failure:
        if not failure.refused:
            raise
        return [*await read(address, 1), 0]


def _earlier(blocks: Sequence[Block], number: int) -> int:
    return sum(block.model == blocks[number].model for block in blocks[:number])


def _registers(block: Block, earlier: int) -> Iterator[Register]:
    """The registers of one model, as far as the device's own length reaches; of a second model of the same id with another prefix."""
    prefix = f"m{block.model}_" if not earlier else f"m{block.model}_{earlier + 1}_"
    rows = facts()[block.model]
    repeats = [row for row in rows if row.group == "Prt"]
    fixed = [row for row in rows if row.group != "Prt"]
    head = max(row.offset + row.size for row in fixed)
    stride = max((row.offset + row.size for row in repeats), default=1)
    places = [(row, row.offset, f"{row.group}_" if row.group else "") for row in fixed]
    ports = (block.length + 2 - head) // stride if repeats else 0
    places += [(row, head + port * stride + row.offset, f"prt{port + 1}_") for port in range(ports) for row in repeats]
    present = {row.name for row, offset, _ in places if offset + row.size <= block.length + 2} | {""}
    for row, offset, group in places:
        if offset + row.size <= block.length + 2 and row.scale_factor in present:
            yield _register(row, block.address + offset, prefix, f"{prefix}{group}{row.name}".lower())


def _register(row: Fact, address: int, prefix: str, name: str) -> Register:
    kind = row.type.rstrip("0123456789")
    width = row.type[len(kind) :]
    fields: dict[str, Any] = {"name": name, "address": address, "description": row.name}
    if kind == "string":
        return Register(type="string", length=row.size, serial=name == "m1_sn", **fields)  # of several common models the first
    if kind == "sunssf":
        return Register(type="i16", not_implemented=(0x8000,), **fields)
    bits = int(width)
    absent = {"int": 1 << bits - 1, "acc": 0}.get(kind, (1 << bits) - 1)
    if row.offset == 0 and not row.group and any(other.quantity for other in facts()[row.model]):
        fields["expect"] = row.model  # a new firmware may hold other models at these places
    if row.unit and not row.quantity:
        fields["description"] += f" [{row.unit}]"
    if row.quantity:
        fields |= {"quantity": row.quantity, "unit": _UNITS.get(row.unit, row.unit) or None}
    if row.meanings:
        fields["enum"] = dict(pair.split("=") for pair in row.meanings.split(";"))
    if kind == "bitfield" and row.quantity:
        fields["maximum"] = (1 << bits - 1) - 1  # with the highest bit set the others mean nothing
    if kind == "acc" and row.quantity:
        fields["modulus"] = 1 << bits
    scale_factor = f"{prefix}{row.scale_factor}".lower() if row.scale_factor else None
    return Register.model_validate({"type": f"{_TYPES[kind]}{width}", "not_implemented": (absent,), "scale_factor": scale_factor, **fields})


async def _nameplate(read: Read, registers: Sequence[Register]) -> str:
    """Maker, model and version of the common model, in one line."""
    found = []
    for wanted in ("m1_mn", "m1_md", "m1_vr"):
        register = next((register for register in registers if register.name == wanted), None)
        if register is not None:
            found.append(text(register, await read(register.address, register.words)))
    return " ".join(filter(None, found)) or "SunSpec device"
