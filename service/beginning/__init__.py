"""A first city: from a person's CSV, a real meter or a simulated field to a small city.toml that runs."""
