"""The boiler house's heat meter: nobody polls it, the head-end of its maker sends a message with the day's quarter-hours.

The heat is the demo's gas (`profiles.gas_m3`) through a boiler of one efficiency, so it measures nothing of its own: it shows the road.
"""

import os
import shutil
from pathlib import Path
from xml.etree import ElementTree as Xml

import pandas as pd

HEAT_KWH_PER_M3 = 8.9  # nine tenths of the 9.88 kWh that a cubic metre burns to (1.2143 kgce of 8.141 kWh)
METER = "H-0047"  # what the head-end calls it
READING_TYPE = "0.0.2.4.1.12.12.0.0.0.0.0.0.0.0.3.72.0"  # 15 minutes, delta, forward, heating fluid, energy, kWh
ESTIMATED = "2.8.0"  # quality code: estimated, by the metering system
ESTIMATED_AT = 54  # the quarter-hour 13:30: its telegram was lost, the head-end took the mean of its neighbours
SENT_AFTER = pd.Timedelta(minutes=10)  # the end of the day


def heat_kwh(gas_m3: pd.DataFrame) -> pd.DataFrame:
    """Heat of every quarter-hour into the network of the flats [kWh], as the register of the heat plant counts it."""
    return (gas_m3["gas-boiler"] * HEAT_KWH_PER_M3).round(3).to_frame("heat-plant.energy")


def write_message(path: Path, gas_m3: pd.Series) -> None:
    """Write the MeterReadings message about the quarter-hours of `gas_m3` [m3, index: start of the quarter, UTC]."""
    heat = (gas_m3 * HEAT_KWH_PER_M3).round(1)
    heat.iloc[ESTIMATED_AT] = round((heat.iloc[ESTIMATED_AT - 1] + heat.iloc[ESTIMATED_AT + 1]) / 2, 1)
    root = Xml.Element("MeterReadings", xmlns="http://iec.ch/TC57/2011/MeterReadings#")
    reading = Xml.SubElement(root, "MeterReading")
    blocks = Xml.SubElement(reading, "IntervalBlocks")
    for number, (start, kwh) in enumerate(heat.items()):
        interval = Xml.SubElement(blocks, "IntervalReadings")
        end = pd.Timestamp(str(start)) + pd.Timedelta("15min")
        Xml.SubElement(interval, "timeStamp").text = f"{end:%Y-%m-%dT%H:%M:%SZ}"
        Xml.SubElement(interval, "value").text = f"{kwh:.1f}"
        if number == ESTIMATED_AT:
            Xml.SubElement(Xml.SubElement(interval, "ReadingQualities"), "ReadingQualityType", ref=ESTIMATED)
    Xml.SubElement(blocks, "ReadingType", ref=READING_TYPE)
    Xml.SubElement(Xml.SubElement(reading, "Meter"), "mRID").text = METER
    Xml.indent(root)
    path.write_bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    sent = (heat.index[-1] + pd.Timedelta("15min") + SENT_AFTER).timestamp()
    os.utime(path, (sent, sent))  # the time of a file is when its readings were received


def deliver(message: Path, folder: Path) -> None:
    """Put the message into the watched folder, unless it was taken from there already. Under its name it is whole from the start."""
    if any((folder / "done").glob(f"*-{message.name}")):
        return
    folder.mkdir(exist_ok=True)
    part = folder / f"{message.name}.part"
    shutil.copy2(message, part)
    part.replace(folder / message.name)
