"""Layers of a geographic information system made into a network, or compared with one."""

from networks.gis.importing import Imported, bring_together
from networks.gis.layers import LINES, POINTS, Layer, merged, read

__all__ = ["LINES", "POINTS", "Imported", "Layer", "bring_together", "merged", "read"]
