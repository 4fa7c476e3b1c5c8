"""The water network's front door: read a network, run it, draw it, cut it into zones."""

from networks.hydraulics import Burst, Hydraulics, LevelControl, simulate
from networks.network import Network, layout
from networks.zones import zones

__all__ = ["Burst", "Hydraulics", "LevelControl", "Network", "layout", "simulate", "zones"]
