"""The run report: what a night did, found and asks for, as one HTML file to read and one JSON file for machines."""

VERSION = 1
"""Of the JSON document; a key that changes its meaning or goes makes it rise, one that is added does not."""
