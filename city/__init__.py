"""The shared words of the house: quantities, the clock, frames, places and problems. Imports none of the other packages."""
