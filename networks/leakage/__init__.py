"""Leaks of a network in service: found, sized, placed, kept in a list until they are repaired."""
