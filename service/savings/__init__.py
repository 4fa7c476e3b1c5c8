"""What was saved: measures by the weather-normalised model of their baseline, Penstock's own plans night by night."""
