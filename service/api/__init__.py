"""The public, read-only JSON API: one declaration per operation, from which routes, checks and docs/openapi.json follow."""
