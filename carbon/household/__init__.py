"""Books of buildings and households: what a square metre or a person uses, and what may be published of many homes together."""
