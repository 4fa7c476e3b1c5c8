"""Demand response: programmes, the baseline that a reduction is measured against, and settlement by readings."""
