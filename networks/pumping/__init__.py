"""Pumps in EPANET: what is asked, what a schedule does, operating points, and the judge."""

from networks.pumping.day import Day, PumpDay, Running, Step
from networks.pumping.limits import PumpLimits
from networks.pumping.operating import Mode, OperatingPoints
from networks.pumping.task import PumpTask
from networks.pumping.verdict import Verdict, judge, judged

__all__ = ["Day", "Mode", "OperatingPoints", "PumpDay", "PumpLimits", "PumpTask", "Running", "Step", "Verdict", "judge", "judged"]
