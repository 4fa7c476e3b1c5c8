"""The text of a first city.toml: small, commented, every line of it meant to be changed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from service.beginning.columns import POWERS, Proposed, Series


@dataclass(frozen=True)
class Named:
    """Who and where a first city is."""

    id: str
    name: str
    zone: str
    country: str
    region: str
    currency: str

    @property
    def foreign_factors(self) -> bool:
        """Do emission factors of another country stand in? Those that plans need ship for China alone."""
        return self.region.split("-")[0] != self.country


@dataclass(frozen=True)
class Device:
    """The first meter on a link."""

    url: str
    model: str
    unit: int
    meter: str


def text_of(place: Named, table: Proposed | None, file: str, device: Device | None, field_port: int | None) -> str:
    """The whole file; `file` is the history in the data folder, `field_port` that of a simulated field."""
    simulated = field_port is not None
    step_s = table.step_s if table else 900
    parts = [_head(place, step_s)]
    if device or simulated:
        parts.append(_link(device.url if device else f"tcp://127.0.0.1:{field_port}", writes=simulated))
    parts.append(_meters(table, device, step_s, simulated=simulated))
    parts.append(_plan(place, table, device, simulated=simulated))
    if table:
        parts.append(_history(table, file))
    elif simulated:
        parts.append(_SIMULATED_HISTORY.replace("FILE", _quoted(file)))
    return "\n".join(parts)


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _head(place: Named, step_s: int) -> str:
    steps = 48 * 3600 // step_s
    foreign = (
        f"NOT of {' '.join(place.country.split())}: write your own factors before you believe a figure of CO2; "
        if place.foreign_factors
        else ""
    )
    return f"""# What {" ".join(place.name.split())} consists of. `penstock doctor` checks this file; docs/reference.md knows every key.
city.id = {_quoted(place.id)}                # names the data folder, var/{place.id}
city.name = {_quoted(place.name)}
city.time_zone = {_quoted(place.zone)}       # of tariffs, civil days and people; everything is stored in UTC
city.country = {_quoted(place.country)}                  # whose public holidays hold
city.region = {_quoted(place.region)}                # whose emission factors hold: {foreign}docs/factors.md
city.currency = {_quoted(place.currency)}

