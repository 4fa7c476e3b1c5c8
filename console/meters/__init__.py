"""The Meters page: who answers, what spoiled readings, the course of a point."""
