"""Readings on their way: safe on this disk until the next place has them."""
