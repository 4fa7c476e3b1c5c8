"""[water] of city.toml: the network and what matters in it."""

from typing import Annotated

from pydantic import Field

from city.crews import Works
from city.named_files import Names
from city.places import Place
from service.loss_settings import Losses


class Water(Place):
    """The water network and what matters in it."""

    network: Annotated[str, Names.BESIDE] = Field(description="EPANET file beside city.toml, or the name of one in wntr's library")
    valves: Annotated[str, Names.BESIDE] = Field(description="table of isolation valves (CSV or GeoJSON), beside city.toml")
    service_pressure_m: float = Field(default=20.0, gt=0, description="below this a customer is badly served [m]")
    zones: dict[str, list[str]] = Field(default_factory=dict, description="junctions of each DMA; none: made from the network")
    customers_per_m3_per_h: float = Field(default=50.0, ge=0, description="customers behind one m3/h of mean demand")
    night_use_l_per_person_h: float = Field(default=0.6, ge=0, description="legitimate use at night [L/person/h]")
    critical: dict[str, str] = Field(default_factory=dict, description="junction -> who must not run dry")
    hydrants: list[str] = Field(default_factory=list, description="junctions with a hydrant")
    stuck_valves: list[str] = Field(default_factory=list, description="valves that are known not to turn")
    valve_panel: str | None = Field(default=None, description="meter id of the panel that moves the valves")
    price_per_m3: float = Field(default=0.8, ge=0, description="what a lost cubic metre costs [currency/m3]")
    crew_call_cost: float = Field(default=500.0, ge=0, description="what a crew costs that digs in vain [currency]")
    losses: Losses = Losses()
    works: Works = Works()
