"""Physical quantities whose names carry their unit, and the integers they are stored as."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what only names quantities need not load it
    import numpy as np
    from numpy.typing import NDArray


class Quantity(StrEnum):
    """What a number measures. The value is the column and register name, unit included.

    An *instant* quantity is the reading at a time (a register, a pressure, a level); a *period* quantity belongs to the
    interval that starts at its time. A *register* quantity counts up; its differences are the period quantity `usage`.
    """

    ENERGY_REGISTER_KWH = "energy_register_kwh"
    VOLUME_REGISTER_M3 = "volume_register_m3"
    GAS_REGISTER_M3 = "gas_register_m3"
    HEAT_REGISTER_KWH = "heat_register_kwh"
    MASS_REGISTER_KG = "mass_register_kg"
    ENERGY_KWH = "energy_kwh"
    VOLUME_M3 = "volume_m3"
    GAS_M3 = "gas_m3"
    HEAT_KWH = "heat_kwh"
    MASS_KG = "mass_kg"
    POWER_KW = "power_kw"
    FLOW_M3_PER_H = "flow_m3_per_h"
    PRESSURE_M = "pressure_m"
    LEVEL_M = "level_m"
    CHARGE_KWH = "charge_kwh"
    TEMPERATURE_DEGC = "temperature_degc"
    CHLORINE_MG_PER_L = "chlorine_mg_per_l"  # free chlorine
    TURBIDITY_NTU = "turbidity_ntu"
    PH = "ph"
    CONDUCTIVITY_US_PER_CM = "conductivity_us_per_cm"
    OPENING = "opening"  # of a valve, 0 closed .. 1 open
    RUNNING = "running"  # of a pump, 0 off or 1 on
    COMMAND_KW = "command_kw"  # the power a device was told to keep
    REACTIVE_ENERGY_REGISTER_KVARH = "reactive_energy_register_kvarh"
    REACTIVE_ENERGY_KVARH = "reactive_energy_kvarh"
    REACTIVE_POWER_KVAR = "reactive_power_kvar"
    APPARENT_POWER_KVA = "apparent_power_kva"
    POWER_FACTOR = "power_factor"
    VOLTAGE_V = "voltage_v"
    CURRENT_A = "current_a"
    FREQUENCY_HZ = "frequency_hz"
    STATE_OF_CHARGE_PCT = "state_of_charge_pct"
    STATE = "state"  # a number with a meaning: an enum, an alarm bit
    BATTERY_PCT = "battery_pct"  # what is left in the meter's own battery
    CLOCK_S = "clock_s"  # what the meter's own clock shows, seconds since 1970

    @property
    def scale(self) -> int:
        """Integers per unit in the store: Wh for kWh, mL for m3, g for kg, mm for m, W for kW."""
        return _SCALE[self]

    @property
    def unit(self) -> str:
        return _UNIT[self]

    @property
    def usage(self) -> Quantity | None:
        """The period quantity that differences of this register give, or None when this is no register."""
        return _USAGE.get(self)

    @property
    def is_register(self) -> bool:
        return self in _USAGE

    @property
    def is_period(self) -> bool:
        return self in _USAGE.values()

    def to_int(self, values: NDArray[np.floating] | float) -> NDArray[np.int64]:
        """Round unit values to the store's integers, half to even; not-a-number becomes 0 (its quality says missing)."""
        import numpy as np

        return np.rint(np.nan_to_num(np.asarray(values, dtype=float)) * self.scale).astype(np.int64)

    def to_unit(self, stored: NDArray[np.integer] | int) -> NDArray[np.float64]:
        """The store's integers back in the unit of the name."""
        import numpy as np

        return np.asarray(stored, dtype=np.float64) / self.scale


_USAGE = {
    Quantity.ENERGY_REGISTER_KWH: Quantity.ENERGY_KWH,
    Quantity.VOLUME_REGISTER_M3: Quantity.VOLUME_M3,
    Quantity.GAS_REGISTER_M3: Quantity.GAS_M3,
    Quantity.HEAT_REGISTER_KWH: Quantity.HEAT_KWH,
    Quantity.MASS_REGISTER_KG: Quantity.MASS_KG,
    Quantity.REACTIVE_ENERGY_REGISTER_KVARH: Quantity.REACTIVE_ENERGY_KVARH,
}

_UNIT = {
    Quantity.ENERGY_REGISTER_KWH: "kWh",
    Quantity.VOLUME_REGISTER_M3: "m3",
    Quantity.GAS_REGISTER_M3: "m3",
    Quantity.HEAT_REGISTER_KWH: "kWh",
    Quantity.ENERGY_KWH: "kWh",
    Quantity.VOLUME_M3: "m3",
    Quantity.GAS_M3: "m3",
    Quantity.HEAT_KWH: "kWh",
    Quantity.MASS_REGISTER_KG: "kg",
    Quantity.MASS_KG: "kg",
    Quantity.POWER_KW: "kW",
    Quantity.FLOW_M3_PER_H: "m3/h",
    Quantity.PRESSURE_M: "m",
    Quantity.LEVEL_M: "m",
    Quantity.CHARGE_KWH: "kWh",
    Quantity.TEMPERATURE_DEGC: "degC",
    Quantity.CHLORINE_MG_PER_L: "mg/L",
    Quantity.TURBIDITY_NTU: "NTU",
    Quantity.PH: "1",
    Quantity.CONDUCTIVITY_US_PER_CM: "uS/cm",
    Quantity.OPENING: "1",
    Quantity.RUNNING: "1",
    Quantity.COMMAND_KW: "kW",
    Quantity.REACTIVE_ENERGY_REGISTER_KVARH: "kvarh",
    Quantity.REACTIVE_ENERGY_KVARH: "kvarh",
    Quantity.REACTIVE_POWER_KVAR: "kvar",
    Quantity.APPARENT_POWER_KVA: "kVA",
    Quantity.POWER_FACTOR: "1",
    Quantity.VOLTAGE_V: "V",
    Quantity.CURRENT_A: "A",
    Quantity.FREQUENCY_HZ: "Hz",
    Quantity.STATE_OF_CHARGE_PCT: "%",
    Quantity.STATE: "1",
    Quantity.BATTERY_PCT: "%",
    Quantity.CLOCK_S: "s",
}

_SCALE = {quantity: 1_000_000 if unit in ("m3", "m3/h") else 1_000 for quantity, unit in _UNIT.items()}
