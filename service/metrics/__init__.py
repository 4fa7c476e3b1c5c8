"""Figures for Prometheus and answers for health checks, read from the store and the disk when somebody asks."""
