"""The grid page: feeder diagram, loading, voltage, losses, outages and their restoration."""
