"""The power grid of a city: its state from readings, losses, outages, and switching that people approve."""
