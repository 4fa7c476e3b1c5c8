"""The demo city and what makes it."""
