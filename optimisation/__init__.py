"""Forecasts, state, prices and carbon intensity to one Plan. pyomo and highspy live only here."""
