"""Alarm management after ISA-18.2 / IEC 62682: conditions become alarms with states, a journal and a list that can be worked."""
