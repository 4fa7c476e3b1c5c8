"""The shift log: what changed since the last shift, notes, and the hand-over from one person to the next."""
