"""The Water page: network, leaks, isolation, losses."""
