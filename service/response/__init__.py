"""Demand response in the service: events as records, what binds the next plan, settlement by readings, and who is told."""
