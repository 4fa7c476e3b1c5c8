"""Targets per unit of GDP and of shares: metrics and their bases, GDP by vintage, paths, now-cast and odds."""
