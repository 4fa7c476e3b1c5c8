"""Registers on the wire to Readings in a table: device maps, polling, spool, validation, control, simulator. pymodbus lives only here."""
