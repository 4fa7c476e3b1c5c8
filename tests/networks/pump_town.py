"""A town small enough that every schedule of six hours can be tried: two equal pumps fill one tank, a tariff that doubles at noon."""

from pathlib import Path

from networks.network import Network

TOWN = """
[JUNCTIONS]
 A  0  0
 B  10 60 DEM
[RESERVOIRS]
 R  0
[TANKS]
 T  40 2.0 0.5 4.0 9 0
[PIPES]
 P1 A B 800 250 120 0 Open
 P2 B T 400 250 120 0 Open
[PUMPS]
 X  R A HEAD H
 Y  R A HEAD H
[PATTERNS]
 DEM   0.8 1.2 1.4 1.0 0.9 0.7
 PRICE 0.1 0.1 0.1 0.2 0.2 0.2
[CURVES]
 H 60 55
 E 30 50
 E 60 75
 E 120 60
[ENERGY]
 Pump X Efficiency E
 Pump X Price 1
 Pump X Pattern PRICE
 Pump Y Efficiency E
 Pump Y Price 1
 Pump Y Pattern PRICE
[TIMES]
 Duration 6:00
 Hydraulic Timestep 0:30
 Pattern Timestep 1:00
 Report Timestep 1:00
[OPTIONS]
 Units CMH
 Headloss H-W
[COORDINATES]
 A 0 0
 B 1 0
 R -1 0
 T 2 0
[END]
"""


def town(folder: Path) -> Network:
    path = folder / "town.inp"
    path.write_text(TOWN)
    return Network.read(path)
