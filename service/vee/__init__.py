"""Validation, estimation, editing: what validation asks people, what they settle, and what they change."""
