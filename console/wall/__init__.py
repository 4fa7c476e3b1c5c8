"""The wall display: `?wall=1`."""
