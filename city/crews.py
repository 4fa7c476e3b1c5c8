"""Who turns valves by hand, and how long that takes: `[[crews]]` and `[water.works]` of city.toml."""

from pydantic import Field

from city.places import Place


class Crew(Place):
    """People with a van who turn valves and repair pipes."""

    id: str = Field(description="short name")
    name: str = Field(default="", description="as the operators call it")
    name_zh: str = Field(default="", description="its Chinese name")
    node: str = Field(description="node of the water network where it starts")
    shift_from_hour: float = Field(default=0.0, ge=0, lt=24, description="local hour at which its shift begins")
    shift_hours: float = Field(default=24.0, gt=0, le=24, description="length of its shift, every day [h]")


class Works(Place):
    """Times and speeds of work on the water network."""

    metres_per_unit: float | None = Field(
        default=None, gt=0, description="metres per unit of the network's drawing; none: the median of pipe length over drawn length"
    )
    detour_factor: float = Field(default=1.3, ge=1, description="way by road over the straight line")
    speed_km_per_h: float = Field(default=30.0, gt=0, description="of a crew's van [km/h]")
    leave_s: float = Field(default=600.0, ge=0, description="from the call until a crew leaves, or a motor may be started [s]")
    set_up_s: float = Field(default=180.0, ge=0, description="to find and open a valve's box [s]")
    turn_s: float = Field(default=4.0, gt=0, description="one turn of a valve by hand [s]")
    motor_s: float = Field(default=180.0, gt=0, description="a motorised valve from open to closed [s]")
    surge_m: float = Field(default=20.0, gt=0, description="most that closing a valve may raise the pressure [m]")
    wave_m_per_s: float = Field(default=1000.0, gt=0, description="speed of a pressure wave; about 1000 in iron, 400 in plastic [m/s]")
    effective_stroke: float = Field(default=0.3, gt=0, le=1, description="last part of a gate valve's stroke, in which it throttles")
    repair_h: float = Field(default=4.0, ge=0, description="to dig, repair and test [h]")
    fill_m_per_s: float = Field(default=0.3, gt=0, description="fastest filling, in the pipe of the first valve that opens [m/s]")
    flush_m_per_s: float = Field(default=0.9, gt=0, description="velocity in the repaired pipe while it is flushed [m/s]")
    flush_volumes: float = Field(default=2.0, ge=0, description="times the emptied volume that is flushed")
    customer_hour_m3: float = Field(
        default=0.1, ge=0, description="water lost that weighs as much as one customer without water for an hour [m3]"
    )
