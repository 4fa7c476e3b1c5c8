"""Enterprises in the carbon market: their monitoring plan, the quality of their data, and the allowances they hold and owe."""
