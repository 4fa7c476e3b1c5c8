"""What the pipes are doing: hydraulics, segments, leaks, balance. wntr lives only here."""
