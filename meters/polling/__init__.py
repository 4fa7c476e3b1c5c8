"""Which meter is asked when, for what, and what one slot of readings is made of."""