night.step_s = {step_s}                   # step of the plan [s]
night.steps = {steps}                     # 48 hours
night.lead_minutes = {max(30, step_s // 60)}               # from the night's start to the plan's first step

carbon.provisional = "latest"         # where this year's grid factor is not published yet, the newest counts, and is marked so
accounts_file = "accounts.toml"       # who may sign in to the console: `penstock account add NAME --role admin`

sectors = [{{ id = "services" }}]
sites = [{{ id = "here", sector = "services" }}]
"""


def _link(url: str, *, writes: bool) -> str:
    told = "read_only = false" if writes else "read_only = true"
    why = "approved commands may be written" if writes else "nothing is written until you say read_only = false"
    return f'links = [{{ id = "field", url = {_quoted(url)}, {told} }}]  # how devices are reached; {why}\n'


def _meters(table: Proposed | None, device: Device | None, step_s: int, *, simulated: bool) -> str:
    lines = ["# One line per meter; `model` is a register map: docs/maps.md lists those that come with Penstock.", "meters = ["]
    for one in table.series if table else ():
        on = f'unit = {device.unit}, link = "field", ' if device and device.meter == one.meter else ""
        model = (
            device.model if on and device else {"water": "water-meter"}.get(one.commodity, "pv-plant" if one.sun else "electricity-meter")
        )
        lines.append(_meter(one.meter, on, model, one.commodity, sun=one.sun, step_s=step_s))
    if device and device.meter not in {one.meter for one in (table.series if table else ())}:
        commodity = "water" if "water" in device.model or "district" in device.model else "electricity"
        lines.append(_meter(device.meter, f'unit = {device.unit}, link = "field", ', device.model, commodity, sun=False, step_s=step_s))
    if simulated:
        lines.append(_meter("hall", 'unit = 1, link = "field", ', "electricity-meter", "electricity", sun=False, step_s=900))
        lines.append(_meter("roof", 'unit = 2, link = "field", ', "pv-plant", "electricity", sun=True, step_s=900))
        lines.append(
            '  { id = "battery", unit = 3, link = "field", model = "battery", commodity = "electricity", role = "storage", site = "here" },'
        )
    return "\n".join((*lines, "]\n"))


def _meter(name: str, on: str, model: str, commodity: str, *, sun: bool, step_s: int) -> str:
    role, forecast = ("generation", "pv") if sun else ("load", "water" if commodity == "water" else "load")
    step = f", step_s = {step_s}" if step_s != 900 else ""
    head = f"id = {_quoted(name)}, {on}model = {_quoted(model)}, commodity = {_quoted(commodity)}"
    return f'  {{ {head}, role = "{role}", site = "here", forecast = "{forecast}"{step} }},'


def _plan(place: Named, table: Proposed | None, device: Device | None, *, simulated: bool) -> str:
    electric = [one for one in (table.series if table else ()) if one.commodity == "electricity"]
    loads = [f"{one.meter}.energy" for one in electric if not one.sun] or (["hall.energy"] if simulated else [])
    suns = [f"{one.meter}.energy" for one in electric if one.sun] or (["roof.energy"] if simulated else [])
    if not loads and not suns and not (device and not table):
        return ""
    text = f"""# What a kilowatt-hour costs [{place.currency}/kWh]. These prices are examples: write your own.
[tariff]
export_price_per_kwh = 0.10
bands = [{{ name = "day", price_per_kwh = 0.30, hours = [[6, 22]] }}, {{ name = "night", price_per_kwh = 0.15, hours = [[0, 24]] }}]

# What the plan is made of. 26 kinds of assets are known: docs/optimisation.md.
[[assets]]
id = "grid"
kind = "grid"
connection_kw = {_connection(electric)}                 # the most that the connection carries: write your contract's
"""
    if loads:
        text += f'\n[[assets]]\nid = "loads"\nkind = "fixed_load"\nseries = {json.dumps(loads)}\n'
    if suns:
        text += f'\n[[assets]]\nid = "sun"\nkind = "curtailable"\nseries = {json.dumps(suns)}\n'
    return text + (_BATTERY if simulated else "")


def _connection(electric: Sequence[Series]) -> float:
    return 1000.0 if len(electric) < 10 else 10_000.0


def _history(table: Proposed, file: str) -> str:
    form = table.table
    keys = [f"time = {_quoted(form.time)}", f"zone = {_quoted(table.zone)}"]
    keys += [f"time_format = {_quoted(form.time_format)}"] if form.time_format else []
    keys += [f"time_marks = {_quoted(table.time_marks)}", f"step_s = {table.step_s}", f"separator = {_quoted(form.separator)}"]
    keys += [f"decimal = {_quoted(form.decimal)}", f"encoding = {_quoted(form.encoding)}", f"skip_lines = {form.skip_lines}"]
    lines = [_column(one, table.step_s) for one in table.series]
    told = "\n".join(f"# {' '.join(sentence.split())}" for sentence in table.told)
    mapping = "\n".join(keys)
    return f"""
# Your history, copied into the data folder; `penstock import` reads it. What follows was proposed from looking at it:
{told}
[[imports]]
path = {_quoted(file)}
[imports.mapping]
{mapping}
columns = [
{chr(10).join(lines)}
]
"""


def _column(one: Series, step_s: int) -> str:
    mean = f", the mean of {step_s} s" if one.unit in POWERS else ""
    point = f"point = {_quoted(one.point)}, quantity = {_quoted(one.quantity)}"
    return f"  {{ name = {_quoted(one.column)}, {point}, factor = {one.factor:.10g} }},  # {one.unit}{mean}"


_BATTERY = """
[[assets]]
id = "battery"
kind = "battery"
power_kw = 20.0
energy_kwh = 40.0

[[states]]                            # what the plan starts from: the charge as it was read
asset = "battery"
quantity = "charge_kwh"
weights = { "battery.charge" = 1.0 }

[[controls]]                          # what an approved plan may write
asset = "battery"
point = "battery.setpoint"
quantity = "power_kw"

[[limits]]                            # and between which values [kW]
point = "battery.setpoint"
minimum = -20.0
maximum = 20.0
"""

_SIMULATED_HISTORY = """
# 60 days that go before the simulated field; invented, as the field is.
[[imports]]
path = FILE
mapping = { time = "time_utc", quantity = "energy_kwh" }
"""
