"""Validation, estimation and usage: what a reading is worth and what it counts."""
