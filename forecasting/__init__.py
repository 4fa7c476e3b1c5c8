"""Readings to Forecasts with bands, and the backtest that states their skill. lightgbm and statsmodels live only here."""
