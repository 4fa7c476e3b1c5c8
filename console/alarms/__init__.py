"""Alarms: the list of Now and the wall, and how well the alarms serve."""
