"""The Runs page: what happened."""
