"""The kinds of assets. A new kind is one file with one class, and one word in KINDS; a user's own needs no word (see `own`)."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter

from optimisation.asset import AssetKind
from optimisation.assets.battery import Battery
from optimisation.assets.boiler import Boiler
from optimisation.assets.chiller import Chiller
from optimisation.assets.chp import Chp
from optimisation.assets.curtailable import Curtailable
from optimisation.assets.deferrable_load import DeferrableLoad
from optimisation.assets.demand_response import DemandResponse
from optimisation.assets.diesel import Diesel
from optimisation.assets.ev_fleet import EvFleet
from optimisation.assets.fixed_load import FixedLoad
from optimisation.assets.gravity_main import GravityMain
from optimisation.assets.grid import Grid
from optimisation.assets.heat_pump import HeatPump
from optimisation.assets.interruptible import Interruptible
from optimisation.assets.island import Island
from optimisation.assets.line import Line
from optimisation.assets.own import with_own
from optimisation.assets.process import Process
from optimisation.assets.pump_station import PumpStation
from optimisation.assets.pumped_storage import PumpedStorage
from optimisation.assets.street_lights import StreetLights
from optimisation.assets.supply import Supply
from optimisation.assets.tank import Tank
from optimisation.assets.thermal_building import ThermalBuilding
from optimisation.assets.thermal_storage import ThermalStorage
from optimisation.assets.ups import Ups
from optimisation.assets.variable_pump import VariablePump

KINDS: tuple[type[AssetKind], ...] = with_own(
    (
        Grid,
        Line,
        FixedLoad,
        Curtailable,
        Battery,
        Ups,
        ThermalStorage,
        PumpedStorage,
        EvFleet,
        Interruptible,
        DemandResponse,
        StreetLights,
        PumpStation,
        VariablePump,
        GravityMain,
        Process,
        DeferrableLoad,
        Tank,
        Island,
        Diesel,
        ThermalBuilding,
        Chiller,
        Chp,
        HeatPump,
        Boiler,
        Supply,
    )
)

if TYPE_CHECKING:
    Asset = AssetKind
else:
    Asset = Annotated[reduce(or_, KINDS), Field(discriminator="kind")]
"""What one [[assets]] table of city.toml parses to."""

ASSETS: TypeAdapter[tuple[Asset, ...]] = TypeAdapter(tuple[Asset, ...])

__all__ = ["ASSETS", "KINDS", "Asset", "AssetKind", *(kind.__name__ for kind in KINDS)]
