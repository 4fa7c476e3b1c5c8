"""The audit: a line for every decision, each sealed behind the one before."""
