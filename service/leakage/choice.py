"""Which leak watch a city gets: that of its districts' inflows, or that of the network model and the flow meters on links."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from city.clock import HOUR
from city.problems import fault
from networks.leakage.districts import DistrictWatch
from networks.leakage.link_watch import link_behind
from networks.leakage.reports import ActiveLeak, Report
from networks.leakage.scada import Scada
from networks.leakage.sensor_faults import SensorFault
from networks.leakage.settings import LeakSettings
from networks.leakage.watch import Watch
from service.leakage import readings
from service.water import WaterCity

Kind = Literal["districts", "model"]
ANALYSIS = timedelta(minutes=30)  # step of the model's watch
_FREE = 1e-6  # a price of nothing: no leak is worth a crew then


class LeakWatch(Protocol):
    """What a pass asks of a watch, whichever it is."""

    @property
    def active(self) -> list[ActiveLeak]: ...
    @property
    def sensor_faults(self) -> list[SensorFault]: ...
    def read(self, scada: Scada) -> list[Report]: ...
    def repaired(self, leak_id: str, at_utc: datetime) -> None: ...
    def dug(self, pipe: str, at_utc: datetime, found: bool, leak_id: str | None = None) -> None: ...
    def state(self) -> dict[str, Any]: ...


def kind(side: WaterCity) -> Kind:
    """By what city.toml has. Raises `PenstockError` where it has too little for either watch."""
    if side.sensors and readings.by_district(side):
        return "districts"
    if not side.sensors or not side.flow_meters:
        seen = "no pressure sensor" if not side.sensors else "no inflow meter of a district and no flow meter on a link"
        allowed = "pressure sensors with their node; inflow meters with their zone, or flow meters with the link they sit on"
        raise fault("leak watch", seen, allowed, "Add them to city.toml.")
    step = readings.step_of(side)
    if ANALYSIS % step and step % ANALYSIS:
        raise fault("leak watch", f"pressures every {step.seconds} s", "a whole part of 30 min, or an hour", "Correct step_s.")
    return "model"


def told(side: WaterCity) -> str:
    """How leaks are looked for, in a few words."""
    if kind(side) == "districts":
        return f"looked for in the inflow of {_many(len(set(side.dma_points('volume_register_m3').values())), 'district')}"
    customers = f" and {_many(len(side.customer_meters), 'meter')} of customers" if side.customer_meters else ""
    return f"looked for with the network model, by {_many(len(side.flow_meters), 'flow meter')} on links{customers}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def calibrated(side: WaterCity, history: Scada) -> LeakWatch:
    """A watch that has learnt from history. Raises `PenstockError` where that is too short."""
    if kind(side) == "districts":
        return DistrictWatch.calibrate(side.network, history, readings.sites(side), (side.water.price_per_m3, side.water.crew_call_cost))
    return Watch.calibrate(side.network, history, readings.sites(side), LeakSettings(**_prices(side)))


def restored(side: WaterCity, kept: dict[str, Any]) -> LeakWatch:
    """The watch whose `state_of` was kept; what its prices are now holds for the model's watch."""
    if kept["kind"] == "districts":
        return DistrictWatch.restore(side.network, kept["watch"])
    watch = Watch.restore(side.network, kept["watch"])
    watch.settings = watch.settings.model_copy(update=_prices(side))
    return watch


def state_of(watch: LeakWatch) -> dict[str, Any]:
    """What a watch is and knows, JSON-able."""
    found: Kind = "model" if isinstance(watch, Watch) else "districts"
    return {"kind": found, "watch": watch.state()}


def close(watch: LeakWatch) -> None:
    """Give EPANET's memory back."""
    if isinstance(watch, Watch):
        watch.model.close()


def _prices(side: WaterCity) -> dict[str, Any]:
    price = max(side.water.price_per_m3, _FREE)
    return {"price_per_m3": price, "crew_call_cost": side.water.crew_call_cost, "step_min": ANALYSIS // timedelta(minutes=1)}


def whole(side: WaterCity, start: datetime, until: datetime) -> datetime:
    """The last time not after `until` that a watch can read to from `start`. The model's reads whole steps of analysis and of each meter,
    and waits for the register after a customer's last interval."""
    if kind(side) == "districts":
        return max(start, until)
    points = [name for name, point in side.city.points.items() if point.meter in side.flow_meters]
    steps = {timedelta(seconds=side.city.points[name].step_s) for name in (*side.sensors, *side.customer_meters, *points)}
    step = ANALYSIS if all(ANALYSIS % one == timedelta() for one in steps) else HOUR
    ready = until - step if side.customer_meters else until
    return start + max((ready - start) // step, 0) * step


def doubts(watch: LeakWatch, day: Scada, leaks: Iterable[str]) -> dict[str, str]:
    """{leak: sentence} of those leaks that a link in another state than the network says would explain better, by the day's readings."""
    found = {leak: link_behind(watch, day, leak) for leak in leaks} if isinstance(watch, Watch) and day.pressure.steps else {}
    return {leak: state.sentence for leak, state in found.items() if state is not None}


def silent(side: WaterCity, scada: Scada) -> list[str]:
    """What the model's watch cannot do without and has not heard in a stretch of readings: it finds nothing in that time."""
    if kind(side) == "districts" or not scada.pressure.steps:
        return []
    blocks = [block for block in (scada.flow, scada.level, scada.running) if block is not None]
    found = [name for block in blocks for name, heard in zip(block.ids, block.usable(), strict=True) if not heard.any()]
    customers = scada.consumption is not None and not scada.consumption.usable().any()
    return [*found, *(["customers' meters"] if customers else [])]
