"""The tables of the power grid: its state, outages and what was proposed for them."""
