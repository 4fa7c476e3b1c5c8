"""Forecasts of a city: machines are trained when they are due, and answer every night and in between."""
